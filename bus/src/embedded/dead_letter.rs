//! Why the bus itself gave a message up, as its headers say it.

use super::clock::{now_ms, now_us};
use crate::{Exchange, FieldValue, Message, QueueName, headers::name};

/// Why a message becomes a dead letter without its agent having published it as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// A consumer rejected it.
    Rejected,
    /// It was delivered that often, and nobody settled it: its consumers crash or give it back.
    DeliveryLimit(u32),
}

impl Reason {
    /// The message as it goes to the dead letters of `queue`. What an agent wrote about the failure stays.
    pub(super) fn mark(self, mut message: Message, queue: &QueueName) -> Message {
        let (error_type, error_message) = match self {
            Self::Rejected => ("rejected", "a consumer rejected the message".to_owned()),
            Self::DeliveryLimit(deliveries) => (
                "delivery_limit",
                format!("delivered {deliveries} times without being settled"),
            ),
        };
        let routing_key = message.routing_key.as_str().to_owned();
        let mut set = |header: &str, value: FieldValue| {
            if message.headers.get(header).is_none() {
                message.headers.set(header, value);
            }
        };
        set(name::ERROR_TYPE, error_type.into());
        set(name::ERROR_MESSAGE, error_message.into());
        set(name::FAILED_AGENT, queue.as_str().into());
        set(name::FAILED_AT, now_ms().into());
        set(name::ORIGINAL_ROUTING_KEY, routing_key.into());
        message.headers.set(name::READY_AT, now_us());
        message.exchange = Exchange::DEAD_LETTERS;
        message.routing_key = queue.into();
        message
    }
}
