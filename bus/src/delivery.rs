//! A message that was delivered and waits to be settled.

use std::{fmt, sync::Arc};

use crate::{Message, SettleError};

/// A message handed to a consumer. It MUST be settled, by one of the methods that consume it; dropping it unsettled
/// gives it back to its queue, to be delivered again.
pub struct Delivery {
    message: Arc<Message>,
    tag: u64,
    redelivered: bool,
    deliveries: u32,
    settle: Option<Arc<dyn Settle>>,
}

/// What becomes of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// Handled: the queue forgets it.
    Ack,
    /// Not handled: the queue delivers it again, soon and to anyone; this counts as a delivery.
    Requeue,
    /// Refused: the queue's dead-letter exchange gets it, or it is gone where there is none.
    Reject,
}

/// How a bus takes a settlement. Implemented by buses; consumers use [`Delivery`].
pub trait Settle: Send + Sync {
    /// Notes that the consumer has the delivery with `tag` in its hands: from now on it counts as delivered, where the
    /// bus can tell that from being sent. `false` when the delivery is no longer this consumer's, who then never sees it.
    fn taken(&self, tag: u64) -> bool {
        let _ = tag;
        true
    }

    /// Settles the delivery with `tag`. MUST NOT block.
    ///
    /// # Errors
    /// [`SettleError::Stale`] when the delivery is no longer this consumer's.
    fn settle(&self, tag: u64, settlement: Settlement) -> Result<(), SettleError>;
}

impl Delivery {
    /// A delivery with its `tag`, of a message that was handed out `deliveries` times counting this one.
    pub fn new(
        message: impl Into<Arc<Message>>,
        tag: u64,
        deliveries: u32,
        settle: Arc<dyn Settle>,
    ) -> Self {
        Self {
            message: message.into(),
            tag,
            redelivered: deliveries > 1,
            deliveries,
            settle: Some(settle),
        }
    }

    /// The message.
    pub fn message(&self) -> &Message {
        &self.message
    }

    /// AMQP's delivery tag: unique within the subscription, ascending.
    pub fn tag(&self) -> u64 {
        self.tag
    }

    /// Whether it was delivered before without being settled.
    pub fn redelivered(&self) -> bool {
        self.redelivered
    }

    /// How often it was delivered since it was published (or republished for a retry), this time included.
    pub fn deliveries(&self) -> u32 {
        self.deliveries
    }

    /// Tells the bus that the message was handled.
    ///
    /// # Errors
    /// [`SettleError`] when the bus no longer knows the delivery; it will be delivered again.
    pub fn ack(self) -> Result<(), SettleError> {
        self.settle(Settlement::Ack)
    }

    /// Gives the message back, to be delivered again.
    ///
    /// # Errors
    /// [`SettleError`] when the bus no longer knows the delivery; it will be delivered again all the same.
    pub fn requeue(self) -> Result<(), SettleError> {
        self.settle(Settlement::Requeue)
    }

    /// Refuses the message, for the dead-letter queue.
    ///
    /// # Errors
    /// [`SettleError`] when the bus no longer knows the delivery; it will be delivered again.
    pub fn reject(self) -> Result<(), SettleError> {
        self.settle(Settlement::Reject)
    }

    /// Tells the bus that the consumer has it, see [`Settle::taken`].
    pub(crate) fn taken(mut self) -> Option<Self> {
        let held = self
            .settle
            .as_ref()
            .is_some_and(|settle| settle.taken(self.tag));
        if !held {
            self.forget();
            return None;
        }
        Some(self)
    }

    /// Takes the duty to settle from it.
    pub(crate) fn forget(&mut self) {
        self.settle = None;
    }

    fn settle(mut self, settlement: Settlement) -> Result<(), SettleError> {
        self.settle
            .take()
            .map_or(Ok(()), |settle| settle.settle(self.tag, settlement))
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if let Some(settle) = self.settle.take() {
            // A stale delivery is given back by the bus itself, so that nothing is left to do on an error.
            let _ = settle.settle(self.tag, Settlement::Requeue);
        }
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("message", &self.message)
            .field("tag", &self.tag)
            .field("deliveries", &self.deliveries)
            .finish_non_exhaustive()
    }
}
