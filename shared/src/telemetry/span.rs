//! Opening spans: where (a [`Scope`]), and one that is open (a [`Span`]).

use std::{borrow::Cow, error::Error, fmt, future::Future, iter, thread};

use opentelemetry::{
    Context as OtelContext, KeyValue,
    trace::{
        FutureExt as _, Link, Span as _, SpanBuilder, SpanContext, SpanKind, Status,
        TraceContextExt as _, Tracer as _,
    },
};
use tracing::instrument::WithSubscriber as _;

use super::{Telemetry, keys, tracer::Tracer};

/// A service and the span that its next spans are children of. A cheap clone.
#[derive(Clone)]
pub struct Scope {
    telemetry: Telemetry,
    context: OtelContext,
}

/// An open span; it ends when it is dropped. One that is dropped by a panic is marked as failed.
///
/// Its status is unset unless [`Span::fail`] was called: the conventions ask instrumentation to leave success unset.
#[derive(Debug)]
#[must_use = "a span ends when it is dropped"]
pub struct Span {
    scope: Scope,
    /// Where telemetry is off, the scope holds its parent's context, whose span is not this one's to end.
    is_own: bool,
}

/// How many attributes a span has room for at first: what a consumer span has, so that its vector grows once.
const USUAL_ATTRIBUTES: usize = 12;

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
        if self.attributes.capacity() == 0 {
            self.attributes.reserve(USUAL_ATTRIBUTES);
        }
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

    /// The same service under the span that is active where this is called: one made by a `tracing` macro inside
    /// [`Scope::run`], or else this scope's own.
    pub fn active(&self) -> Self {
        let context = OtelContext::current();
        if context.has_active_span() {
            Self::new(self.telemetry.clone(), context)
        } else {
            self.clone()
        }
    }

    /// The same scope with `value` in its context, for whoever asks the context for that type: [`Correlation`], baggage.
    ///
    /// [`Correlation`]: super::Correlation
    #[must_use]
    pub fn with_value<T: Send + Sync + 'static>(&self, value: T) -> Self {
        Self::new(self.telemetry.clone(), self.context.with_value(value))
    }

    /// Starts a span under this scope.
    ///
    /// Where telemetry is off, nothing starts: the scope under the span is this one, so that the context that came in is
    /// passed on.
    pub fn start(&self, start: SpanStart) -> Span {
        match self.telemetry.tracer() {
            Some(tracer) => self.start_with_tracer(tracer, start),
            None => self.without_span(),
        }
    }

    /// Starts the span that `start` describes, which is not asked where telemetry is off: for hot paths.
    pub fn start_with(&self, start: impl FnOnce() -> SpanStart) -> Span {
        match self.telemetry.tracer() {
            Some(tracer) => self.start_with_tracer(tracer, start()),
            None => self.without_span(),
        }
    }

    /// The same, for a scope that nobody needs beside its span: where telemetry is off it becomes the span's own, which
    /// costs less than sharing it.
    pub fn into_span(self, start: impl FnOnce(&Self) -> SpanStart) -> Span {
        match self.telemetry.tracer() {
            Some(tracer) => self.start_with_tracer(tracer, start(&self)),
            None => Span {
                scope: self,
                is_own: false,
            },
        }
    }

    fn start_with_tracer(&self, tracer: &Tracer, start: SpanStart) -> Span {
        let mut builder = SpanBuilder::from_name(start.name);
        builder.span_kind = Some(start.kind);
        builder.attributes = Some(start.attributes);
        builder.links = (!start.links.is_empty()).then_some(start.links);
        let span = tracer.build_with_context(builder, &self.context);
        if !span.span_context().is_valid() {
            // Telemetry was shut down before its service.
            return self.without_span();
        }
        Span {
            scope: Self::new(self.telemetry.clone(), self.context.with_span(span)),
            is_own: true,
        }
    }

    fn without_span(&self) -> Span {
        Span {
            scope: self.clone(),
            is_own: false,
        }
    }

    /// Runs `work`, which waits for nothing, like [`Scope::run`] does a future.
    pub fn enter<T>(&self, work: impl FnOnce() -> T) -> T {
        let _active = self.context.clone().attach();
        tracing::dispatcher::with_default(self.telemetry.dispatch(), work)
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

    /// The ids of this span.
    pub fn context(&self) -> SpanContext {
        self.scope.span_context()
    }

    /// Whether what is set on this span is kept: neither telemetry nor a sampler switched it off.
    pub fn is_recording(&self) -> bool {
        self.is_own && self.scope.context.span().is_recording()
    }

    /// Sets an attribute.
    pub fn set(&self, attribute: KeyValue) {
        if self.is_own {
            self.scope.context.span().set_attribute(attribute);
        }
    }

    /// Adds an event.
    pub fn event(&self, name: impl Into<Cow<'static, str>>, attributes: Vec<KeyValue>) {
        if self.is_own {
            self.scope.context.span().add_event(name, attributes);
        }
    }

    /// Links this span to `target`, when that is a valid span context; for links that are not known at the start.
    pub fn link(&self, target: SpanContext, attributes: Vec<KeyValue>) {
        if self.is_own && target.is_valid() {
            self.scope.context.span().add_link(target, attributes);
        }
    }

    /// Records `error`, with its causes, as an exception event. To be called once, where the error is handled.
    ///
    /// `error_type` is the same low-cardinality name that [`Span::fail`] takes.
    pub fn record_exception(&self, error_type: impl Into<Cow<'static, str>>, error: &dyn Error) {
        if self.is_recording() {
            self.exception(error_type, with_causes(error));
        }
    }

    /// Records an exception of which only the text is known.
    ///
    /// Source: <https://opentelemetry.io/docs/specs/semconv/exceptions/exceptions-spans/>.
    pub fn exception(&self, error_type: impl Into<Cow<'static, str>>, message: String) {
        let attributes = vec![
            KeyValue::new(keys::EXCEPTION_TYPE, error_type.into()),
            KeyValue::new(keys::EXCEPTION_MESSAGE, message),
        ];
        self.event("exception", attributes);
    }

    /// Marks the operation as failed. `error_type` is of low cardinality; `description` is for people.
    pub fn fail(&self, error_type: impl Into<Cow<'static, str>>, description: impl fmt::Display) {
        if self.is_recording() {
            let span = self.scope.context.span();
            span.set_attribute(KeyValue::new(keys::ERROR_TYPE, error_type.into()));
            span.set_status(Status::error(description.to_string()));
        }
    }

    /// Marks the operation as failed by `error`, which is told with its causes.
    pub(crate) fn fail_with_causes(&self, error_type: &'static str, error: &dyn Error) {
        if self.is_recording() {
            self.fail(error_type, with_causes(error));
        }
    }

    /// Ends the span now.
    pub fn end(self) {}
}

fn with_causes(error: &dyn Error) -> String {
    let causes = iter::successors(error.source(), |cause| (*cause).source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

impl Drop for Span {
    fn drop(&mut self) {
        if self.is_own {
            if thread::panicking() {
                self.fail("panic", "the work in it panicked");
            }
            self.scope.context.span().end();
        }
    }
}

#[cfg(test)]
mod tests;
