#![doc = include_str!("../README.md")]

pub mod amqp;
pub mod conformance;
pub mod embedded;
pub mod group_commit;
pub mod headers;
pub mod message;
pub mod names;
pub mod queue;
pub mod request;
pub mod tls;

mod delivery;
mod error;
mod subscription;

use std::fmt;

use futures_util::future::BoxFuture;

pub use amqp::AmqpBus;
pub use delivery::{Delivery, Settle, Settlement};
pub use embedded::EmbeddedBus;
pub use error::{Cause, PublishError, RequestError, SettleError, SubscribeError};
pub use group_commit::{GroupCommit, OpenError};
pub use headers::{FieldValue, Headers};
pub use message::{DeliveryMode, Message, Properties};
pub use names::{BindingKey, Exchange, InvalidName, QueueName, RoutingKey};
pub use queue::{Queue, QueueKind};
pub use request::Requester;
pub use subscription::{State, Subscription};

/// A message bus, embedded or RabbitMQ.
///
/// Held as `Arc<dyn Bus>`: a message costs a disk write or a network round trip, so the boxed future is free, and no
/// type parameter spreads through the code that uses it.
pub trait Bus: Send + Sync + fmt::Debug {
    /// Publishes `message`, and resolves when the bus has taken responsibility for it.
    ///
    /// A [`DeliveryMode::Persistent`] message that was confirmed survives a crash of any process: the embedded bus has
    /// synced its journal, RabbitMQ has sent its publisher confirm. Every message is published as mandatory, so that
    /// the result says whether a queue took it.
    ///
    /// # Errors
    /// See [`PublishError`]. After an error the message may have been accepted all the same (at least once).
    ///
    /// # Cancel safety
    /// Dropping the future leaves open whether the message was published.
    fn publish(&self, message: Message) -> BoxFuture<'_, Result<Routed, PublishError>>;

    /// Declares `queue` with its bindings, its retry queues and its dead-letter queue, and consumes it.
    ///
    /// Declaring is idempotent. Several subscriptions to one [`QueueKind::Work`] queue compete for its messages.
    /// A subscription outlives broker restarts; it ends when it is dropped.
    ///
    /// # Errors
    /// See [`SubscribeError`].
    fn subscribe(&self, queue: Queue) -> BoxFuture<'_, Result<Subscription, SubscribeError>>;
}

/// Whether a published message reached a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Routed {
    /// At least one queue took the message.
    ToQueue,
    /// No queue is bound for its routing key; the message is gone.
    Nowhere,
}

/// Where the buses' guarantees differ. Each bus names its own as a constant; the conformance suite reads them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Features {
    /// Delays follow tokio's clock, so that a test may pause it.
    pub virtual_time: bool,
    /// A killed process keeps the exact count of deliveries of a message (RabbitMQ counts per quorum queue).
    pub durable_delivery_count: bool,
    /// A message that was sent ahead to a consumer, who never saw it, does not count as delivered.
    pub counts_what_was_seen: bool,
    /// Publishing an event waits while its queue is full.
    pub bounded_queues: bool,
    /// The largest body taken, bytes.
    pub max_body_bytes: usize,
}
