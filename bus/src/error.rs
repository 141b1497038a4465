//! What can go wrong, by operation.

use std::{sync::Arc, time::Duration};

use crate::{Message, QueueName, RoutingKey};

/// An error of the bus's transport or storage, kept as its source.
pub type Cause = Arc<dyn std::error::Error + Send + Sync>;

/// Publishing failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PublishError {
    /// The body is over the bus's limit; it will never be taken.
    #[error("the body of `{routing_key}` has {size} bytes; this bus takes at most {limit}")]
    TooLarge {
        /// Where it was going.
        routing_key: RoutingKey,
        /// Bytes.
        size: usize,
        /// Bytes.
        limit: usize,
    },
    /// A delay was asked for where there is no queue to wait in.
    #[error("a delay needs a queue as its destination, `{routing_key}` is a routing key")]
    DelayedEvent {
        /// Where it was going.
        routing_key: RoutingKey,
    },
    /// No queue took a message that must not be lost.
    #[error("no queue takes `{routing_key}`: was it deleted?")]
    Unroutable {
        /// Where it was going.
        routing_key: RoutingKey,
    },
    /// The journal could not be written, for example because the disk is full.
    #[error("writing the journal of the bus")]
    Journal(#[source] Cause),
    /// The broker refused the message or could not be reached.
    #[error("publishing to `{routing_key}`")]
    Broker {
        /// Where it was going.
        routing_key: RoutingKey,
        /// What the client said.
        #[source]
        source: Cause,
    },
    /// The bus has been closed.
    #[error("the bus is closed")]
    Closed,
}

/// Subscribing failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SubscribeError {
    /// The queue is there, and is not what was asked for.
    #[error(
        "queue `{queue}` of {place} exists with {argument} {found}, and {wanted} is wanted: delete the queue or change the setting"
    )]
    Conflict {
        /// The queue.
        queue: QueueName,
        /// Where it is: the broker, without credentials, and its virtual host.
        place: String,
        /// What differs.
        argument: String,
        /// What was asked for.
        wanted: String,
        /// What it is.
        found: String,
    },
    /// The journal could not be read or written.
    #[error("reading queue `{queue}` from the journal of the bus")]
    Journal {
        /// The queue.
        queue: QueueName,
        /// What the storage said.
        #[source]
        source: Cause,
    },
    /// The broker refused or could not be reached.
    #[error("subscribing to queue `{queue}`")]
    Broker {
        /// The queue.
        queue: QueueName,
        /// What the client said.
        #[source]
        source: Cause,
    },
    /// The bus has been closed.
    #[error("the bus is closed")]
    Closed,
}

/// Settling failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettleError {
    /// The delivery is no longer this consumer's; the bus delivers the message again.
    #[error("the delivery is no longer held: its subscription or connection ended")]
    Stale,
}

/// A request had no reply.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RequestError {
    /// No queue takes the routing key: the agent that answers it is not there.
    #[error("nobody takes requests for `{routing_key}`: is its agent running?")]
    Unroutable {
        /// What was asked.
        routing_key: RoutingKey,
    },
    /// No reply came in time.
    #[error("no reply to `{routing_key}` within {}", humantime(*.waited))]
    Timeout {
        /// What was asked.
        routing_key: RoutingKey,
        /// How long was waited.
        waited: Duration,
    },
    /// The connection that the reply would have come on has ended. Asking again may help.
    #[error("the connection to the bus ended before the reply to `{routing_key}` came")]
    Interrupted {
        /// What was asked.
        routing_key: RoutingKey,
    },
    /// The agent that was asked answered with an error.
    #[error("`{agent}` failed at `{routing_key}`: {message}")]
    Failed {
        /// What was asked.
        routing_key: RoutingKey,
        /// Who failed.
        agent: String,
        /// The kind of error, as in `x-error-type`.
        error_type: String,
        /// What went wrong.
        message: String,
        /// The whole reply.
        reply: Box<Message>,
    },
    /// The request could not be published.
    #[error("sending the request")]
    Publish(#[from] PublishError),
    /// The reply queue could not be had.
    #[error("subscribing to replies")]
    Subscribe(#[from] SubscribeError),
}

fn humantime(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
