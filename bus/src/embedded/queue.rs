//! One queue: what waits in it, and how much that is.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use tokio::sync::Notify;

use super::{
    journal::{QueueRecord, StoredKey},
    options::QueueLimits,
};
use crate::{BindingKey, DeliveryMode, Message, QueueKind, QueueName};

/// How many messages are read back from the disk at a time, and up to how many bytes.
const READ_AHEAD: (usize, usize) = (64, 4 << 20);

/// A message in a queue.
#[derive(Debug)]
pub(super) struct Entry {
    /// Its place: a queue delivers the lowest first. It keeps its place when it is given back.
    pub(super) position: u64,
    /// Where the journal has it.
    pub(super) stored: Option<StoredKey>,
    /// `None` while it is on the disk only.
    pub(super) message: Option<Arc<Message>>,
    /// About how many bytes it takes.
    pub(super) weight: usize,
    pub(super) deliveries: u32,
}

#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) id: u32,
    pub(super) name: QueueName,
    pub(super) kind: QueueKind,
    pub(super) bindings: Vec<BindingKey>,
    /// Whether the journal has the queue with these bindings.
    pub(super) declared: bool,
    /// Consumers in the order of their turns.
    pub(super) turns: VecDeque<u64>,
    pub(super) unsettled: usize,
    /// How many deliveries were ever settled: whether consumers get on.
    pub(super) settled: u64,
    /// Whether messages are being read back from the disk.
    pub(super) reading: bool,
    /// Wakes publishers that wait for room.
    pub(super) room: Arc<Notify>,
    pub(super) load: Load,
    ready: BTreeMap<u64, Entry>,
    delayed: BTreeMap<u64, Entry>,
}

/// What a queue holds, waiting and unsettled.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Load {
    pub(super) messages: usize,
    pub(super) bytes: usize,
    /// Of what waits.
    pub(super) memory_bytes: usize,
}

/// What is at the front of a queue.
pub(super) enum First {
    Nothing,
    Message(Entry, Arc<Message>),
    /// It has to be read first, with what comes after it.
    OnDisk(Vec<(u64, StoredKey)>),
}

impl Waiting {
    pub(super) fn new(id: u32, name: QueueName, kind: QueueKind) -> Self {
        Self {
            id,
            name,
            kind,
            bindings: Vec::new(),
            declared: false,
            turns: VecDeque::new(),
            unsettled: 0,
            settled: 0,
            reading: false,
            room: Arc::default(),
            load: Load::default(),
            ready: BTreeMap::new(),
            delayed: BTreeMap::new(),
        }
    }

    /// Whether the journal has to keep `message` in this queue. A dead letter is evidence, whatever it was before.
    pub(super) fn keeps(&self, message: &Message) -> bool {
        let persistent = message.properties.delivery_mode == DeliveryMode::Persistent;
        match self.kind {
            QueueKind::Work { .. } => persistent,
            QueueKind::DeadLetters => true,
            QueueKind::Instance | QueueKind::Replies => false,
        }
    }

    /// Whether a message delivered that often is not to be delivered again.
    pub(super) fn gives_up_after(&self, deliveries: u32) -> bool {
        matches!(self.kind, QueueKind::Work { delivery_limit } if deliveries >= delivery_limit)
    }

    /// What the journal keeps of the queue.
    pub(super) fn record(&self) -> Option<QueueRecord> {
        QueueRecord::new(self.id, self.kind, self.bindings.clone())
    }

    /// Whether another message has room. An empty queue takes any, so that none waits for ever.
    pub(super) fn has_room(&self, weight: usize, in_memory: bool, limits: &QueueLimits) -> bool {
        self.load.messages == 0
            || self.load.messages < limits.messages
                && self.load.bytes.saturating_add(weight) <= limits.bytes
                && (!in_memory
                    || self.load.memory_bytes == 0
                    || self.load.memory_bytes.saturating_add(weight) <= limits.memory_bytes)
    }

