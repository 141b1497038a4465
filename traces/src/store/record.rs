//! A span as it lies in the tail and in chunks: what a search asks for first, then the span in OTLP's encoding.
//!
//! A record stands in a frame of its length and checksum, so that one that was being written at a kill is told from a whole one.

use std::ops::Range;

use opentelemetry::trace::Status;
use opentelemetry_proto::tonic::trace::v1::{Span, status::StatusCode};
use opentelemetry_sdk::trace::SpanData;
use prost::Message as _;
use xxhash_rust::xxh3::xxh3_64;

use super::{
    key::{SPAN_KEY_LEN, SpanKey, key_of, span_key},
    origin::Origin,
};
use crate::encode;

/// Length and checksum of what follows.
const FRAME_LEN: usize = 4 + 4;
/// Origin, service, ids, start, end, whether it failed, length of the name.
const HEAD_LEN: usize = 4 + 4 + SPAN_KEY_LEN + 8 + 8 + 1 + 4;

/// A record that was read. What it borrows is in the bytes that it was read from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record<'a> {
    pub(super) origin: u32,
    pub(super) service: u32,
    pub(super) span_key: SpanKey,
    pub(super) start_ns: u64,
    pub(super) end_ns: u64,
    pub(super) is_error: bool,
    pub(super) name: &'a [u8],
    /// The message `Span`; what is in the fields above may be missing there.
    body: &'a [u8],
}

impl<'a> Record<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let (origin, rest) = bytes.split_first_chunk()?;
        let (service, rest) = rest.split_first_chunk()?;
        let (span_key, rest) = rest.split_first_chunk()?;
        let (start, rest) = rest.split_first_chunk()?;
        let (end, rest) = rest.split_first_chunk()?;
        let (is_error, rest) = rest.split_first()?;
        let (name_len, rest) = rest.split_first_chunk()?;
        let name_len = usize::try_from(u32::from_be_bytes(*name_len)).ok()?;
        let (name, body) = rest.split_at_checked(name_len)?;
        Some(Self {
            origin: u32::from_be_bytes(*origin),
            service: u32::from_be_bytes(*service),
            span_key: *span_key,
            start_ns: u64::from_be_bytes(*start),
            end_ns: u64::from_be_bytes(*end),
            is_error: *is_error == 1,
            name,
            body,
        })
    }

    /// The record in a frame that is known to be whole.
    pub(super) fn in_frame(frame: &'a [u8]) -> Option<Self> {
        Self::read(frame.get(FRAME_LEN..)?)
    }

    /// The whole span. `None` if it is broken.
    pub(super) fn span(&self) -> Option<Span> {
        let mut span = Span::decode(self.body).ok()?;
        let (trace_id, span_id) = self.span_key.split_at(super::key::TRACE_ID_LEN);
        span.trace_id = trace_id.to_vec();
        span.span_id = span_id.to_vec();
        span.start_time_unix_nano = self.start_ns;
        span.end_time_unix_nano = self.end_ns;
        span.name = String::from_utf8(self.name.to_vec()).ok()?;
        Some(span)
    }
}

/// What is known of a span before its attributes are encoded.
struct Head<'a> {
    span_key: SpanKey,
    start_ns: u64,
    end_ns: u64,
    is_error: bool,
    name: &'a str,
}

/// Appends the record of a span that came by OTLP. `None` unless it has ids: then nothing is appended.
pub(super) fn push(records: &mut Vec<u8>, origin: &Origin, span: &Span) -> Option<()> {
    let status = span.status.as_ref();
    let head = Head {
        span_key: span_key(span)?,
        start_ns: span.start_time_unix_nano,
        end_ns: span.end_time_unix_nano,
        is_error: status.is_some_and(|status| status.code == StatusCode::Error as i32),
        name: &span.name,
    };
    head.push(records, origin, |records| {
        span.encode(records).expect("a Vec grows as needed");
    });
    Some(())
}

/// The record of a span of the SDK. `None` unless it has ids.
pub(super) fn of_ended(origin: &Origin, span: &SpanData) -> Option<Vec<u8>> {
    let context = &span.span_context;
    let head = Head {
        span_key: key_of(context.trace_id(), context.span_id())?,
        start_ns: encode::nanos(span.start_time),
        end_ns: encode::nanos(span.end_time),
        is_error: matches!(span.status, Status::Error { .. }),
        name: &span.name,
    };
    let mut record = Vec::with_capacity(USUAL_BYTES);
    head.push(&mut record, origin, |record| encode::rest(record, span));
    Some(record)
}

