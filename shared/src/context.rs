//! What a handler works with: its message, its deadline, its place in the trace, and the clients.

mod error;
mod messages;
mod span;

use std::{borrow::Cow, fmt, future::Future, sync::Arc};

use chimera_bus::Message;
use opentelemetry::baggage::BaggageExt as _;

use crate::{
    agent::{Messaging, Services},
    cache::ScopedCache,
    deadline::Deadline,
    documents::ScopedDocuments,
    http::ScopedHttp,
    telemetry::{Scope, SpanKind, SpanStart},
    timeseries::ScopedTimeSeries,
};

pub(crate) use error::error_type;
pub use error::{AskError, SendError};
pub use messages::{DEFAULT_REQUEST_TIMEOUT, PublishOptions};
pub use span::ContextSpan;

/// What a handler is called with. A cheap clone.
#[derive(Clone)]
pub struct Context {
    services: Arc<Services>,
    scope: Scope,
    message: Option<Arc<Message>>,
    deadline: Option<Deadline>,
    attempts_left: u32,
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

    pub(crate) fn messaging(&self) -> &Messaging {
        &self.services.messaging
    }

    /// The document store.
    pub fn documents(&self) -> ScopedDocuments {
        self.services.documents.scoped(&self.scope)
    }

    /// The cache.
    pub fn cache(&self) -> ScopedCache {
        self.services.cache.scoped(&self.scope)
    }

    /// The store of time series.
    pub fn timeseries(&self) -> ScopedTimeSeries {
        self.services.timeseries.scoped(&self.scope)
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

    /// Runs `work` in an INTERNAL span; however it ends, the span ends with it and says how, as with [`Scope::call`].
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
        let start = SpanStart::new(SpanKind::Internal, name);
        self.call(start, async |span| work(span.context().clone()).await)
            .await
    }

    /// Runs `work` in the span that `start` describes, with a context under it; see [`Scope::call`].
    ///
    /// # Errors
    /// Those of `work`.
    pub async fn call<T, E: fmt::Display>(
        &self,
        start: SpanStart,
        work: impl AsyncFnOnce(&ContextSpan) -> Result<T, E>,
    ) -> Result<T, E> {
        let span = self.start(start);
        span.span.finish(work(&span)).await
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("agent", &self.services.messaging.service)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}
