//! The trace context and baggage on message headers and HTTP headers, by one strict propagator.
//!
//! W3C Trace Context Level 2 (<https://www.w3.org/TR/trace-context-2/>) and W3C Baggage
//! (<https://www.w3.org/TR/baggage/>). It replaces the SDK's propagators because they let broken headers through that the
//! specification's own test suite sends. Nothing invalid is passed on: a broken `traceparent` means no context at all (its
//! `tracestate` goes with it), a broken `tracestate` is dropped alone, and so is a broken member of `baggage`.

mod baggage;
mod carrier;
mod traceparent;
mod tracestate;

use std::sync::LazyLock;

use chimera_bus::{Headers, Message, headers::name};
use opentelemetry::{
    Context as OtelContext,
    baggage::BaggageExt as _,
    propagation::{Extractor, Injector, TextMapPropagator, text_map_propagator::FieldIter},
    trace::{SpanContext, TraceContextExt as _, TraceFlags},
};

use carrier::{HeaderExtractor, HeaderInjector, HttpExtractor, HttpInjector};

/// The flag of trace ids whose right-most seven bytes are random, which all that Chimera creates are.
///
/// Source: <https://www.w3.org/TR/trace-context-2/#random-trace-id-flag>.
pub(crate) const RANDOM: TraceFlags = TraceFlags::new(0x02);

/// Reads and writes `traceparent`, `tracestate` and `baggage`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Propagator;

static FIELDS: LazyLock<[String; 3]> =
    LazyLock::new(|| [name::TRACEPARENT, name::TRACESTATE, name::BAGGAGE].map(str::to_owned));

impl TextMapPropagator for Propagator {
    fn inject_context(&self, context: &OtelContext, injector: &mut dyn Injector) {
        inject_trace(context, injector);
        let baggage = baggage::header(context.baggage());
        if !baggage.is_empty() {
            injector.set(name::BAGGAGE, baggage);
        }
    }

    fn extract_with_context(
        &self,
        context: &OtelContext,
        extractor: &dyn Extractor,
    ) -> OtelContext {
        let context = match extract_trace(extractor) {
            Some((span, None)) => context.with_remote_span_context(span),
            Some((span, Some(foreign))) => {
                context.with_remote_span_context(span).with_value(foreign)
            }
            None => context.clone(),
        };
        match extractor
            .get_all(name::BAGGAGE)
            .map(|values| baggage::parse(&values))
        {
            Some(baggage) if !baggage.is_empty() => context.with_baggage(baggage),
            _ => context,
        }
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(FIELDS.as_slice())
    }
}

fn inject_trace(context: &OtelContext, injector: &mut dyn Injector) {
    let span = context.span();
    let span = span.span_context();
    if span.is_valid() {
        injector.set(name::TRACEPARENT, traceparent::header(span));
        let tracestate = tracestate::header(context, span);
        if !tracestate.is_empty() {
            injector.set(name::TRACESTATE, tracestate);
        }
    }
}

fn extract_trace(extractor: &dyn Extractor) -> Option<(SpanContext, Option<tracestate::Foreign>)> {
    // Repeated it is invalid; our carriers' `get` answers so, without the list that `get_all` makes.
    let parent = traceparent::parse(extractor.get(name::TRACEPARENT)?)?;
    let members = extractor
        .get_all(name::TRACESTATE)
        .and_then(|values| tracestate::parse(&values))
        .unwrap_or_default();
    let span = SpanContext::new(
        parent.trace_id,
        parent.span_id,
        parent.flags,
        true,
        members.known_to_sdk(),
    );
    let foreign = members.foreign_to_sdk(&span);
    Some((span, foreign))
}

/// Writes the active span and baggage of `context` into the headers of `message`, in place of what they held.
pub fn inject_message(context: &OtelContext, message: &mut Message) {
    inject_headers(context, &mut message.headers);
}

/// Writes the active span and baggage of `context` into a header table, in place of what it held.
///
/// What it held goes even where there is nothing to write: a republished message must not carry a context that is
/// half its last sender's.
pub fn inject_headers(context: &OtelContext, headers: &mut Headers) {
    headers.retain(|key| !carrier::is_ours(key));
    Propagator.inject_context(context, &mut HeaderInjector(headers));
}

/// The context that the headers of `message` carry; empty when there is none or it is broken.
pub fn extract_message(message: &Message) -> OtelContext {
    extract_headers(&message.headers)
}

/// The context that a header table carries; empty when there is none or it is broken.
///
/// Names are compared without case, as other languages' clients write them in any; values are read from long strings,
/// short strings and bytes.
pub fn extract_headers(headers: &Headers) -> OtelContext {
    Propagator.extract_with_context(&OtelContext::new(), &HeaderExtractor(headers))
}

/// Writes the active span and baggage of `context` into HTTP headers, in place of what they held.
pub fn inject_http(context: &OtelContext, headers: &mut http::HeaderMap) {
    carrier::clear_http(headers);
    Propagator.inject_context(context, &mut HttpInjector(headers));
}

/// Writes only the active span's ids into HTTP headers: for hosts of others, whom baggage and `tracestate` are not for.
pub fn inject_http_ids(context: &OtelContext, headers: &mut http::HeaderMap) {
    carrier::clear_http(headers);
    let span = context.span();
    if span.span_context().is_valid() {
        HttpInjector(headers).set(name::TRACEPARENT, traceparent::header(span.span_context()));
    }
}

/// The context that HTTP headers carry; empty when there is none or it is broken.
pub fn extract_http(headers: &http::HeaderMap) -> OtelContext {
    Propagator.extract_with_context(&OtelContext::new(), &HttpExtractor(headers))
}

/// The ids of `span` as a `traceparent`, for headers of our own that name a span (`x-previous-attempt`).
///
/// Empty for a span context that is not valid.
pub fn format_traceparent(span: &SpanContext) -> String {
    if span.is_valid() {
        traceparent::header(span)
    } else {
        String::new()
    }
}

/// The ids that [`format_traceparent`] wrote; `None` when `text` is not a valid `traceparent`.
pub fn parse_traceparent(text: &str) -> Option<SpanContext> {
    let parent = traceparent::parse(text)?;
    Some(SpanContext::new(
        parent.trace_id,
        parent.span_id,
        parent.flags,
        true,
        opentelemetry::trace::TraceState::NONE,
    ))
}

#[cfg(test)]
mod tests;
