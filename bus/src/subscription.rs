//! A queue being consumed.

use std::fmt;

use tokio::sync::{mpsc, watch};

use crate::{Delivery, QueueName};

/// Deliveries of one queue. Dropping it stops consuming: what it had not handed out yet goes back to the queue;
/// deliveries that were handed out may still be settled.
pub struct Subscription {
    queue: QueueName,
    // Dropped before `deliveries`, so that the bus takes back what was not handed out, in order and uncounted.
    _ends: Box<dyn Send + Sync>,
    deliveries: mpsc::Receiver<Delivery>,
    state: watch::Receiver<State>,
}

/// Whether a subscription is being served. Sessions, the times between interruptions, are counted: who looks may miss an
/// interruption that is soon over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Messages of the queue are delivered.
    Consuming {
        /// Which session this is.
        session: u64,
    },
    /// They are not, for the reason given; the bus is trying to mend that by itself.
    Interrupted {
        /// The session that has ended.
        session: u64,
        /// What happened.
        reason: String,
    },
}

impl State {
    /// The state at the beginning.
    pub const FIRST: Self = Self::Consuming { session: 1 };

    /// The session in which is done what is begun now: this one, or the one after the interruption.
    pub fn session(&self) -> u64 {
        match self {
            Self::Consuming { session } => *session,
            Self::Interrupted { session, .. } => session + 1,
        }
    }
}

impl Subscription {
    /// A subscription to `queue`, fed by a bus. `queue` is the name as the broker knows it, to be used in `reply_to`.
    /// `ends` is dropped with the subscription, before the deliveries that it holds: its `Drop` stops consuming.
    pub fn new(
        queue: QueueName,
        deliveries: mpsc::Receiver<Delivery>,
        state: watch::Receiver<State>,
        ends: impl Send + Sync + 'static,
    ) -> Self {
        Self {
            queue,
            _ends: Box::new(ends),
            deliveries,
            state,
        }
    }

    /// The queue's name; of a reply queue, what `reply_to` has to say.
    pub fn queue(&self) -> &QueueName {
        &self.queue
    }

    /// The next delivery, or `None` when the bus has been closed.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Delivery> {
        loop {
            // No await between the two, so that a delivery is either still in the channel or in the caller's hands.
            if let Some(delivery) = self.deliveries.recv().await?.taken() {
                return Some(delivery);
            }
        }
    }

    /// Whether the subscription is being served, now and as it changes.
    pub fn state(&self) -> watch::Receiver<State> {
        self.state.clone()
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("queue", &self.queue)
            .finish_non_exhaustive()
    }
}
