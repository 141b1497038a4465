//! What a handler works with: its message, its deadline, its place in the trace, and the clients.

use std::{borrow::Cow, fmt, future::Future, ops::Deref, sync::Arc, time::Duration};

use chimera_bus::{
    InvalidName, Message, PublishError, RequestError, Routed, RoutingKey, headers::name,
};
use opentelemetry::{KeyValue, baggage::BaggageExt as _, trace::SpanKind};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::Instant;

use crate::{
    agent::{Services, spans},
    cache::ScopedCache,
    deadline::{Deadline, now_ms},
    documents::ScopedDocuments,
    http::ScopedHttp,
    telemetry::{Scope, Sent, Span, SpanStart, keys, propagation},
};

/// How long a request waits for its reply when neither the message nor the caller sets a deadline.
pub const DEFAULT_REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// What a handler is called with. A cheap clone.
#[derive(Clone)]
pub struct Context {
    services: Arc<Services>,
    scope: Scope,
    message: Option<Arc<Message>>,
    deadline: Option<Deadline>,
    attempts_left: u32,
}

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
fn error_type(error: &RequestError) -> &'static str {
    match error {
        RequestError::Publish(_) | RequestError::Subscribe(_) => "publish",
        RequestError::Unroutable { .. } => "unroutable",
        RequestError::Timeout { .. } => "timeout",
        RequestError::Failed { .. } => "failed",
    }
}

impl Context {
    pub(crate) fn new(services: Arc<Services>, scope: Scope) -> Self {
        Self {
            services,
            scope,
            message: None,
            deadline: None,
            attempts_left: 0,
        }
    }

    pub(crate) fn for_message(
        services: Arc<Services>,
        scope: Scope,
        message: Arc<Message>,
        deadline: Option<Deadline>,
        attempts_left: u32,
    ) -> Self {
        Self {
            services,
            scope,
            message: Some(message),
            deadline,
            attempts_left,
        }
    }

    /// The message being handled; `None` in an HTTP request.
    pub fn message(&self) -> Option<&Message> {
        self.message.as_deref()
    }

    /// When the work is no longer wanted, if its sender said so.
    pub fn deadline(&self) -> Option<Deadline> {
        self.deadline
    }

    /// How often the message would be handled again if this attempt failed transiently; 0 in an HTTP request.
    pub fn attempts_left(&self) -> u32 {
        self.attempts_left
    }