/// More than most spans have.
const USUAL_BYTES: usize = 1_024;

impl Head<'_> {
    fn push(&self, records: &mut Vec<u8>, origin: &Origin, body: impl FnOnce(&mut Vec<u8>)) {
        let start = records.len();
        let mut head = [0; FRAME_LEN + HEAD_LEN];
        let name_len = u32::try_from(self.name.len()).expect("no name has 4 GiB");
        let mut rest = &mut head[FRAME_LEN..];
        for field in [
            &origin.id.to_be_bytes()[..],
            &origin.service.id.to_be_bytes(),
            &self.span_key,
            &self.start_ns.to_be_bytes(),
            &self.end_ns.to_be_bytes(),
            &[u8::from(self.is_error)],
            &name_len.to_be_bytes(),
        ] {
            let (at, after) = rest.split_at_mut(field.len());
            at.copy_from_slice(field);
            rest = after;
        }
        records.extend_from_slice(&head);
        records.extend_from_slice(self.name.as_bytes());
        body(records);
        let (frame, record) = records[start..].split_at_mut(FRAME_LEN);
        let length = u32::try_from(record.len()).expect("no span has 4 GiB");
        frame[..4].copy_from_slice(&length.to_be_bytes());
        frame[4..].copy_from_slice(&checksum(record));
    }
}

/// Tells a record from what was there before it was written whole.
fn checksum(record: &[u8]) -> [u8; 4] {
    (xxh3_64(record) as u32).to_be_bytes()
}

/// A frame that was found.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    /// Where the frame is, its length and checksum included.
    pub(super) range: Range<usize>,
    /// Whether what is in it is what was written.
    pub(super) is_whole: bool,
}

impl Frame {
    /// The record in this frame of `bytes`. `None` if it is broken.
    pub(super) fn record<'a>(&self, bytes: &'a [u8]) -> Option<Record<'a>> {
        let frame = bytes.get(self.range.clone())?;
        self.is_whole.then(|| Record::in_frame(frame)).flatten()
    }

    /// The frame that begins at `start`. `None` if nothing does, or not all of it is there.
    pub(super) fn at(bytes: &[u8], start: usize) -> Option<Self> {
        let (length, rest) = bytes.get(start..)?.split_first_chunk()?;
        let (sum, rest) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        // Zeros are where nothing was written.
        let record = rest.get(..length).filter(|record| !record.is_empty())?;
        Some(Self {
            range: start..start + FRAME_LEN + length,
            is_whole: checksum(record) == *sum,
        })
    }
}

/// The frames in `bytes`, one after the other, up to the first that is not all there.
pub(super) fn frames(bytes: &[u8]) -> impl Iterator<Item = Frame> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let frame = Frame::at(bytes, start)?;
        start = frame.range.end;
        Some(frame)
    })
}

/// Where each record in `bytes` begins, and the record. `None` in place of one that is broken, or of a rest that is none.
pub(super) fn records(bytes: &[u8]) -> impl Iterator<Item = (usize, Option<Record<'_>>)> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let at = start;
        if at == bytes.len() {
            return None;
        }
        let frame = Frame::at(bytes, at);
        start = frame.as_ref().map_or(bytes.len(), |frame| frame.range.end);
        Some((at, frame.and_then(|frame| frame.record(bytes))))
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::store::origin::Service;

    /// The third of a store, of its fifth service.
    pub(in crate::store) fn origin() -> Origin {
        Origin {
            id: 3,
            service: Service::of_number(5),
        }
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let span = Span {
            trace_id: vec![1; 16],
            span_id: vec![2; 8],
            name: "späte Arbeit".to_owned(),
            start_time_unix_nano: u64::MAX,
            // Clocks may go back.
            end_time_unix_nano: 1,
            dropped_links_count: 9,
            ..Span::default()
        };
        let without_ids = Span::default();
        let mut bytes = Vec::new();
        push(&mut bytes, &origin(), &span).unwrap();
        assert_eq!(push(&mut bytes, &origin(), &without_ids), None);
        push(&mut bytes, &origin(), &span).unwrap();
        let mut read = 0;
        for (_, record) in records(&bytes) {
            let record = record.unwrap();
            assert_eq!((record.origin, record.service), (3, 5));
            assert!(!record.is_error);
            assert_eq!(record.span().unwrap(), span);
            read += 1;
        }
        assert_eq!(read, 2);
    }
}
