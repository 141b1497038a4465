//! How keys and index entries are laid out. Numbers are big-endian, so that bytes sort as numbers do.

use opentelemetry::{SpanId, TraceId};
use opentelemetry_proto::tonic::trace::v1::{Span, status::StatusCode};

/// Length of a trace id in bytes.
pub(super) const TRACE_ID_LEN: usize = 16;
/// Length of the ids of a span: trace id, span id.
pub(super) const SPAN_KEY_LEN: usize = TRACE_ID_LEN + 8;
const MINUTE_LEN: usize = 4;
/// Length of a key in `places`: trace id, minute.
pub(super) const PLACE_KEY_LEN: usize = TRACE_ID_LEN + MINUTE_LEN;
/// Length of what the bodies of a trace that began in one minute share: minute, trace id.
pub(super) const BODY_PREFIX_LEN: usize = MINUTE_LEN + TRACE_ID_LEN;
const BODY_KEY_LEN: usize = MINUTE_LEN + SPAN_KEY_LEN;
const ENTRY_KEY_LEN: usize = 1 + 4 + 8 + SPAN_KEY_LEN;

/// The ids of a span. `None` unless both have their length and are not all zeros.
pub(super) fn span_key(span: &Span) -> Option<[u8; SPAN_KEY_LEN]> {
    let trace_id: [u8; TRACE_ID_LEN] = span.trace_id.as_slice().try_into().ok()?;
    let span_id: [u8; 8] = span.span_id.as_slice().try_into().ok()?;
    key_of(
        TraceId::from(u128::from_be_bytes(trace_id)),
        SpanId::from(u64::from_be_bytes(span_id)),
    )
}

/// The same from the ids. `None` if one of them is all zeros.
pub(super) fn key_of(trace_id: TraceId, span_id: SpanId) -> Option<[u8; SPAN_KEY_LEN]> {
    if trace_id == TraceId::INVALID || span_id == SpanId::INVALID {
        return None;
    }
    let mut key = [0; SPAN_KEY_LEN];
    key[..TRACE_ID_LEN].copy_from_slice(&trace_id.to_bytes());
    key[TRACE_ID_LEN..].copy_from_slice(&span_id.to_bytes());
    Some(key)
}

/// Which index an entry is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Every span of a service, by start.
    All = b'a' as isize,
    /// The failed spans of a service, by start: errors are rare, and looking for one must not read all spans.
    Errors = b'e' as isize,
}

/// What the index knows of a span, without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) start_ns: u64,
    pub(super) span_key: [u8; SPAN_KEY_LEN],
    pub(super) duration_ns: u64,
    pub(super) is_error: bool,
    pub(super) name: Vec<u8>,
}

impl Entry {
    pub(super) fn of(span: &Span, span_key: [u8; SPAN_KEY_LEN]) -> Self {
        Self {
            start_ns: span.start_time_unix_nano,
            span_key,
            duration_ns: span
                .end_time_unix_nano
                .saturating_sub(span.start_time_unix_nano),
            is_error: span
                .status
                .as_ref()
                .is_some_and(|status| status.code == StatusCode::Error as i32),
            name: Vec::new(),
        }
    }

    pub(super) fn trace_id(&self) -> TraceId {
        let mut id = [0; TRACE_ID_LEN];
        id.copy_from_slice(&self.span_key[..TRACE_ID_LEN]);
        TraceId::from(u128::from_be_bytes(id))
    }

    /// The key of the body: the minute in which the span began, and its ids.
    ///
    /// The minute comes first, because tables whose keys follow time are never merged with older ones; those that follow
    /// random ids are, all of them, again and again.
    pub(super) fn body_key(&self) -> [u8; BODY_KEY_LEN] {
        let mut key = [0; BODY_KEY_LEN];
        key[..MINUTE_LEN].copy_from_slice(&minute(self.start_ns));
        key[MINUTE_LEN..].copy_from_slice(&self.span_key);
        key
    }

    /// The key of the place of the body: the trace's id, and the minute.
    pub(super) fn place_key(&self) -> [u8; PLACE_KEY_LEN] {
        let mut key = [0; PLACE_KEY_LEN];
        key[..TRACE_ID_LEN].copy_from_slice(&self.span_key[..TRACE_ID_LEN]);
        key[TRACE_ID_LEN..].copy_from_slice(&minute(self.start_ns));
        key
    }

    pub(super) fn key(&self, kind: Kind, service: u32) -> [u8; ENTRY_KEY_LEN] {
        let mut key = [0; ENTRY_KEY_LEN];
        key[..13].copy_from_slice(&bound(kind, service, self.start_ns));
        key[13..].copy_from_slice(&self.span_key);
        key
    }

    pub(super) fn value(&self, name: &str) -> Vec<u8> {
        let mut value = Vec::with_capacity(9 + name.len());
        value.extend_from_slice(&self.duration_ns.to_be_bytes());
        value.push(u8::from(self.is_error));
        value.extend_from_slice(name.as_bytes());
        value
    }

    /// Reads an entry back. `None` if it is not one.
    pub(super) fn read(key: &[u8], value: &[u8]) -> Option<Self> {
        let key: &[u8; ENTRY_KEY_LEN] = key.try_into().ok()?;
        let (duration, rest) = value.split_first_chunk::<8>()?;
        let (is_error, name) = rest.split_first()?;
        Some(Self {
            start_ns: u64::from_be_bytes(key[5..13].try_into().ok()?),
            span_key: key[13..].try_into().ok()?,
            duration_ns: u64::from_be_bytes(*duration),
            is_error: *is_error == 1,
            name: name.to_vec(),
        })
    }
}

/// The start of the keys of all bodies at a place. `None` if it is no place.
pub(super) fn bodies_at(place_key: &[u8]) -> Option<[u8; BODY_PREFIX_LEN]> {
    let place_key: &[u8; PLACE_KEY_LEN] = place_key.try_into().ok()?;
    let (trace_id, minute) = place_key.split_at(TRACE_ID_LEN);
    let mut prefix = [0; BODY_PREFIX_LEN];
    prefix[..MINUTE_LEN].copy_from_slice(minute);
    prefix[MINUTE_LEN..].copy_from_slice(trace_id);
    Some(prefix)
}

/// Whole minutes since the Unix epoch: enough of them for 8,000 years.
fn minute(start_ns: u64) -> [u8; MINUTE_LEN] {
    let minutes = start_ns / 60_000_000_000;
    u32::try_from(minutes).unwrap_or(u32::MAX).to_be_bytes()
}

/// The first key of a service's spans that start at `start_ns` or later.
pub(super) fn bound(kind: Kind, service: u32, start_ns: u64) -> [u8; 13] {
    let mut bound = [0; 13];
    bound[0] = kind as u8;
    bound[1..5].copy_from_slice(&service.to_be_bytes());
    bound[5..].copy_from_slice(&start_ns.to_be_bytes());
    bound
}
