//! The way of a message into its queues.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{futures::OwnedNotified, oneshot},
    time::Instant,
};

use super::{
    EmbeddedBus,
    clock::{now_ms, now_us},
    journal::{self, StoredKey},
    queue::{Entry, weight},
    shared::Shared,
    state::State,
};
use crate::{
    Exchange, Message, PublishError, Routed,
    group_commit::{Batch, CommitError, Durability},
    headers::name,
};

/// How long the consumers of a full queue may settle nothing before publishers are let in all the same.
const STALL: Duration = Duration::from_secs(5);

/// A queue that a message goes to, where its room is reserved.
#[derive(Debug)]
struct Target {
    queue: u32,
    number: u64,
    stored: bool,
    /// Whether the batch declares the queue as well.
    declares: bool,
}

#[derive(Debug)]
enum Admission {
    /// Room is reserved, and what the batch has to hold besides the message is in it.
    Admitted(Vec<Target>, Batch),
    Nowhere,
    Full(FullQueue),
    Closed,
}

#[derive(Debug)]
struct FullQueue {
    id: u32,
    settled: u64,
    room: OwnedNotified,
}

/// A message in the form that it is stored and delivered in.
struct Outgoing {
    message: Message,
    weight: usize,
    due: Option<Due>,
}

#[derive(Clone, Copy)]
struct Due {
    at: Instant,
    unix_ms: u64,
}

pub(super) async fn publish(
    shared: &Arc<Shared>,
    message: Message,
) -> Result<Routed, PublishError> {
    check(&message)?;
    let outgoing = Outgoing::new(message);
    let (targets, batch) = match admit(shared, &outgoing).await? {
        Some(admitted) => admitted,
        None => return Ok(Routed::Nowhere),
    };
    if targets.iter().any(|target| target.stored) {
        store(shared, outgoing, targets, batch).await?;
    } else {
        outgoing.arrive(shared, targets);
    }
    Ok(Routed::ToQueue)
}

fn check(message: &Message) -> Result<(), PublishError> {
    let limit = EmbeddedBus::FEATURES.max_body_bytes;
    if message.body.len() > limit {
        return Err(PublishError::TooLarge {
            routing_key: message.routing_key.clone(),
            size: message.body.len(),
            limit,
        });
    }
    if message.delay.is_some() && message.exchange != Exchange::DEFAULT {
        return Err(PublishError::DelayedEvent {
            routing_key: message.routing_key.clone(),
        });
    }
    Ok(())
}

/// Waits for room in every queue that the message reaches. `None` when it reaches none.
async fn admit(
    shared: &Shared,
    outgoing: &Outgoing,
) -> Result<Option<(Vec<Target>, Batch)>, PublishError> {
    let mut waits = outgoing.message.exchange == Exchange::EVENTS;
    loop {
        match shared.with(|state| state.admit(outgoing, waits)) {
            Admission::Admitted(targets, batch) => return Ok(Some((targets, batch))),
            Admission::Nowhere => return Ok(None),
            Admission::Closed => return Err(PublishError::Closed),
            Admission::Full(full) => {
                let stalled = tokio::time::timeout(STALL, full.room).await.is_err();
                waits = !(stalled && shared.with(|state| state.is_stuck(full.id, full.settled)));
            }
        }
    }
}

/// Writes the message to the journal, and resolves when it is synced. The queues get it even if nobody waits any more.
async fn store(
    shared: &Arc<Shared>,
    outgoing: Outgoing,
    targets: Vec<Target>,
    mut batch: Batch,
) -> Result<(), PublishError> {
    let value = outgoing.encode();
    for target in targets.iter().filter(|target| target.stored) {
        journal::insert_message(&mut batch, target.key(), value.clone());
    }
    drop(value);
    let (sender, receiver) = oneshot::channel();
    let arriving = shared.clone();
    shared
        .journal
        .submit(batch, Durability::Synced, move |result| {
            match &result {
                Ok(()) => outgoing.arrive(&arriving, targets),
                Err(_) => outgoing.withdraw(&arriving, &targets),
            }
            // Whoever published may have given up.
            let _ = sender.send(result);
        });
    match receiver.await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(CommitError::Closed)) | Err(_) => Err(PublishError::Closed),
        Ok(Err(error)) => Err(PublishError::Journal(Arc::new(error))),
    }
}

