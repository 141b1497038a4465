//! What can go wrong when a handler publishes or asks.

use std::sync::Arc;

use chimera_bus::{InvalidName, PublishError, RequestError, RoutingKey};

/// An event could not be published.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SendError {
    /// The routing key is not one.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// The body could not be written as JSON.
    #[error("writing the body of `{routing_key}` as JSON")]
    Encode {
        /// Where it was going.
        routing_key: RoutingKey,
        /// What the encoder said.
        #[source]
        source: Arc<serde_json::Error>,
    },
    /// The bus did not take it.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

/// A request had no usable reply.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AskError {
    /// The request could not be made.
    #[error(transparent)]
    Send(#[from] SendError),
    /// There was no reply, or it said that the agent failed.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The reply is not what was expected.
    #[error("reading the reply to `{routing_key}`")]
    Decode {
        /// What was asked.
        routing_key: RoutingKey,
        /// What the decoder said.
        #[source]
        source: Arc<serde_json::Error>,
    },
}

/// The kind of error as `error.type` names it. What the other agent failed of stands in its own span.
pub(crate) fn error_type(error: &RequestError) -> &'static str {
    match error {
        RequestError::Publish(_) => "publish",
        RequestError::Subscribe(_) => "subscribe",
        RequestError::Unroutable { .. } => "unroutable",
        RequestError::Timeout { .. } => "timeout",
        RequestError::Interrupted { .. } => "interrupted",
        RequestError::Failed { .. } => "failed",
    }
}
