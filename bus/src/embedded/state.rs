//! Everything the bus knows, behind the one lock of [`super::shared::Shared`]. Nothing here blocks or calls out: what
//! has to be written or read is noted in [`Effects`], and done after the lock is free.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use tokio::time::Instant;

use super::{
    consumer::Consumer,
    dead_letter::Reason,
    journal::{Contents, StoredKey},
    options::QueueLimits,
    queue::{Entry, Waiting},
    routing::Bindings,
};
use crate::{BindingKey, Exchange, Message, QueueKind, QueueName};

#[derive(Debug)]
pub(super) struct State {
    pub(super) limits: QueueLimits,
    pub(super) queues: HashMap<u32, Waiting>,
    pub(super) consumers: HashMap<u64, Consumer>,
    /// Messages that reached no queue.
    pub(super) unrouted: u64,
    pub(super) closed: bool,
    /// Queues whose messages could not be read back from the disk, and when to try again.
    pub(super) failed_reads: HashMap<u32, Instant>,
    names: HashMap<String, u32>,
    bindings: Bindings,
    /// When delays end, and in which queue.
    due: BTreeMap<(Instant, u64), u32>,
    next_queue: u32,
    next_number: u64,
}

/// What has to be done when the lock is free.
#[derive(Debug, Default)]
pub(super) struct Effects {
    /// Messages that are gone.
    pub(super) removed: Vec<StoredKey>,
    /// Messages that become dead letters.
    pub(super) dead: Vec<DeadLetter>,
    /// Messages to be read back from the disk, by queue and position.
    pub(super) reads: Vec<(u32, Vec<(u64, StoredKey)>)>,
    /// Whether the next delay ends earlier than was known.
    pub(super) sooner: bool,
}

/// A message on its way to a dead-letter queue.
#[derive(Debug)]
pub(super) struct DeadLetter {
    pub(super) message: Arc<Message>,
    pub(super) weight: usize,
    /// Where the journal has it until then.
    pub(super) from: Option<StoredKey>,
    pub(super) to: StoredKey,
}

impl State {
    pub(super) fn new(limits: QueueLimits) -> Self {
        Self {
            limits,
            queues: HashMap::new(),
            consumers: HashMap::new(),
            unrouted: 0,
            closed: false,
            failed_reads: HashMap::new(),
            names: HashMap::new(),
            bindings: Bindings::default(),
            due: BTreeMap::new(),
            next_queue: 1,
            next_number: 1,
        }
    }

    /// Takes over what the journal holds. `due` tells when a delay ends, `deliveries` how often a message was delivered.
    pub(super) fn restore(
        &mut self,
        contents: Contents,
        due: impl Fn(u64) -> Option<Instant>,
        deliveries: impl Fn(u64) -> u32,
    ) {
        for (name, record) in contents.queues {
            let Ok(name) = QueueName::new(name) else {
                continue;
            };
            self.next_queue = self.next_queue.max(record.id + 1);
            self.insert_queue(Waiting::new(record.id, name, record.kind()));
            self.bind(record.id, record.bindings);
            if let Some(queue) = self.queues.get_mut(&record.id) {
                queue.declared = true;
            }
        }
        let mut effects = Effects::default();
        for stored in contents.messages {
            self.next_number = self.next_number.max(stored.key.sequence + 1);
            let Some(queue) = self.queues.get_mut(&stored.key.queue) else {
                continue;
            };
            queue.reserve(stored.weight);
            let entry = Entry {
                position: stored.key.sequence,
                stored: Some(stored.key),
                message: None,
                weight: stored.weight,
                deliveries: deliveries(stored.key.sequence),
            };
            let due = stored.due_ms.and_then(&due);
            // There is no consumer yet, so that nothing comes of it but its place in the queue.
            self.arrive(stored.key.queue, entry, due, &mut effects);
        }
    }

