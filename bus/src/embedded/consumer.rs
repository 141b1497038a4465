//! Consumers: who gets the next message, and what becomes of what they hold.

use std::{
    collections::BTreeMap,
    sync::{Arc, Weak},
};

use tokio::sync::{mpsc, watch};

use super::{
    dead_letter::Reason,
    journal::StoredKey,
    queue::{Entry, First},
    shared::Shared,
    state::{Effects, State},
};
use crate::{Delivery, Message, QueueKind, Settle, SettleError, Settlement, subscription};

/// A subscription, seen from the bus. It stays until all that it was handed is settled.
#[derive(Debug)]
pub(super) struct Consumer {
    queue: u32,
    prefetch: usize,
    next_tag: u64,
    held: BTreeMap<u64, Held>,
    link: Arc<Link>,
    /// `None` when the subscription was dropped.
    subscription: Option<Channels>,
}

#[derive(Debug)]
struct Channels {
    deliveries: mpsc::Sender<Delivery>,
    _state: watch::Sender<subscription::State>,
}

/// A message that was sent to a consumer.
#[derive(Debug)]
struct Held {
    entry: Entry,
    message: Arc<Message>,
    /// Whether the consumer has seen it.
    taken: bool,
}

/// The way from a delivery or a subscription back to the bus.
#[derive(Debug)]
pub(super) struct Link {
    shared: Weak<Shared>,
    consumer: u64,
}

/// Ends the subscription when it is dropped.
#[derive(Debug)]
pub(super) struct Ends(pub(super) Arc<Link>);

impl Link {
    pub(super) fn new(shared: &Arc<Shared>, consumer: u64) -> Self {
        Self {
            shared: Arc::downgrade(shared),
            consumer,
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut State, u64, &mut Effects) -> T) -> Option<T> {
        let shared = self.shared.upgrade()?;
        Some(shared.update(|state, effects| act(state, self.consumer, effects)))
    }
}

impl Settle for Link {
    fn taken(&self, tag: u64) -> bool {
        let taken = self.with(|state, consumer, _| state.take(consumer, tag));
        match taken.flatten() {
            Some((Some(key), deliveries)) => {
                if let Some(shared) = self.shared.upgrade() {
                    shared.tally.set(key.sequence, deliveries);
                }
                true
            }
            Some((None, _)) => true,
            None => false,
        }
    }

    fn settle(&self, tag: u64, settlement: Settlement) -> Result<(), SettleError> {
        self.with(|state, consumer, effects| state.settle(consumer, tag, settlement, effects))
            .flatten()
            .ok_or(SettleError::Stale)
    }
}

impl Drop for Ends {
    fn drop(&mut self) {
        self.0
            .with(|state, consumer, effects| state.cancel(consumer, effects));
    }
}

impl Consumer {
    pub(super) fn new(
        queue: u32,
        prefetch: u16,
        link: Arc<Link>,
        deliveries: mpsc::Sender<Delivery>,
        state: watch::Sender<subscription::State>,
    ) -> Self {
        Self {
            queue,
            prefetch: prefetch.into(),
            next_tag: 1,
            held: BTreeMap::new(),
            link,
            subscription: Some(Channels {
                deliveries,
                _state: state,
            }),
        }
    }

    fn is_free(&self) -> bool {
        self.subscription.is_some() && self.held.len() < self.prefetch
    }

    /// Sends a message. The channel has room for as many as the consumer may hold.
    fn send(&mut self, entry: Entry, message: Arc<Message>) {
        let tag = self.next_tag;
        self.next_tag += 1;
        let settle: Arc<dyn Settle> = self.link.clone();
        let delivery = Delivery::new(message.clone(), tag, entry.deliveries + 1, settle);
        let held = Held {
            entry,
            message,
            taken: false,
        };
        self.held.insert(tag, held);
        if let Some(channels) = &self.subscription
            && let Err(unsent) = channels.deliveries.try_send(delivery)
        {
            // The subscription is being dropped on another thread, and takes everything back in a moment. The delivery
            // must not settle itself here, where the lock is held.
            let (mpsc::error::TrySendError::Full(mut delivery)
            | mpsc::error::TrySendError::Closed(mut delivery)) = unsent;
            delivery.forget();
        }
    }
}

