//! The index: what a search filters on, of many spans in one row.

use std::collections::BTreeMap;

use super::{
    key::{BlockKey, SPAN_KEY_LEN, SpanKey},
    record::Record,
};

/// What the index knows of a span, without its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) start_ns: u64,
    pub(super) span_key: SpanKey,
    pub(super) duration_ns: u64,
    pub(super) is_error: bool,
    /// Which of the block's names.
    name: u32,
    /// Which of the trace's chunks in the block's segment has the span.
    pub(super) part: u16,
    /// Where it is there, or in the segment while that is in the tail.
    pub(super) offset: u32,
}

/// Entries of one service, which came in one segment, the oldest first.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) service: u32,
    pub(super) segment: u64,
    names: Vec<Vec<u8>>,
    pub(super) entries: Vec<Entry>,
}

/// Entries in one row: a name's number has one byte.
pub(super) const ROW_ENTRIES: usize = 256;
const ENTRY_LEN: usize = 8 + SPAN_KEY_LEN + 8 + 1 + 1 + 2 + 4;

/// A record, and where it is: part and offset.
pub(super) type Located<'a> = (Record<'a>, u16, u32);

/// Sorts records as a block has them. Of those that are one span, the last stays.
pub(super) fn sort(records: &mut Vec<Located<'_>>) {
    let rank = |(record, ..): &Located<'_>| (record.start_ns, record.span_key);
    // The sort is stable: what came last is first among its like, and those are what is removed.
    records.reverse();
    records.sort_by_key(rank);
    records.dedup_by_key(|record| rank(record));
}

impl Block {
    /// The block of these records, which are [sorted](sort).
    pub(super) fn of(service: u32, segment: u64, records: &[Located<'_>]) -> Self {
        let mut block = Self {
            service,
            segment,
            ..Self::default()
        };
        let mut numbers = BTreeMap::new();
        for (record, part, offset) in records {
            let name = *numbers.entry(record.name).or_insert_with(|| {
                block.names.push(record.name.to_vec());
                block.names.len() - 1
            });
            block.entries.push(Entry {
                start_ns: record.start_ns,
                span_key: record.span_key,
                duration_ns: record.end_ns.saturating_sub(record.start_ns),
                is_error: record.is_error,
                name: u32::try_from(name).expect("a segment has fewer spans"),
                part: *part,
                offset: *offset,
            });
        }
        block
    }

    pub(super) fn name(&self, entry: &Entry) -> &[u8] {
        self.names
            .get(entry.name as usize)
            .map_or(&[], Vec::as_slice)
    }

    /// Only those entries that start in this time, both ends included.
    pub(super) fn between(mut self, first_ns: u64, last_ns: u64) -> Self {
        let end = self
            .entries
            .partition_point(|entry| entry.start_ns <= last_ns);
        self.entries.truncate(end);
        let start = self
            .entries
            .partition_point(|entry| entry.start_ns < first_ns);
        self.entries.drain(..start);
        self
    }

    /// A row's value. The numbers of the names it needs are below [`ROW_ENTRIES`].
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let names: usize = self.names.iter().map(|name| 4 + name.len()).sum();
        let mut bytes = Vec::with_capacity(1 + names + self.entries.len() * ENTRY_LEN);
        bytes.push(u8::try_from(self.names.len() - 1).expect("a row has at most 256 entries"));
        for name in &self.names {
            let length = u32::try_from(name.len()).expect("no name has 4 GiB");
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(name);
        }
        for entry in &self.entries {
            bytes.extend_from_slice(&entry.start_ns.to_be_bytes());
            bytes.extend_from_slice(&entry.span_key);
            bytes.extend_from_slice(&entry.duration_ns.to_be_bytes());
            bytes.push(u8::from(entry.is_error));
            bytes.push(u8::try_from(entry.name).expect("a row has at most 256 names"));
            bytes.extend_from_slice(&entry.part.to_be_bytes());
            bytes.extend_from_slice(&entry.offset.to_be_bytes());
        }
        bytes
    }

    /// Reads a row back. `None` if it is broken.
    pub(super) fn read(key: &BlockKey, value: &[u8]) -> Option<Self> {
        let (last_name, mut rest) = value.split_first()?;
        let mut names = Vec::with_capacity(usize::from(*last_name) + 1);
        for _ in 0..=*last_name {
            let (length, after) = rest.split_first_chunk()?;
            let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
            let (name, after) = after.split_at_checked(length)?;
            names.push(name.to_vec());
            rest = after;
        }
        let (entries, []) = rest.as_chunks::<ENTRY_LEN>() else {
            return None;
        };
        Some(Self {
            service: key.service,
            segment: key.segment,
            names,
            entries: entries.iter().map(Entry::read).collect::<Option<_>>()?,
        })
    }
}

impl Entry {
    fn read(bytes: &[u8; ENTRY_LEN]) -> Option<Self> {
        let (start, rest) = bytes.split_first_chunk()?;
        let (span_key, rest) = rest.split_first_chunk()?;
        let (duration, rest) = rest.split_first_chunk()?;
        let ([is_error, name], rest) = rest.split_first_chunk()?;
        let (part, offset) = rest.split_first_chunk()?;
        Some(Self {
            start_ns: u64::from_be_bytes(*start),
            span_key: *span_key,
            duration_ns: u64::from_be_bytes(*duration),
            is_error: *is_error == 1,
            name: u32::from(*name),
            part: u16::from_be_bytes(*part),
            offset: u32::from_be_bytes(offset.try_into().ok()?),
        })
    }
}
