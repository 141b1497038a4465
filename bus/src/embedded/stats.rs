//! What is in the queues, for metrics and for people.

use super::{queue::Waiting, state::State};
use crate::{QueueKind, QueueName};

/// The bus at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    /// Every queue, by name.
    pub queues: Vec<QueueStats>,
    /// Messages that reached no queue since the bus was opened.
    pub unrouted: u64,
}

/// A queue at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueStats {
    /// Its name.
    pub name: QueueName,
    /// Its shape.
    pub kind: QueueKind,
    /// Messages that could be delivered.
    pub ready: usize,
    /// Messages that were sent to a consumer and are not settled.
    pub unsettled: usize,
    /// Messages that wait for the end of their delay.
    pub delayed: usize,
    /// Messages in the queue of its dead letters.
    pub dead_letters: usize,
    /// Subscriptions.
    pub consumers: usize,
    /// What its messages take, in memory or on disk.
    pub bytes: usize,
    /// What those that wait take in memory.
    pub memory_bytes: usize,
}

impl Stats {
    /// The queue called `name`.
    pub fn queue(&self, name: &QueueName) -> Option<&QueueStats> {
        self.queues.iter().find(|queue| queue.name == *name)
    }
}

impl State {
    pub(super) fn stats(&self) -> Stats {
        let mut queues: Vec<QueueStats> = self
            .queues
            .values()
            .map(|queue| self.queue_stats(queue))
            .collect();
        queues.sort_by(|a, b| a.name.cmp(&b.name));
        Stats {
            queues,
            unrouted: self.unrouted,
        }
    }

    fn queue_stats(&self, queue: &Waiting) -> QueueStats {
        let dead_letters = self
            .queue_named(queue.name.dead_letters().as_str())
            .and_then(|id| self.queues.get(&id))
            .map_or(0, |dead| dead.load.messages);
        QueueStats {
            name: queue.name.clone(),
            kind: queue.kind,
            ready: queue.ready_count(),
            unsettled: queue.unsettled,
            delayed: queue.delayed_count(),
            dead_letters,
            consumers: queue.turns.len(),
            bytes: queue.load.bytes,
            memory_bytes: queue.load.memory_bytes,
        }
    }
}
