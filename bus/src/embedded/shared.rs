//! What the handle, the consumers and the journal's callbacks have in common: the state behind its lock, and what is
//! done on its behalf when the lock is free.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use super::{
    journal::{self, StoredKey},
    queue::Entry,
    state::{DeadLetter, Effects, State},
    tally::Tally,
};
use crate::{
    Cause, Message,
    group_commit::{Batch, CommitError, Durability, GroupCommit, Reader},
};

/// How long after a failed read it is repeated.
const READ_AGAIN: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) journal: GroupCommit,
    pub(super) tally: Tally,
    /// Wakes the keeper: a delay ends sooner than it knows, or a read has to be repeated.
    pub(super) keeper: Notify,
    state: Mutex<State>,
}

impl Shared {
    pub(super) fn new(journal: GroupCommit, tally: Tally, state: State) -> Self {
        Self {
            journal,
            tally,
            keeper: Notify::new(),
            state: Mutex::new(state),
        }
    }

    /// Looks at the state, or changes it where nothing has to be done about it.
    pub(super) fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the state, and does what that asks for.
    pub(super) fn update<T>(
        self: &Arc<Self>,
        act: impl FnOnce(&mut State, &mut Effects) -> T,
    ) -> T {
        let mut effects = Effects::default();
        let result = self.with(|state| act(state, &mut effects));
        self.perform(effects);
        result
    }

    /// Makes what was delayed until now ready, and repeats reads that failed.
    pub(super) fn keep(self: &Arc<Self>) {
        self.update(|state, effects| {
            let now = Instant::now();
            state.end_delays(now, effects);
            state.read_again(now, effects);
        });
    }

    fn perform(self: &Arc<Self>, effects: Effects) {
        if effects.sooner {
            self.keeper.notify_one();
        }
        if !effects.removed.is_empty() {
            let mut batch = Batch::new();
            for key in effects.removed {
                self.tally.forget(key.sequence);
                journal::remove_message(&mut batch, key);
            }
            // Nobody waits: should the process die first, the message is delivered again.
            self.journal.submit(batch, Durability::Buffered, |_| {});
        }
        for dead in effects.dead {
            self.store_dead_letter(dead);
        }
        for (queue, messages) in effects.reads {
            self.read_back(queue, messages);
        }
    }

    /// Moves a message to its dead letters, in one batch, so that it is always in one of the two queues.
    fn store_dead_letter(self: &Arc<Self>, dead: DeadLetter) {
        let mut batch = Batch::new();
        let value = journal::encode_message(&dead.message, None, dead.weight);
        journal::insert_message(&mut batch, dead.to, value);
        if let Some(from) = dead.from {
            self.tally.forget(from.sequence);
            journal::remove_message(&mut batch, from);
        }
        let shared = self.clone();
        self.journal
            .submit(batch, Durability::Buffered, move |result| {
                // It fails only when the bus is closed: the message is in the queue that it comes from.
                if result.is_ok() {
                    shared.update(|state, effects| {
                        state.arrive(dead.to.queue, dead.into_entry(), None, effects);
                    });
                }
            });
    }

    fn read_back(self: &Arc<Self>, queue: u32, messages: Vec<(u64, StoredKey)>) {
        let shared = self.clone();
        self.journal.schedule(move |reader| {
            let read = read_all(reader, &messages);
            shared.update(|state, effects| state.read_done(queue, read, effects));
        });
    }
}

/// What was read, by position: a message, or nothing when the journal does not have it.
type Read = Vec<(u64, Result<Option<Message>, Cause>)>;

fn read_all(
    reader: Result<Reader<'_>, CommitError>,
    messages: &[(u64, StoredKey)],
) -> Result<Read, CommitError> {
    let reader = reader?;
    Ok(messages
        .iter()
        .map(|(position, key)| (*position, journal::read_message(reader, *key)))
        .collect())
}

impl State {
    /// Puts in place what was read, and delivers it. When the disk cannot be read the keeper tries again.
    fn read_done(&mut self, id: u32, read: Result<Read, CommitError>, effects: &mut Effects) {
        let Some(queue) = self.queues.get_mut(&id) else {
            return;
        };
        let Ok(read) = read else {
            // `reading` stays, until the keeper asks again.
            self.failed_reads.insert(id, Instant::now() + READ_AGAIN);
            effects.sooner = true;
            return;
        };
        queue.reading = false;
        for (position, message) in read {
            match message {
                Ok(Some(message)) => queue.restore(position, message),
                Ok(None) => queue.lose(position),
                Err(error) => {
                    // It stays in the journal, for a program that can read it.
                    tracing::error!(queue = %queue.name, error = &*error as &dyn std::error::Error, "skipping a message that cannot be read");
                    queue.lose(position);
                }
            }
        }
        self.deliver(id, effects);
    }

    fn read_again(&mut self, now: Instant, effects: &mut Effects) {
        let again: Vec<u32> = self
            .failed_reads
            .extract_if(|_, at| *at <= now)
            .map(|(id, _)| id)
            .collect();
        for id in again {
            if let Some(queue) = self.queues.get_mut(&id) {
                queue.reading = false;
            }
            self.deliver(id, effects);
        }
    }
}

impl DeadLetter {
    fn into_entry(self) -> Entry {
        Entry {
            position: self.to.sequence,
            stored: Some(self.to),
            message: Some(self.message),
            weight: self.weight,
            deliveries: 0,
        }
    }
}
