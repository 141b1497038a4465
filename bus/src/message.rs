//! A message: where it goes, its properties, headers and body.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Exchange, Headers, QueueName, RoutingKey};

/// A message, to be published or as it was delivered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// The exchange it is published to.
    pub exchange: Exchange,
    /// The key it is routed by.
    pub routing_key: RoutingKey,
    /// AMQP's basic properties.
    pub properties: Properties,
    /// The header table.
    pub headers: Headers,
    /// The body.
    pub body: Bytes,
    /// How long it stays out of sight before its queue delivers it. Only for [`Message::to_queue`].
    pub delay: Option<Duration>,
}

/// AMQP's basic properties. What a foreign sender left out is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Properties {
    /// Unique per message, the same for each of its attempts; ours are UUID v7.
    pub message_id: Option<String>,
    /// What this message belongs to; a reply carries its request's.
    pub correlation_id: Option<String>,
    /// The queue a reply is wanted in.
    pub reply_to: Option<String>,
    /// Who sent it.
    pub app_id: Option<String>,
    /// When it was sent, seconds since the Unix epoch.
    pub timestamp: Option<u64>,
    /// The schema of the body, with its version.
    pub message_type: Option<String>,
    /// The media type of the body.
    pub content_type: Option<String>,
    /// Whether it outlives the broker.
    pub delivery_mode: DeliveryMode,
    /// 0 to 9, higher first, where the queue has priorities.
    pub priority: u8,
}

/// Whether a message outlives the process that holds it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeliveryMode {
    /// AMQP's 1: may be kept in memory only.
    Transient,
    /// AMQP's 2: on disk before the publish is confirmed.
    #[default]
    Persistent,
}

impl Message {
    /// A message to the topic exchange, with a message id of its own.
    pub fn event(routing_key: RoutingKey, body: impl Into<Bytes>) -> Self {
        Self::new(Exchange::EVENTS, routing_key, body.into())
    }

    /// A message to one queue, through the default exchange.
    pub fn to_queue(queue: &QueueName, body: impl Into<Bytes>) -> Self {
        Self::new(Exchange::DEFAULT, queue.into(), body.into())
    }

    /// The same message, kept in memory only.
    #[must_use]
    pub fn transient(mut self) -> Self {
        self.properties.delivery_mode = DeliveryMode::Transient;
        self
    }

    fn new(exchange: Exchange, routing_key: RoutingKey, body: Bytes) -> Self {
        let properties = Properties {
            message_id: Some(Uuid::now_v7().to_string()),
            ..Properties::default()
        };
        Self {
            exchange,
            routing_key,
            properties,
            headers: Headers::new(),
            body,
            delay: None,
        }
    }
}