    /// The same context with `deadline`, or with the one it has where that is sooner.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Deadline) -> Self {
        self.deadline = Some(self.deadline.map_or(deadline, |own| own.min(deadline)));
        self
    }

    /// The value of the baggage member `key`.
    pub fn baggage(&self, key: &str) -> Option<String> {
        self.scope
            .context()
            .baggage()
            .get(key)
            .map(ToString::to_string)
    }

    /// The trace this work belongs to, 32 lower-case hex digits.
    pub fn trace_id(&self) -> String {
        self.scope.span_context().trace_id().to_string()
    }

    /// Where the next span is opened.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The document store.
    pub fn documents(&self) -> ScopedDocuments {
        self.services.documents.scoped(&self.scope)
    }

    /// The cache.
    pub fn cache(&self) -> ScopedCache {
        self.services.cache.scoped(&self.scope)
    }

    /// The HTTP client.
    pub fn http(&self) -> ScopedHttp {
        self.services.http.scoped(&self.scope)
    }

    /// Opens an INTERNAL span. What is done through the returned context is under it; it ends when that is dropped.
    pub fn span(&self, name: impl Into<Cow<'static, str>>) -> ContextSpan {
        self.start(SpanStart::new(SpanKind::Internal, name))
    }

    /// Opens a span of any kind, with attributes and links.
    pub fn start(&self, start: SpanStart) -> ContextSpan {
        let span = self.scope.start(start);
        let context = Self {
            scope: span.scope().clone(),
            ..self.clone()
        };
        ContextSpan { context, span }
    }

    /// Runs `work` in an INTERNAL span; an error is recorded on it. Spans and logs of the `tracing` macros join it.
    ///
    /// # Errors
    /// Those of `work`.
    pub async fn in_span<T, E, Fut>(
        &self,
        name: impl Into<Cow<'static, str>>,
        work: impl FnOnce(Context) -> Fut,
    ) -> Result<T, E>
    where
        E: fmt::Display,
        Fut: Future<Output = Result<T, E>>,
    {
        let span = self.span(name);
        let result = span.scope.run(work(span.context.clone())).await;
        if let Err(error) = &result {
            span.fail("error", error);
        }
        result
    }

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
    pub async fn send(&self, mut message: Message) -> Result<Routed, PublishError> {
        let destination = spans::sent_to(&message);
        let started = Instant::now();
        let span = self
            .scope
            .start(spans::publish(self.services.bus_system, &message));
        propagation::inject_message(span.scope().context(), &mut message);
        let routed = self.services.bus.publish(message).await;
        let error_type = routed.is_err().then_some("publish");
        match &routed {
            Ok(Routed::ToQueue) => {}
            Ok(Routed::Nowhere) => {
                self.services.telemetry.metrics().unrouted(&destination);
                span.set(KeyValue::new(keys::CHIMERA_UNROUTED, true));
            }
            Err(error) => span.fail("publish", error),
        }
        self.sent("publish", &destination, error_type, started.elapsed());
        routed
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
    pub async fn ask(&self, mut message: Message) -> Result<Message, RequestError> {
        let destination = spans::sent_to(&message);
        let started = Instant::now();
        let span = self
            .scope
            .start(spans::request(self.services.bus_system, &message));
        let timeout = self
            .deadline
            .map_or(DEFAULT_REQUEST_TIMEOUT, Deadline::remaining);
        message
            .headers
            .set(name::DEADLINE, Deadline::after(timeout).epoch_ms());
        propagation::inject_message(span.scope().context(), &mut message);
        let reply = self.services.requester.request(message, timeout).await;
        let error_type = reply.as_ref().err().map(error_type);
        if let (Err(error), Some(error_type)) = (&reply, error_type) {
            span.fail(error_type, error);
        }
        self.sent("request", &destination, error_type, started.elapsed());
        reply
    }

    fn sent(
        &self,
        operation: &'static str,
        destination: &str,
        error_type: Option<&'static str>,
        duration: Duration,
    ) {
        let system = self.services.bus_system;
        self.services.telemetry.metrics().sent(Sent {
            system,
            operation,
            destination,
            error_type,
            duration,
        });
    }

    /// An event with a JSON body, signed by this agent, to be changed and then sent with [`Context::send`] or
    /// [`Context::ask`].
    ///
    /// # Errors
    /// [`SendError`] when the key is not a routing key, or the body cannot be written as JSON.
    pub fn event<T: Serialize>(&self, routing_key: &str, body: &T) -> Result<Message, SendError> {
        let routing_key = RoutingKey::new(routing_key)?;
        let body = serde_json::to_vec(body).map_err(|source| SendError::Encode {
            routing_key: routing_key.clone(),
            source: Arc::new(source),
        })?;
        let mut message = Message::event(routing_key, body);
        self.services.sign(&mut message);
        Ok(message)
    }

    fn correlation_id(&self) -> Option<String> {
        self.message.as_ref()?.properties.correlation_id.clone()
    }
}

impl Services {
    /// Says who sent a message and when.
    pub(crate) fn sign(&self, message: &mut Message) {
        let now_ms = now_ms();
        message.properties.app_id = Some(self.agent.clone());
        message.properties.timestamp = Some(now_ms / 1_000);
        message
            .properties
            .content_type
            .get_or_insert_with(|| "application/json".to_owned());
        message.headers.set(name::FIRST_PUBLISHED, now_ms);
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("agent", &self.services.agent)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

/// A context under a span of its own, which ends when this is dropped.
#[derive(Debug)]
#[must_use = "a span ends when it is dropped"]
pub struct ContextSpan {
    context: Context,
    span: Span,
}

impl ContextSpan {
    /// Sets an attribute of the span.
    pub fn set(&self, attribute: KeyValue) {
        self.span.set(attribute);
    }

    /// Marks the span as failed; see [`Span::fail`].
    pub fn fail(&self, error_type: impl Into<Cow<'static, str>>, description: impl fmt::Display) {
        self.span.fail(error_type, description);
    }

    /// The context under the span.
    pub fn context(&self) -> &Context {
        &self.context
    }
}

impl Deref for ContextSpan {
    type Target = Context;

    fn deref(&self) -> &Context {
        &self.context
    }
}
