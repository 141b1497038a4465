//! The SDK's tracer, with the trace flags of Trace Context Level 2.

use std::{borrow::Cow, mem, slice, time::SystemTime};

use opentelemetry::{
    Array, Context as OtelContext, KeyValue, Value,
    trace::{self, SpanBuilder, SpanContext, Status, TraceContextExt as _, TraceFlags},
};
use opentelemetry_sdk::trace::SdkTracer;

use super::{finish::cut, propagation::RANDOM, redact};

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

/// Characters of a text that comes by the `tracing` macros, where no setting says otherwise. What an argument holds is no
/// choice of who wrote the function: one of 2 MB would be an attribute of 2 MB.
const MACRO_VALUE_LENGTH: usize = 4_096;

/// Starts the spans of the `tracing` macros, whose texts have a length limit in any case.
#[derive(Debug, Clone)]
pub(super) struct MacroTracer {
    tracer: Tracer,
    value_length: usize,
}

impl MacroTracer {
    /// With texts of `value_length` characters; `None` is the default.
    pub(super) fn new(tracer: Tracer, value_length: Option<usize>) -> Self {
        Self {
            tracer,
            value_length: value_length.unwrap_or(MACRO_VALUE_LENGTH),
        }
    }
}

impl trace::Tracer for MacroTracer {
    type Span = MacroSpan;

    fn build_with_context(&self, mut builder: SpanBuilder, parent: &OtelContext) -> MacroSpan {
        let length = self.value_length;
        if let Some(attributes) = &mut builder.attributes {
            shorten(attributes, length);
        }
        for event in builder.events.iter_mut().flatten() {
            shorten(&mut event.attributes, length);
            event.name = event_name(mem::take(&mut event.name), &event.attributes, length);
        }
        MacroSpan {
            span: self.tracer.build_with_context(builder, parent),
            value_length: length,
        }
    }
}

/// A span of the `tracing` macros.
#[derive(Debug)]
pub(super) struct MacroSpan {
    span: FlaggedSpan,
    value_length: usize,
}

impl trace::Span for MacroSpan {
    fn add_event_with_timestamp<T: Into<Cow<'static, str>>>(
        &mut self,
        name: T,
        timestamp: SystemTime,
        mut attributes: Vec<KeyValue>,
    ) {
        shorten(&mut attributes, self.value_length);
        let name = event_name(name.into(), &attributes, self.value_length);
        self.span
            .add_event_with_timestamp(name, timestamp, attributes);
    }

    fn span_context(&self) -> &SpanContext {
        self.span.span_context()
    }

    fn is_recording(&self) -> bool {
        self.span.is_recording()
    }

    fn set_attribute(&mut self, mut attribute: KeyValue) {
        shorten(slice::from_mut(&mut attribute), self.value_length);
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

/// Cuts long texts to `length` characters, redacted before: a secret that was cut is not known as one any more.
fn shorten(attributes: &mut [KeyValue], length: usize) {
    for attribute in attributes {
        let is_long = match &attribute.value {
            Value::String(text) => text.as_str().len() > length,
            Value::Array(Array::String(texts)) => {
                texts.iter().any(|text| text.as_str().len() > length)
            }
            _ => false,
        };
        if is_long {
            let attribute = slice::from_mut(attribute);
            redact::attributes(attribute);
            cut(attribute, length);
        }
    }
}

/// The name of an event, which is its message. One without is named after a line of the sources; that of `ret` is told by
/// its field.
fn event_name(
    name: Cow<'static, str>,
    attributes: &[KeyValue],
    length: usize,
) -> Cow<'static, str> {
    let is_return = |one: &KeyValue| one.key.as_str() == RETURN;
    if name.starts_with("event ") && attributes.iter().any(is_return) {
        return Cow::Borrowed(RETURN);
    }
    if name.len() <= length {
        return name;
    }
    redact::text(&name)
        .chars()
        .take(length)
        .collect::<String>()
        .into()
}

/// The field in which `#[tracing::instrument(ret)]` puts the result.
pub(super) const RETURN: &str = "return";

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