    /// The next number of a message, a delivery or a consumer: each is used once.
    pub(super) fn next_number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number - 1
    }

    pub(super) fn queue_named(&self, name: &str) -> Option<u32> {
        self.names.get(name).copied()
    }

    /// The queue's number; it is made when it is not there.
    pub(super) fn declare(&mut self, name: &QueueName, kind: QueueKind) -> u32 {
        if let Some(id) = self.queue_named(name.as_str()) {
            return id;
        }
        let id = self.next_queue;
        self.next_queue += 1;
        self.insert_queue(Waiting::new(id, name.clone(), kind));
        id
    }

    /// Binds the queue with what it is not bound with yet.
    pub(super) fn bind(&mut self, id: u32, keys: Vec<BindingKey>) {
        let Some(queue) = self.queues.get_mut(&id) else {
            return;
        };
        for key in keys {
            if !queue.bindings.contains(&key) {
                queue.declared = false;
                queue.bindings.push(key.clone());
                self.bindings.bind(key, id);
            }
        }
    }

    /// Forgets a queue with all that is in it; only for queues that the journal does not have.
    pub(super) fn delete_queue(&mut self, id: u32) {
        if let Some(queue) = self.queues.remove(&id) {
            self.names.remove(queue.name.as_str());
            self.bindings.unbind(id);
            queue.room.notify_waiters();
        }
    }

    /// The queues that `message` reaches.
    pub(super) fn route(&mut self, message: &Message) -> Arc<[u32]> {
        let key = &message.routing_key;
        if message.exchange == Exchange::EVENTS {
            return self.bindings.route(key);
        }
        let queue = if message.exchange == Exchange::DEFAULT {
            self.queue_named(key.as_str())
        } else if message.exchange == Exchange::DEAD_LETTERS {
            self.queue_named(&format!("{key}.dlq"))
        } else {
            None
        };
        queue.into_iter().collect()
    }

    /// A message that was reserved is there, to wait for its delay or for a consumer.
    pub(super) fn arrive(
        &mut self,
        id: u32,
        entry: Entry,
        due: Option<Instant>,
        effects: &mut Effects,
    ) {
        let Some(queue) = self.queues.get_mut(&id) else {
            return;
        };
        let position = entry.position;
        match due {
            Some(due) => {
                queue.put_delayed(entry);
                effects.sooner |= self.next_due().is_none_or(|next| due < next);
                self.due.insert((due, position), id);
            }
            None => {
                queue.put_ready(entry);
                self.deliver(id, effects);
            }
        }
        if let Some(queue) = self.queues.get_mut(&id) {
            queue.spill(position, &self.limits);
        }
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        self.due.keys().next().map(|(due, _)| *due)
    }

    /// When the keeper has something to do: a delay ends, or a failed read is repeated.
    pub(super) fn next_wakeup(&self) -> Option<Instant> {
        let again = self.failed_reads.values().min().copied();
        [self.next_due(), again].into_iter().flatten().min()
    }

    /// Ends every subscription, and whoever waits for room.
    pub(super) fn close(&mut self) {
        self.closed = true;
        self.consumers.clear();
        for queue in self.queues.values() {
            queue.room.notify_waiters();
        }
    }

    /// Makes ready, at the end of its queue, what was delayed until `now`.
    pub(super) fn end_delays(&mut self, now: Instant, effects: &mut Effects) {
        while let Some(next) = self.due.first_entry()
            && next.key().0 <= now
        {
            let ((_, position), id) = next.remove_entry();
            let number = self.next_number();
            if let Some(queue) = self.queues.get_mut(&id)
                && let Some(mut entry) = queue.take_delayed(position)
            {
                entry.position = number;
                queue.put_ready(entry);
                self.deliver(id, effects);
            }
        }
    }

    /// Takes a message out of its queue for good.
    pub(super) fn forget(&mut self, id: u32, entry: &Entry, effects: &mut Effects) {
        effects.removed.extend(entry.stored);
        if let Some(queue) = self.queues.get_mut(&id) {
            queue.release(entry.weight);
        }
    }

    /// Moves a message to the dead letters of its queue, or forgets it where there are none.
    pub(super) fn bury(
        &mut self,
        id: u32,
        entry: &Entry,
        message: &Message,
        reason: Reason,
        effects: &mut Effects,
    ) {
        let target = self.queues.get(&id).and_then(|queue| {
            let to = self.queue_named(queue.name.dead_letters().as_str())?;
            Some((queue.name.clone(), to))
        });
        let Some((name, to)) = target else {
            self.forget(id, entry, effects);
            return;
        };
        let message = reason.mark(message.clone(), &name);
        let weight = super::queue::weight(&message);
        let sequence = self.next_number();
        if let Some(queue) = self.queues.get_mut(&to) {
            queue.reserve(weight);
        }
        if let Some(queue) = self.queues.get_mut(&id) {
            queue.release(entry.weight);
        }
        effects.dead.push(DeadLetter {
            message: Arc::new(message),
            weight,
            from: entry.stored,
            to: StoredKey {
                queue: to,
                sequence,
            },
        });
    }

    fn insert_queue(&mut self, queue: Waiting) {
        self.names.insert(queue.name.as_str().to_owned(), queue.id);
        self.queues.insert(queue.id, queue);
    }
}
