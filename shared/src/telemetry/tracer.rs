//! The SDK's tracer, with the trace flags of Trace Context Level 2.

use std::{borrow::Cow, time::SystemTime};

use opentelemetry::{
    Context as OtelContext, KeyValue,
    trace::{self, SpanBuilder, SpanContext, Status, TraceContextExt as _, TraceFlags},
};
use opentelemetry_sdk::trace::SdkTracer;

use super::propagation::RANDOM;

/// Starts spans whose contexts carry the random flag: set on traces that start here, as it came on those passed on.
///
/// The SDK's own tracer never sets it, and loses it on spans that are not sampled. That it may be set at all is the
/// SDK's id generator's doing, which makes all sixteen bytes random.
#[derive(Debug, Clone)]
pub(super) struct Tracer(pub(super) SdkTracer);

impl trace::Tracer for Tracer {
    type Span = FlaggedSpan;

    fn build_with_context(&self, builder: SpanBuilder, parent: &OtelContext) -> FlaggedSpan {
        let span = self.0.build_with_context(builder, parent);
        let own = trace::Span::span_context(&span);
        let parent = parent.span();
        let random = if parent.span_context().is_valid() {
            parent.span_context().trace_flags() & RANDOM
        } else if own.is_valid() {
            RANDOM
        } else {
            TraceFlags::default()
        };
        let context = with_flags(own, random);
        FlaggedSpan { span, context }
    }
}

/// `context` with `flags` beside its own.
pub(super) fn with_flags(context: &SpanContext, flags: TraceFlags) -> SpanContext {
    SpanContext::new(
        context.trace_id(),
        context.span_id(),
        context.trace_flags() | flags,
        context.is_remote(),
        context.trace_state().clone(),
    )
}

/// The SDK's span under a span context of ours.
#[derive(Debug)]
pub(super) struct FlaggedSpan {
    span: opentelemetry_sdk::trace::Span,
    context: SpanContext,
}

impl trace::Span for FlaggedSpan {
    fn add_event_with_timestamp<T: Into<Cow<'static, str>>>(
        &mut self,
        name: T,
        timestamp: SystemTime,
        attributes: Vec<KeyValue>,
    ) {
        self.span
            .add_event_with_timestamp(name, timestamp, attributes);
    }

    fn span_context(&self) -> &SpanContext {
        &self.context
    }

    fn is_recording(&self) -> bool {
        self.span.is_recording()
    }

    fn set_attribute(&mut self, attribute: KeyValue) {
        self.span.set_attribute(attribute);
    }

    fn set_status(&mut self, status: Status) {
        self.span.set_status(status);
    }

    fn update_name<T: Into<Cow<'static, str>>>(&mut self, name: T) {
        self.span.update_name(name);
    }

    fn add_link(&mut self, target: SpanContext, attributes: Vec<KeyValue>) {
        self.span.add_link(target, attributes);
    }

    fn end_with_timestamp(&mut self, timestamp: SystemTime) {
        self.span.end_with_timestamp(timestamp);
    }
}
