//! How keys are laid out. Numbers are big-endian, so that bytes sort as numbers do.

use opentelemetry::{SpanId, TraceId};
use opentelemetry_proto::tonic::trace::v1::Span;

/// Length of a trace id in bytes.
pub(super) const TRACE_ID_LEN: usize = 16;
/// Length of the ids of a span: trace id, span id.
pub(super) const SPAN_KEY_LEN: usize = TRACE_ID_LEN + 8;
const BATCH_LEN: usize = 4 + 8;
/// Length of what the chunks of a trace in one batch share.
pub(super) const CHUNK_PREFIX_LEN: usize = BATCH_LEN + TRACE_ID_LEN;
const CHUNK_KEY_LEN: usize = CHUNK_PREFIX_LEN + 2;
const PLACE_KEY_LEN: usize = TRACE_ID_LEN + BATCH_LEN;
const BLOCK_KEY_LEN: usize = 1 + 4 + 8 + 8 + 2;

/// Both ids of a span, trace id first.
pub(super) type SpanKey = [u8; SPAN_KEY_LEN];

/// The ids of a span. `None` unless both have their length and are not all zeros.
pub(super) fn span_key(span: &Span) -> Option<SpanKey> {
    let trace_id: [u8; TRACE_ID_LEN] = span.trace_id.as_slice().try_into().ok()?;
    let span_id: [u8; 8] = span.span_id.as_slice().try_into().ok()?;
    key_of(
        TraceId::from(u128::from_be_bytes(trace_id)),
        SpanId::from(u64::from_be_bytes(span_id)),
    )
}

/// The same from the ids. `None` if one of them is all zeros.
pub(super) fn key_of(trace_id: TraceId, span_id: SpanId) -> Option<SpanKey> {
    if trace_id == TraceId::INVALID || span_id == SpanId::INVALID {
        return None;
    }
    let mut key = [0; SPAN_KEY_LEN];
    key[..TRACE_ID_LEN].copy_from_slice(&trace_id.to_bytes());
    key[TRACE_ID_LEN..].copy_from_slice(&span_id.to_bytes());
    Some(key)
}

/// The trace id of a span's ids.
pub(super) fn trace_id_of(span_key: &SpanKey) -> [u8; TRACE_ID_LEN] {
    let (trace_id, _) = span_key
        .split_first_chunk()
        .expect("a span's ids are longer than one");
    *trace_id
}

/// The minute of a time, since the Unix epoch.
pub(super) fn minute_of(nanos: u64) -> u32 {
    u32::try_from(nanos / MINUTE_NS)
        .expect("all nanoseconds that there are, are 307 million minutes")
}

/// The first nanosecond of a minute.
pub(super) fn start_of(minute: u32) -> u64 {
    u64::from(minute).saturating_mul(MINUTE_NS)
}

/// The last nanosecond of a minute.
pub(super) fn end_of(minute: u32) -> u64 {
    start_of(minute).saturating_add(MINUTE_NS - 1)
}

const MINUTE_NS: u64 = 60_000_000_000;

/// Spans that began in one minute and came in one segment of the tail: what is removed together.
///
/// The minute comes first, and segments are numbered as they come, so that new tables are behind all older ones, which
/// merging then leaves alone. Tables whose keys follow the random ids of traces are merged all, again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Batch {
    pub(super) minute: u32,
    pub(super) segment: u64,
}

impl Batch {
    fn to_bytes(self) -> [u8; BATCH_LEN] {
        let mut bytes = [0; BATCH_LEN];
        bytes[..4].copy_from_slice(&self.minute.to_be_bytes());
        bytes[4..].copy_from_slice(&self.segment.to_be_bytes());
        bytes
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (minute, segment) = bytes.split_first_chunk()?;
        Some(Self {
            minute: u32::from_be_bytes(*minute),
            segment: u64::from_be_bytes(segment.try_into().ok()?),
        })
    }

    /// What the keys of the chunks of `trace_id` begin with.
    pub(super) fn chunks_of(self, trace_id: &[u8; TRACE_ID_LEN]) -> [u8; CHUNK_PREFIX_LEN] {
        let mut prefix = [0; CHUNK_PREFIX_LEN];
        prefix[..BATCH_LEN].copy_from_slice(&self.to_bytes());
        prefix[BATCH_LEN..].copy_from_slice(trace_id);
        prefix
    }

    /// The key of the place that says: `trace_id` has chunks in this batch.
    pub(super) fn place_of(self, trace_id: &[u8; TRACE_ID_LEN]) -> [u8; PLACE_KEY_LEN] {
        let mut key = [0; PLACE_KEY_LEN];
        key[..TRACE_ID_LEN].copy_from_slice(trace_id);
        key[TRACE_ID_LEN..].copy_from_slice(&self.to_bytes());
        key
    }

    /// Which batch a place is in. `None` if it is no place.
    pub(super) fn of_place(key: &[u8]) -> Option<Self> {
        Self::read(key.get(TRACE_ID_LEN..)?)
    }
}

