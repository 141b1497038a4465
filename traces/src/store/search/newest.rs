//! Index entries of several services and segments, newest first.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    rc::Rc,
    sync::Arc,
};

use super::super::{
    Engine, ReadError,
    block::{Block, Entry, Located, sort},
    key::{BlockKey, Kind, SpanKey, bound, bound_above, end_of, minute_of},
    origin::Service,
    record::records,
    tail::Snapshot,
};

/// A span that was found in the index.
pub(super) struct Found {
    block: Rc<Block>,
    number: usize,
}

impl Found {
    pub(super) fn entry(&self) -> &Entry {
        &self.block.entries[self.number]
    }

    pub(super) fn name(&self) -> &[u8] {
        self.block.name(self.entry())
    }

    /// The segment that it came in.
    pub(super) fn segment(&self) -> u64 {
        self.block.segment
    }
}

/// The entries of services that start in a time, merged.
pub(super) struct NewestFirst<'a> {
    engine: &'a Engine,
    snapshot: &'a Snapshot,
    first_ns: u64,
    last_ns: u64,
    /// The rows of each service, the one with the newest entry last.
    services: Vec<fjall::Iter>,
    cursors: BinaryHeap<Cursor>,
    previous: Option<(u64, usize, SpanKey)>,
}

impl<'a> NewestFirst<'a> {
    pub(super) fn of(
        engine: &'a Engine,
        snapshot: &'a Snapshot,
        services: &[Arc<Service>],
        kind: Kind,
        (first_ns, last_ns): (u64, u64),
    ) -> Result<Self, ReadError> {
        let mut merged = Self {
            engine,
            snapshot,
            first_ns,
            last_ns,
            services: Vec::new(),
            cursors: BinaryHeap::new(),
            previous: None,
        };
        for (number, service) in services.iter().enumerate() {
            let first = bound(kind, service.id, first_ns);
            // No block goes beyond a minute: those whose newest entry is later than this have none that is wanted.
            let last = bound_above(kind, service.id, end_of(minute_of(last_ns)));
            let rows = engine.index.range(first.as_slice()..=last.as_slice());
            merged.services.push(rows);
            merged.load(number)?;
        }
        merged.load_tail(services, kind);
        Ok(merged)
    }

    pub(super) fn next(&mut self) -> Result<Option<Found>, ReadError> {
        while let Some(mut cursor) = self.cursors.pop() {
            if std::mem::take(&mut cursor.is_last_loaded) {
                self.load(cursor.service)?;
            }
            let found = Found {
                block: Rc::clone(&cursor.block),
                number: cursor.number,
            };
            let identity = (
                found.entry().start_ns,
                cursor.service,
                found.entry().span_key,
            );
            if cursor.number > 0 {
                cursor.number -= 1;
                self.cursors.push(cursor);
            }
            // Of a span that came twice, the one that came last is first here.
            if self.previous.replace(identity) != Some(identity) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Loads rows of a service until one is there behind which no newer entry can be.
    fn load(&mut self, service: usize) -> Result<(), ReadError> {
        while let Some(guard) = self.services[service].next_back() {
            let (key, value) = guard.into_inner()?;
            let row = BlockKey::read(&key).and_then(|key| Some((key, Block::read(&key, &value)?)));
            let Some((key, block)) = row else {
                self.engine.monitor.broken();
                continue;
            };
            if self.snapshot.has(key.segment) {
                continue;
            }
            let is_cut = key.newest_ns > self.last_ns;
            let is_last_loaded = !is_cut;
            if self.push(block, service, is_last_loaded) && is_last_loaded {
                break;
            }
        }
        Ok(())
    }

    fn load_tail(&mut self, services: &[Arc<Service>], kind: Kind) {
        for segment in self.snapshot.segments() {
            let mut by_service: HashMap<u32, Vec<Located<'_>>> = HashMap::new();
            for (offset, record) in records(&segment.bytes) {
                let wanted = record.filter(|record| record.is_error || kind == Kind::All);
                let offset = u32::try_from(offset).expect("a segment is less than 4 GiB");
                if let Some(record) = wanted {
                    let found = by_service.entry(record.service).or_default();
                    found.push((record, 0, offset));
                }
            }
            for (number, service) in services.iter().enumerate() {
                if let Some(mut found) = by_service.remove(&service.id) {
                    sort(&mut found);
                    let block = Block::of(service.id, segment.number, &found);
                    self.push(block, number, false);
                }
            }
        }
    }

    /// Whether there is something in it that is wanted.
    fn push(&mut self, block: Block, service: usize, is_last_loaded: bool) -> bool {
        let block = block.between(self.first_ns, self.last_ns);
        let number = block.entries.len().checked_sub(1);
        if let Some(number) = number {
            self.cursors.push(Cursor {
                block: Rc::new(block),
                number,
                service,
                is_last_loaded,
            });
        }
        number.is_some()
    }
}

/// How far a block was read, from its newest entry on.
struct Cursor {
    block: Rc<Block>,
    number: usize,
    service: usize,
    /// Whether the row behind this one was not loaded yet: its newest entry is not newer than the newest here.
    is_last_loaded: bool,
}

impl Cursor {
    fn rank(&self) -> (u64, Reverse<usize>, SpanKey, u64) {
        let entry = &self.block.entries[self.number];
        let service = Reverse(self.service);
        (entry.start_ns, service, entry.span_key, self.block.segment)
    }
}

impl PartialEq for Cursor {
    fn eq(&self, other: &Self) -> bool {
        self.rank() == other.rank()
    }
}

impl Eq for Cursor {}

impl PartialOrd for Cursor {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Cursor {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank().cmp(&other.rank())
    }
}
