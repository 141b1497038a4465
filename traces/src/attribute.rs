//! The attribute keys that the store, the tree and the waterfall read.

pub use opentelemetry_semantic_conventions::attribute::{
    ERROR_TYPE, MESSAGING_RABBITMQ_DESTINATION_ROUTING_KEY, SERVICE_NAME,
};

/// How long a message waited in its queue before it was handled, in milliseconds. On CONSUMER spans.
pub const QUEUE_WAIT_MS: &str = "chimera.queue.wait_ms";
