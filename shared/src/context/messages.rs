//! What a handler sends: events, requests, messages as they are.

use std::{sync::Arc, time::Duration};

use chimera_bus::{Message, PublishError, RequestError, Routed, headers::name};
use serde::{Serialize, de::DeserializeOwned};

use super::{AskError, Context, SendError};
use crate::deadline::Deadline;

/// How long a request waits for its reply when neither the message nor the caller sets a deadline.
pub const DEFAULT_REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// How an event is published, where the defaults do not fit.
#[derive(Debug, Clone, Default)]
pub struct PublishOptions {
    /// When the work that the event asks for is no longer wanted.
    pub deadline: Option<Deadline>,
    /// What the event belongs to.
    pub correlation_id: Option<String>,
    /// Whether the event may be kept in memory only.
    pub transient: bool,
    /// Further headers.
    pub headers: chimera_bus::Headers,
}

impl Context {
    /// Publishes an event with a JSON body, and resolves when the bus has it.
    ///
    /// # Errors
    /// See [`SendError`].
    pub async fn publish<T: Serialize>(
        &self,
        routing_key: &str,
        body: &T,
    ) -> Result<(), SendError> {
        self.publish_with(routing_key, body, PublishOptions::default())
            .await
            .map(|_| ())
    }

    /// Publishes an event, and says whether a queue took it.
    ///
    /// # Errors
    /// See [`SendError`].
    pub async fn publish_with<T: Serialize>(
        &self,
        routing_key: &str,
        body: &T,
        options: PublishOptions,
    ) -> Result<Routed, SendError> {
        let mut message = self.event(routing_key, body)?;
        message.properties.correlation_id =
            options.correlation_id.or_else(|| self.correlation_id());
        for (name, value) in options.headers.iter() {
            message.headers.set(name, value.clone());
        }
        if let Some(deadline) = options.deadline {
            message.headers.set(name::DEADLINE, deadline.epoch_ms());
        }
        if options.transient {
            message = message.transient();
        }
        Ok(self.send(message).await?)
    }

    /// Publishes a message as it is, with this context's trace in its headers.
    ///
    /// # Errors
    /// See [`PublishError`].
    pub async fn send(&self, message: Message) -> Result<Routed, PublishError> {
        self.services.messaging.send(&self.scope, message).await
    }

    /// Asks whoever takes `routing_key`, and waits for the reply until this context's deadline (30 s without one).
    ///
    /// # Errors
    /// See [`AskError`].
    ///
    /// # Cancel safety
    /// Dropping the future gives the reply up; the work may be done all the same.
    pub async fn request<T: Serialize, R: DeserializeOwned>(
        &self,
        routing_key: &str,
        body: &T,
    ) -> Result<R, AskError> {
        let message = self.event(routing_key, body)?.transient();
        let routing_key = message.routing_key.clone();
        let reply = self.ask(message).await?;
        serde_json::from_slice(&reply.body).map_err(|source| AskError::Decode {
            routing_key,
            source: Arc::new(source),
        })
    }

    /// Sends a message as a request and returns the reply as it came.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub async fn ask(&self, message: Message) -> Result<Message, RequestError> {
        let timeout = self
            .deadline
            .map_or(DEFAULT_REQUEST_TIMEOUT, Deadline::remaining);
        let messaging = &self.services.messaging;
        messaging.ask(&self.scope, message, timeout).await
    }

    /// An event with a JSON body, signed by this agent, to be changed and then sent with [`Context::send`] or
    /// [`Context::ask`].
    ///
    /// # Errors
    /// [`SendError`] when the key is not a routing key, or the body cannot be written as JSON.
    pub fn event<T: Serialize>(&self, routing_key: &str, body: &T) -> Result<Message, SendError> {
        self.services.messaging.event(routing_key, body)
    }

    fn correlation_id(&self) -> Option<String> {
        self.message.as_ref()?.properties.correlation_id.clone()
    }
}
