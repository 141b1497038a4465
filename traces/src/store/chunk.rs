//! A segment of the tail, sorted: the spans of a trace together in chunks, and what is to be indexed.

use std::collections::BTreeMap;

use super::{
    block::{Located, sort},
    key::{Batch, ChunkKey, TRACE_ID_LEN, minute_of, trace_id_of},
    record::{Record, frames},
    tail::Copied,
};

/// A chunk that has reached this is full: who looks for one span reads a whole chunk.
const CHUNK_BYTES: usize = 64 << 10;

/// What is to be indexed of a segment, by service and minute.
pub(super) type Index<'a> = BTreeMap<(u32, u32), Vec<Located<'a>>>;

/// The records of a segment, by minute and trace.
#[derive(Debug)]
pub(super) struct Sorted<'a> {
    segment: &'a Copied,
    lines: Vec<Line>,
}

/// A record, by what it is sorted by. Those of one trace stay in the order in which they came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Line {
    minute: u32,
    trace_id: [u8; TRACE_ID_LEN],
    start: usize,
    end: usize,
}

impl<'a> Sorted<'a> {
    /// Records that are broken are left out, and said to `broken`.
    pub(super) fn of(segment: &'a Copied, broken: impl Fn()) -> Self {
        let mut lines = Vec::new();
        for frame in frames(&segment.bytes) {
            match frame.record(&segment.bytes) {
                Some(record) => lines.push(Line {
                    minute: minute_of(record.start_ns),
                    trace_id: trace_id_of(&record.span_key),
                    start: frame.range.start,
                    end: frame.range.end,
                }),
                None => broken(),
            }
        }
        lines.sort_unstable();
        Self { segment, lines }
    }

    /// Hands each chunk to `write`, in the order of their keys, and returns the index of what is in them.
    pub(super) fn chunks<E>(
        &self,
        mut write: impl FnMut(ChunkKey, Vec<u8>) -> Result<(), E>,
    ) -> Result<Index<'a>, E> {
        let mut index = Index::new();
        let traces = self
            .lines
            .chunk_by(|one, other| (one.minute, one.trace_id) == (other.minute, other.trace_id));
        for lines in traces {
            self.chunks_of_trace(lines, &mut index, &mut write)?;
        }
        for records in index.values_mut() {
            sort(records);
        }
        Ok(index)
    }

    fn chunks_of_trace<E>(
        &self,
        lines: &[Line],
        index: &mut Index<'a>,
        write: &mut impl FnMut(ChunkKey, Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Line {
            minute, trace_id, ..
        } = lines[0];
        let segment = self.segment.number;
        let mut key = ChunkKey {
            batch: Batch { minute, segment },
            trace_id,
            part: 0,
        };
        let bytes: usize = lines.iter().map(|line| line.end - line.start).sum();
        let mut chunk = Vec::with_capacity(bytes.min(2 * CHUNK_BYTES));
        for line in lines {
            if chunk.len() >= CHUNK_BYTES {
                write(key, std::mem::take(&mut chunk))?;
                key.part += 1;
            }
            let frame = &self.segment.bytes[line.start..line.end];
            let record = Record::in_frame(frame).expect("it was read before");
            let offset = u32::try_from(chunk.len()).expect("a chunk is less than 4 GiB");
            let records = index.entry((record.service, minute)).or_default();
            records.push((record, key.part, offset));
            chunk.extend_from_slice(frame);
        }
        write(key, chunk)
    }
}