    /// Counts a message that is on its way.
    pub(super) fn reserve(&mut self, weight: usize) {
        self.load.messages += 1;
        self.load.bytes += weight;
    }

    /// Counts a message out: settled, moved, or never arrived.
    pub(super) fn release(&mut self, weight: usize) {
        self.load.messages -= 1;
        self.load.bytes -= weight;
        self.room.notify_waiters();
    }

    pub(super) fn put_ready(&mut self, entry: Entry) {
        self.count_memory(&entry);
        self.ready.insert(entry.position, entry);
    }

    pub(super) fn put_delayed(&mut self, entry: Entry) {
        self.count_memory(&entry);
        self.delayed.insert(entry.position, entry);
    }

    pub(super) fn take_delayed(&mut self, position: u64) -> Option<Entry> {
        let entry = self.delayed.remove(&position)?;
        self.uncount_memory(&entry);
        Some(entry)
    }

    /// Takes the first message, when it is in memory.
    pub(super) fn take_first(&mut self) -> First {
        let Some(first) = self.ready.first_entry() else {
            return First::Nothing;
        };
        let Some(message) = first.get().message.clone() else {
            return First::OnDisk(self.read_ahead());
        };
        let entry = first.remove();
        self.uncount_memory(&entry);
        // A transient message that waited for room in memory has it now.
        self.room.notify_waiters();
        First::Message(entry, message)
    }

    /// Has the message at `position` wait on the disk only, when there are too many in memory.
    pub(super) fn spill(&mut self, position: u64, limits: &QueueLimits) {
        if self.load.memory_bytes <= limits.memory_bytes {
            return;
        }
        let waiting = match self.ready.get_mut(&position) {
            Some(entry) => Some(entry),
            None => self.delayed.get_mut(&position),
        };
        if let Some(entry) = waiting
            && entry.stored.is_some()
            && entry.message.take().is_some()
        {
            self.load.memory_bytes -= entry.weight;
        }
    }

    /// Puts a message that was read back in its place.
    pub(super) fn restore(&mut self, position: u64, message: Message) {
        if let Some(entry) = self.ready.get_mut(&position)
            && entry.message.is_none()
        {
            entry.message = Some(Arc::new(message));
            self.load.memory_bytes += entry.weight;
        }
    }

    /// Gives up a message that the journal does not have or that cannot be read.
    pub(super) fn lose(&mut self, position: u64) {
        if let Some(entry) = self.ready.remove(&position) {
            self.uncount_memory(&entry);
            self.release(entry.weight);
        }
    }

    pub(super) fn ready_count(&self) -> usize {
        self.ready.len()
    }

    pub(super) fn delayed_count(&self) -> usize {
        self.delayed.len()
    }

    fn read_ahead(&self) -> Vec<(u64, StoredKey)> {
        let mut bytes = 0;
        self.ready
            .values()
            .take(READ_AHEAD.0)
            .take_while(|entry| entry.message.is_none())
            .take_while(|entry| {
                let first = bytes == 0;
                bytes += entry.weight;
                first || bytes <= READ_AHEAD.1
            })
            .filter_map(|entry| Some((entry.position, entry.stored?)))
            .collect()
    }

    fn count_memory(&mut self, entry: &Entry) {
        if entry.message.is_some() {
            self.load.memory_bytes += entry.weight;
        }
    }

    fn uncount_memory(&mut self, entry: &Entry) {
        if entry.message.is_some() {
            self.load.memory_bytes -= entry.weight;
        }
    }
}

/// About how many bytes `message` takes in memory.
pub(super) fn weight(message: &Message) -> usize {
    /// The structs, the properties, and the entry of the queue.
    const FIXED_BYTES: usize = 512;
    let headers: usize = message
        .headers
        .iter()
        .map(|(name, value)| 48 + name.len() + value.approximate_bytes())
        .sum();
    FIXED_BYTES + message.routing_key.as_str().len() + headers + message.body.len()
}