impl State {
    /// Hands out what is ready to whoever has room for it, in turns.
    pub(super) fn deliver(&mut self, id: u32, effects: &mut Effects) {
        while let Some(consumer) = self.next_consumer(id)
            && let Some(queue) = self.queues.get_mut(&id)
        {
            match queue.take_first() {
                First::Nothing => return,
                First::OnDisk(messages) => {
                    if !std::mem::replace(&mut queue.reading, true) {
                        effects.reads.push((id, messages));
                    }
                    return;
                }
                First::Message(entry, message) if queue.gives_up_after(entry.deliveries) => {
                    let reason = Reason::DeliveryLimit(entry.deliveries);
                    self.bury(id, &entry, &message, reason, effects);
                }
                First::Message(entry, message) => {
                    queue.unsettled += 1;
                    queue.turns.rotate_left(1);
                    if let Some(consumer) = self.consumers.get_mut(&consumer) {
                        consumer.send(entry, message);
                    }
                }
            }
        }
    }

    /// The consumer whose turn it is, moved to the front of the turns.
    fn next_consumer(&mut self, id: u32) -> Option<u64> {
        let queue = self.queues.get_mut(&id)?;
        let at = queue
            .turns
            .iter()
            .position(|consumer| self.consumers.get(consumer).is_some_and(Consumer::is_free))?;
        queue.turns.rotate_left(at);
        queue.turns.front().copied()
    }

    /// Counts a delivery that its consumer has now seen. `None` when it is no longer there to be seen.
    fn take(&mut self, consumer: u64, tag: u64) -> Option<(Option<StoredKey>, u32)> {
        if self.closed {
            return None;
        }
        let held = self.consumers.get_mut(&consumer)?.held.get_mut(&tag)?;
        held.taken = true;
        held.entry.deliveries += 1;
        Some((held.entry.stored, held.entry.deliveries))
    }

    fn settle(
        &mut self,
        number: u64,
        tag: u64,
        settlement: Settlement,
        effects: &mut Effects,
    ) -> Option<()> {
        if self.closed {
            return None;
        }
        let consumer = self.consumers.get_mut(&number)?;
        let held = consumer.held.remove(&tag)?;
        let id = consumer.queue;
        if consumer.subscription.is_none() && consumer.held.is_empty() {
            self.consumers.remove(&number);
        }
        // A queue that went with its subscriber has nothing left to settle.
        if let Some(queue) = self.queues.get_mut(&id) {
            queue.unsettled -= 1;
            queue.settled += 1;
            match settlement {
                Settlement::Ack => self.forget(id, &held.entry, effects),
                Settlement::Reject => {
                    self.bury(id, &held.entry, &held.message, Reason::Rejected, effects);
                }
                Settlement::Requeue => self.give_back(id, held, effects),
            }
            self.deliver(id, effects);
        }
        Some(())
    }

    /// Puts a message back in its place, unless it was delivered often enough.
    fn give_back(&mut self, id: u32, held: Held, effects: &mut Effects) {
        let Some(queue) = self.queues.get_mut(&id) else {
            return;
        };
        if held.taken && queue.gives_up_after(held.entry.deliveries) {
            let reason = Reason::DeliveryLimit(held.entry.deliveries);
            self.bury(id, &held.entry, &held.message, reason, effects);
        } else {
            queue.put_ready(held.entry);
        }
    }

    /// Stops consuming, and takes back what the consumer has not seen. A queue that lives as long as its subscriber goes.
    fn cancel(&mut self, number: u64, effects: &mut Effects) {
        let Some(consumer) = self.consumers.get_mut(&number) else {
            return;
        };
        let id = consumer.queue;
        consumer.subscription = None;
        let unseen: Vec<Held> = consumer
            .held
            .extract_if(.., |_, held| !held.taken)
            .map(|(_, held)| held)
            .collect();
        if consumer.held.is_empty() {
            self.consumers.remove(&number);
        }
        let Some(queue) = self.queues.get_mut(&id) else {
            return;
        };
        queue.turns.retain(|turn| *turn != number);
        queue.unsettled -= unseen.len();
        match queue.kind {
            QueueKind::Instance | QueueKind::Replies => self.delete_queue(id),
            QueueKind::Work { .. } | QueueKind::DeadLetters => {
                for held in unseen {
                    self.give_back(id, held, effects);
                }
                self.deliver(id, effects);
            }
        }
    }
}
