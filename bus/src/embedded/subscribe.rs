//! Declaring queues, and consuming them.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::{
    consumer::{Consumer, Ends, Link},
    journal,
    queue::Waiting,
    shared::Shared,
    state::State,
};
use crate::{
    Queue, QueueKind, QueueName, SubscribeError, Subscription,
    group_commit::{Batch, CommitError, Durability},
    subscription,
};

pub(super) async fn subscribe(
    shared: &Arc<Shared>,
    queue: Queue,
) -> Result<Subscription, SubscribeError> {
    let (ids, batch) = shared.with(|state| state.prepare(&queue))?;
    if !batch.is_empty() {
        store(shared, &queue.name, batch).await?;
        shared.with(|state| ids.iter().for_each(|id| state.declared(*id)));
    }
    let (sender, receiver) = mpsc::channel(usize::from(queue.prefetch.get()));
    let (state_sender, state) = watch::channel(subscription::State::FIRST);
    let link = shared.update(|state, effects| {
        let number = state.next_number();
        let link = Arc::new(Link::new(shared, number));
        let id = state.attach(&queue, number).ok_or(SubscribeError::Closed)?;
        let consumer = Consumer::new(id, queue.prefetch.get(), link.clone(), sender, state_sender);
        state.consumers.insert(number, consumer);
        state.deliver(id, effects);
        Ok(link)
    })?;
    Ok(Subscription::new(queue.name, receiver, state, Ends(link)))
}

async fn store(shared: &Shared, queue: &QueueName, batch: Batch) -> Result<(), SubscribeError> {
    shared
        .journal
        .commit(batch, Durability::Synced)
        .await
        .map_err(|error| match error {
            CommitError::Closed => SubscribeError::Closed,
            storage @ CommitError::Storage { .. } => SubscribeError::Journal {
                queue: queue.clone(),
                source: Arc::new(storage),
            },
        })
}

impl State {
    /// Declares the queue, its bindings and its dead letters; answers with their numbers, and with what the journal does
    /// not have yet.
    fn prepare(&mut self, queue: &Queue) -> Result<(Vec<u32>, Batch), SubscribeError> {
        if self.closed {
            return Err(SubscribeError::Closed);
        }
        self.check(queue)?;
        let mut ids = vec![self.declare(&queue.name, queue.kind)];
        self.bind(ids[0], queue.bindings.clone());
        if matches!(queue.kind, QueueKind::Work { .. }) {
            ids.push(self.declare(&queue.name.dead_letters(), QueueKind::DeadLetters));
        }
        let mut batch = Batch::new();
        for queue in ids.iter().filter_map(|id| self.queues.get(id)) {
            if !queue.declared
                && let Some(record) = queue.record()
            {
                journal::insert_queue(&mut batch, queue.name.as_str(), &record);
            }
        }
        Ok((ids, batch))
    }

    /// Whether a queue of this name could be what is asked for.
    fn check(&self, wanted: &Queue) -> Result<(), SubscribeError> {
        let Some(found) = self
            .queue_named(wanted.name.as_str())
            .and_then(|id| self.queues.get(&id))
        else {
            return Ok(());
        };
        let conflict = |argument: &str, wanted_value: String, found_value: String| {
            Err(SubscribeError::Conflict {
                queue: wanted.name.clone(),
                place: "the embedded bus".to_owned(),
                argument: argument.to_owned(),
                wanted: wanted_value,
                found: found_value,
            })
        };
        match (wanted.kind, found.kind) {
            (
                QueueKind::Work { delivery_limit },
                QueueKind::Work {
                    delivery_limit: found,
                },
            ) if delivery_limit != found => conflict(
                "delivery limit",
                delivery_limit.to_string(),
                found.to_string(),
            ),
            (QueueKind::Work { .. }, QueueKind::Work { .. })
            | (QueueKind::DeadLetters, QueueKind::DeadLetters) => Ok(()),
            (wanted, kind) if wanted == kind => conflict(
                "consumers",
                "this one".to_owned(),
                format!("{} of its own", found.turns.len()),
            ),
            (wanted, found) => conflict("kind", kind_name(wanted), kind_name(found)),
        }
    }

    /// Notes that the journal has the queue as it is.
    pub(super) fn declared(&mut self, id: u32) {
        if let Some(queue) = self.queues.get_mut(&id) {
            queue.declared = true;
        }
    }

    /// Gives the consumer its turn at the queue. `None` when the bus was closed meanwhile.
    fn attach(&mut self, queue: &Queue, consumer: u64) -> Option<u32> {
        if self.closed {
            return None;
        }
        let id = self.queue_named(queue.name.as_str())?;
        let waiting: &mut Waiting = self.queues.get_mut(&id)?;
        waiting.turns.push_back(consumer);
        Some(id)
    }
}

fn kind_name(kind: QueueKind) -> String {
    let name = match kind {
        QueueKind::Work { .. } => "work",
        QueueKind::DeadLetters => "dead letters",
        QueueKind::Instance => "instance",
        QueueKind::Replies => "replies",
    };
    name.to_owned()
}