impl Outgoing {
    fn new(mut message: Message) -> Self {
        let delay = message.delay.take();
        let due = delay.map(|delay| Due {
            at: Instant::now() + delay,
            unix_ms: now_ms().saturating_add(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX)),
        });
        let ready_us = due.map_or_else(now_us, |due| due.unix_ms.saturating_mul(1_000));
        message.headers.set(name::READY_AT, ready_us);
        Self {
            weight: weight(&message),
            message,
            due,
        }
    }

    fn encode(&self) -> Vec<u8> {
        let due_ms = self.due.map(|due| due.unix_ms);
        journal::encode_message(&self.message, due_ms, self.weight)
    }

    fn arrive(mut self, shared: &Arc<Shared>, targets: Vec<Target>) {
        if self.due.is_none() {
            // What the journal took is its publisher's wait, not the queue's.
            self.message.headers.set(name::READY_AT, now_us());
        }
        let message = Arc::new(self.message);
        let due = self.due.map(|due| due.at);
        shared.update(|state, effects| {
            for target in targets {
                let entry = Entry {
                    position: target.number,
                    stored: target.stored.then(|| target.key()),
                    message: Some(message.clone()),
                    weight: self.weight,
                    deliveries: 0,
                };
                state.arrive(target.queue, entry, due, effects);
                if target.declares {
                    state.declared(target.queue);
                }
            }
        });
    }

    fn withdraw(&self, shared: &Shared, targets: &[Target]) {
        shared.with(|state| {
            for target in targets {
                if let Some(queue) = state.queues.get_mut(&target.queue) {
                    queue.release(self.weight);
                }
            }
        });
    }
}

impl Target {
    fn key(&self) -> StoredKey {
        StoredKey {
            queue: self.queue,
            sequence: self.number,
        }
    }
}

impl State {
    /// Reserves room for the message in every queue that it reaches, or says which one it has to wait for.
    fn admit(&mut self, outgoing: &Outgoing, waits: bool) -> Admission {
        if self.closed {
            return Admission::Closed;
        }
        let queues = self.route(&outgoing.message);
        if queues.is_empty() {
            self.unrouted += 1;
            return Admission::Nowhere;
        }
        if waits && let Some(full) = self.full_queue(&queues, outgoing) {
            return Admission::Full(full);
        }
        let mut batch = Batch::new();
        let mut targets = Vec::with_capacity(queues.len());
        for &id in &*queues {
            let number = self.next_number();
            let Some(queue) = self.queues.get_mut(&id) else {
                continue;
            };
            queue.reserve(outgoing.weight);
            let stored = queue.keeps(&outgoing.message);
            // The journal failed when the queue was declared: its messages must not be there without it.
            let record = queue.record().filter(|_| stored && !queue.declared);
            if let Some(record) = &record {
                journal::insert_queue(&mut batch, queue.name.as_str(), record);
            }
            targets.push(Target {
                queue: id,
                number,
                stored,
                declares: record.is_some(),
            });
        }
        Admission::Admitted(targets, batch)
    }

    fn full_queue(&self, queues: &[u32], outgoing: &Outgoing) -> Option<FullQueue> {
        let queue = queues
            .iter()
            .filter_map(|id| self.queues.get(id))
            .find(|queue| {
                let in_memory = !queue.keeps(&outgoing.message);
                !queue.has_room(outgoing.weight, in_memory, &self.limits)
            })?;
        Some(FullQueue {
            id: queue.id,
            settled: queue.settled,
            room: queue.room.clone().notified_owned(),
        })
    }

    /// Whether the consumers of a queue hold messages and have settled none since `settled`: they may be waiting to
    /// publish to this very queue, and would wait for ever.
    fn is_stuck(&self, id: u32, settled: u64) -> bool {
        self.queues
            .get(&id)
            .is_some_and(|queue| queue.unsettled > 0 && queue.settled == settled)
    }
}
