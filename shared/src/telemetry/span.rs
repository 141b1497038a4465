//! Opening spans: where (a [`Scope`]), and one that is open (a [`Span`]).

use std::{borrow::Cow, fmt, future::Future};

use opentelemetry::{
    Context as OtelContext, KeyValue,
    trace::{
        FutureExt as _, Link, SpanContext, SpanKind, Status, TraceContextExt as _, Tracer as _,
    },
};
use tracing::instrument::WithSubscriber as _;

use super::{Telemetry, keys};

/// A service and the span that its next spans are children of. A cheap clone.
#[derive(Clone)]
pub struct Scope {
    telemetry: Telemetry,
    context: OtelContext,
}

/// An open span; it ends when it is dropped.
///
/// Its status is unset unless [`Span::fail`] was called: the conventions ask instrumentation to leave success unset.
#[derive(Debug)]
#[must_use = "a span ends when it is dropped"]
pub struct Span {
    scope: Scope,
}

/// What a span is made of when it starts. Attributes that samplers need belong here.
#[derive(Debug)]
pub struct SpanStart {
    name: Cow<'static, str>,
    kind: SpanKind,
    attributes: Vec<KeyValue>,
    links: Vec<Link>,
}

impl SpanStart {
    /// A span of `kind`, called `name`.
    pub fn new(kind: SpanKind, name: impl Into<Cow<'static, str>>) -> Self {
        Self {
            name: name.into(),
            kind,
            attributes: Vec::new(),
            links: Vec::new(),
        }
    }

    /// The same, with an attribute.
    #[must_use]
    pub fn with(mut self, attribute: KeyValue) -> Self {
        self.attributes.push(attribute);
        self
    }

    /// The same, with an attribute where there is a value.
    #[must_use]
    pub fn with_some<V: Into<opentelemetry::Value>>(
        self,
        key: &'static str,
        value: Option<V>,
    ) -> Self {
        match value {
            Some(value) => self.with(KeyValue::new(key, value)),
            None => self,
        }
    }

    /// The same, with a link to `target`, when that is a valid span context.
    #[must_use]
    pub fn linked(mut self, target: SpanContext, attributes: Vec<KeyValue>) -> Self {
        if target.is_valid() {
            self.links.push(Link::new(target, attributes, 0));
        }
        self
    }
}

impl Scope {
    /// The scope of `telemetry`'s service under `context`.
    pub fn new(telemetry: Telemetry, context: OtelContext) -> Self {
        Self { telemetry, context }
    }

    /// The telemetry of the service.
    pub fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// The OpenTelemetry context: the active span, the remote parent, baggage.
    pub fn context(&self) -> &OtelContext {
        &self.context
    }

    /// The ids of the span that the next spans are children of.
    pub fn span_context(&self) -> SpanContext {
        self.context.span().span_context().clone()
    }

    /// Starts a span under this scope.
    pub fn start(&self, start: SpanStart) -> Span {
        let tracer = self.telemetry.tracer();
        let builder = tracer
            .span_builder(start.name)
            .with_kind(start.kind)
            .with_attributes(start.attributes)
            .with_links(start.links);
        let span = tracer.build_with_context(builder, &self.context);
        Span {
            scope: Self {
                telemetry: self.telemetry.clone(),
                context: self.context.with_span(span),
            },
        }
    }

    /// Runs `future` so that spans and logs made by the `tracing` macros join this scope under this service.
    pub fn run<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        future
            .with_context(self.context.clone())
            .with_subscriber(self.telemetry.dispatch().clone())
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("service", &self.telemetry.service())
            .finish_non_exhaustive()
    }
}

impl Span {
    /// The scope under this span.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Sets an attribute.
    pub fn set(&self, attribute: KeyValue) {
        self.scope.context.span().set_attribute(attribute);
    }

    /// Adds an event.
    pub fn event(&self, name: impl Into<Cow<'static, str>>, attributes: Vec<KeyValue>) {
        self.scope.context.span().add_event(name, attributes);
    }

    /// Marks the operation as failed. `error_type` is of low cardinality; `description` is for people.
    pub fn fail(&self, error_type: impl Into<Cow<'static, str>>, description: impl fmt::Display) {
        let span = self.scope.context.span();
        if span.is_recording() {
            span.set_attribute(KeyValue::new(keys::ERROR_TYPE, error_type.into()));
            span.set_status(Status::error(description.to_string()));
        }
    }

    /// Ends the span now.
    pub fn end(self) {}
}

impl Drop for Span {
    fn drop(&mut self) {
        self.scope.context.span().end();
    }
}