/// Which of a trace's chunks: large traces have several in a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ChunkKey {
    pub(super) batch: Batch,
    pub(super) trace_id: [u8; TRACE_ID_LEN],
    pub(super) part: u16,
}

impl ChunkKey {
    pub(super) fn to_bytes(self) -> [u8; CHUNK_KEY_LEN] {
        let mut key = [0; CHUNK_KEY_LEN];
        key[..CHUNK_PREFIX_LEN].copy_from_slice(&self.batch.chunks_of(&self.trace_id));
        key[CHUNK_PREFIX_LEN..].copy_from_slice(&self.part.to_be_bytes());
        key
    }

    pub(super) fn read(key: &[u8]) -> Option<Self> {
        let key: &[u8; CHUNK_KEY_LEN] = key.try_into().ok()?;
        let (batch, rest) = key.split_at(BATCH_LEN);
        let (trace_id, part) = rest.split_first_chunk()?;
        Some(Self {
            batch: Batch::read(batch)?,
            trace_id: *trace_id,
            part: u16::from_be_bytes(part.try_into().ok()?),
        })
    }
}

/// Which index a block is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Every span of a service, by start.
    All = b'a' as isize,
    /// The failed spans of a service, by start: errors are rare, and looking for one must not read all spans.
    Errors = b'e' as isize,
}

/// Where a block of index entries is: below its service, by the start of its newest entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BlockKey {
    pub(super) kind: Kind,
    pub(super) service: u32,
    pub(super) newest_ns: u64,
    pub(super) segment: u64,
    pub(super) part: u16,
}

impl BlockKey {
    pub(super) fn to_bytes(self) -> [u8; BLOCK_KEY_LEN] {
        let mut key = [0; BLOCK_KEY_LEN];
        key[..13].copy_from_slice(&bound(self.kind, self.service, self.newest_ns));
        key[13..21].copy_from_slice(&self.segment.to_be_bytes());
        key[21..].copy_from_slice(&self.part.to_be_bytes());
        key
    }

    pub(super) fn read(key: &[u8]) -> Option<Self> {
        let key: &[u8; BLOCK_KEY_LEN] = key.try_into().ok()?;
        Some(Self {
            kind: match key[0] {
                b'a' => Kind::All,
                b'e' => Kind::Errors,
                _ => return None,
            },
            service: u32::from_be_bytes(key[1..5].try_into().ok()?),
            newest_ns: u64::from_be_bytes(key[5..13].try_into().ok()?),
            segment: u64::from_be_bytes(key[13..21].try_into().ok()?),
            part: u16::from_be_bytes(key[21..].try_into().ok()?),
        })
    }
}

/// Below all blocks of a service whose newest entry starts at `start_ns` or later.
pub(super) fn bound(kind: Kind, service: u32, start_ns: u64) -> [u8; 13] {
    let mut bound = [0; 13];
    bound[0] = kind as u8;
    bound[1..5].copy_from_slice(&service.to_be_bytes());
    bound[5..].copy_from_slice(&start_ns.to_be_bytes());
    bound
}

/// Above all blocks of a service whose newest entry starts at `start_ns` or earlier.
pub(super) fn bound_above(kind: Kind, service: u32, start_ns: u64) -> [u8; BLOCK_KEY_LEN + 1] {
    let mut above = [0xff; BLOCK_KEY_LEN + 1];
    above[..13].copy_from_slice(&bound(kind, service, start_ns));
    above
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_were_written() {
        let batch = Batch {
            minute: 7,
            segment: 1 << 40,
        };
        let trace_id = [9; TRACE_ID_LEN];
        assert_eq!(Batch::of_place(&batch.place_of(&trace_id)), Some(batch));
        assert_eq!(Batch::of_place(b"short"), None);
        let chunk = ChunkKey {
            batch,
            trace_id,
            part: 3,
        };
        assert_eq!(ChunkKey::read(&chunk.to_bytes()), Some(chunk));
        assert!(chunk.to_bytes().starts_with(&batch.chunks_of(&trace_id)));
        for kind in [Kind::All, Kind::Errors] {
            let block = BlockKey {
                kind,
                service: 5,
                newest_ns: u64::MAX,
                segment: 2,
                part: u16::MAX,
            };
            assert_eq!(BlockKey::read(&block.to_bytes()), Some(block));
            assert!(block.to_bytes()[..] < bound_above(kind, 5, u64::MAX)[..]);
        }
    }

    #[test]
    fn a_minute_ends_before_the_next() {
        for minute in [0, 1, 29_000_000, minute_of(u64::MAX) - 1] {
            assert_eq!(minute_of(start_of(minute)), minute);
            assert_eq!(minute_of(end_of(minute)), minute);
            assert_eq!(end_of(minute) + 1, start_of(minute + 1));
        }
        assert_eq!(end_of(minute_of(u64::MAX)), u64::MAX);
    }
}
