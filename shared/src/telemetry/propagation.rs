//! The trace context and baggage on message headers and HTTP headers, in the formats that the configuration names.
//!
//! W3C Trace Context Level 2 (<https://www.w3.org/TR/trace-context-2/>) and W3C Baggage
//! (<https://www.w3.org/TR/baggage/>) unless it says otherwise; B3 and Jaeger's own headers for services that know nothing
//! newer. All of it is ours and strict. The SDK's propagators let broken headers through that W3C's own test suite sends,
//! and the crates for the other two are deprecated. Nothing invalid is passed on: a broken `traceparent` means no context at
//! all (its `tracestate` goes with it), a broken `tracestate` is dropped alone, and so is a broken member of `baggage`.
//!
//! Where telemetry is off, a context that comes in goes out as it came. No span is made then, and what is written is what
//! was read; so the ids, which are fixed in size, are read and written anew, which costs less than keeping the text would.
//! Only where that would give another text (a later version, white space, the order of baggage) is the text kept too.

mod b3;
mod baggage;
mod carrier;
mod hex;
mod jaeger;
mod traceparent;
mod tracestate;
mod untouched;

use chimera_bus::{Headers, Message, headers::name};
use opentelemetry::{
    Context as OtelContext,
    baggage::BaggageExt as _,
    propagation::{Extractor, Injector, TextMapPropagator, text_map_propagator::FieldIter},
    trace::{SpanContext, TraceContextExt as _, TraceFlags, TraceId, TraceState},
};

use crate::config::Propagator as Format;
use carrier::{DynSink, HeaderExtractor, HttpExtractor, HttpSink, MessageSink, Sink};
use untouched::{AsItCame, Untouched};

/// The flag of trace ids whose right-most seven bytes are random, which all that Chimera creates are.
///
/// Source: <https://www.w3.org/TR/trace-context-2/#random-trace-id-flag>.
pub(crate) const RANDOM: TraceFlags = TraceFlags::new(0x02);

/// What of a context somebody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disclosure {
    /// The ids of trace and span, and whether they are sampled: numbers that say nothing.
    pub ids: bool,
    /// What others put beside them: `tracestate` and baggage.
    pub values: bool,
}

impl Disclosure {
    /// Everything.
    pub const ALL: Self = Self {
        ids: true,
        values: true,
    };
    /// Numbers only.
    pub const IDS: Self = Self {
        ids: true,
        values: false,
    };
}

/// Reads and writes contexts in one or several formats. Each service has its own.
///
/// Of several formats all are written. They are read in their order; a later one that finds another context replaces what
/// an earlier one found. One that finds the same span again adds nothing, for it knows less of it.
#[derive(Debug, Clone)]
pub struct Propagator {
    formats: Vec<Format>,
    /// The names of all headers that belong to the formats, in lower case.
    fields: Vec<String>,
    /// Whether what comes in goes out as it came, since no spans are made.
    pub(super) passes_on: bool,
}

impl Default for Propagator {
    /// Trace Context and Baggage.
    fn default() -> Self {
        Self::new(&[Format::TraceContext, Format::Baggage])
    }
}

impl Propagator {
    /// A propagator of `formats`; none of them where they are only [`Format::None`].
    pub fn new(formats: &[Format]) -> Self {
        let mut known: Vec<Format> = Vec::new();
        let mut fields: Vec<String> = Vec::new();
        for &format in formats {
            if !known.contains(&format) {
                known.push(format);
            }
            for field in fields_of(format) {
                if fields.iter().all(|other| other != field) {
                    fields.push((*field).to_owned());
                }
            }
        }
        Self {
            formats: known,
            fields,
            passes_on: false,
        }
    }

    /// Writes the active span and baggage of `context` into the headers of `message`, in place of what they held.
    pub fn inject_message(&self, context: &OtelContext, message: &mut Message) {
        self.inject_headers(context, &mut message.headers);
    }

    /// Writes the active span and baggage of `context` into a header table, in place of what it held.
    ///
    /// What it held goes even where there is nothing to write: a republished message must not carry a context that is
    /// half its last sender's.
    pub fn inject_headers(&self, context: &OtelContext, headers: &mut Headers) {
        let mut sink = MessageSink::new(headers, &self.fields);
        if self.formats.contains(&Format::Jaeger) {
            sink.remove_all(jaeger::is_baggage);
        }
        self.inject(context, Disclosure::ALL, &mut sink);
        sink.finish();
    }

    /// The context that the headers of `message` carry; empty when there is none or it is broken.
    pub fn extract_message(&self, message: &Message) -> OtelContext {
        self.extract_headers(&message.headers)
    }

    /// The context that a header table carries; empty when there is none or it is broken.
    ///
    /// Names are compared without case, as other languages' clients write them in any; values are read from long strings,
    /// short strings and bytes.
    pub fn extract_headers(&self, headers: &Headers) -> OtelContext {
        self.extract_from(&OtelContext::new(), &HeaderExtractor(headers))
    }

    /// Writes what of `context` is to be told into HTTP headers, in place of what they held.
    pub fn inject_http(
        &self,
        context: &OtelContext,
        told: Disclosure,
        headers: &mut http::HeaderMap,
    ) {
        carrier::clear_http(headers, |key| {
            self.fields.iter().any(|field| field == key)
                || (self.formats.contains(&Format::Jaeger) && jaeger::is_baggage(key))
        });
        self.inject(context, told, &mut HttpSink(headers));
    }

    /// The context that HTTP headers carry; empty when there is none or it is broken.
    pub fn extract_http(&self, headers: &http::HeaderMap) -> OtelContext {
        self.extract_from(&OtelContext::new(), &HttpExtractor(headers))
    }

    fn inject<S: Sink + ?Sized>(&self, context: &OtelContext, told: Disclosure, sink: &mut S) {
        let untouched = self.passes_on.then(|| context.get::<Untouched>()).flatten();
        match untouched {
            Some(untouched) => self.write(context, told, &mut AsItCame { untouched, sink }),
            None => self.write(context, told, sink),
        }
    }

    fn write<S: Sink + ?Sized>(&self, context: &OtelContext, told: Disclosure, sink: &mut S) {
        let span = context.span();
        let span = Some(span.span_context()).filter(|span| told.ids && span.is_valid());
        for format in &self.formats {
            match (format, span) {
                (Format::TraceContext, Some(span)) => {
                    sink.put(name::TRACEPARENT, traceparent::text(span).as_str());
                    let tracestate = told.values.then(|| tracestate::header(context, span));
                    put_some(sink, name::TRACESTATE, &tracestate.unwrap_or_default());
                }
                (Format::Baggage, _) if told.values => {
                    put_some(sink, name::BAGGAGE, &baggage::header(context.baggage()));
                }
                (Format::B3, Some(span)) => b3::write_single(span, is_debug(context, span), sink),
                (Format::B3Multi, Some(span)) => {
                    b3::write_multi(span, is_debug(context, span), sink);
                }
                (Format::Jaeger, _) => {
                    if let Some(span) = span {
                        jaeger::write(span, is_debug(context, span), sink);
                    }
                    if told.values {
                        jaeger::write_baggage(context.baggage(), sink);
                    }
                }
                _ => {}
            }
        }
    }

    fn extract_from<E: Extractor + ?Sized>(
        &self,
        context: &OtelContext,
        extractor: &E,
    ) -> OtelContext {
        let mut context = context.clone();
        let mut untouched = Untouched::default();
        for format in &self.formats {
            let found = match format {
                Format::TraceContext => trace_context(&context, extractor, &mut untouched),
                Format::Baggage => w3c_baggage(&context, extractor, &mut untouched),
                Format::B3 | Format::B3Multi => match b3::read(extractor) {
                    Some(found) => with_found(&context, found),
                    None => b3::refuses(extractor).then(|| context.with_value(Refused)),
                },
                Format::Jaeger => {
                    let found = jaeger::read(extractor);
                    let joined = found.and_then(|found| with_found(&context, found));
                    jaeger::with_baggage(joined.as_ref().unwrap_or(&context), extractor).or(joined)
                }
                Format::None => None,
            };
            context = found.unwrap_or(context);
        }
        if self.passes_on && !untouched.is_empty() {
            context = context.with_value(untouched);
        }
        context
    }
}

/// The names of the headers that `format` reads and writes; those of Jaeger's baggage begin with a prefix instead.
fn fields_of(format: Format) -> &'static [&'static str] {
    match format {
        Format::TraceContext => &[name::TRACEPARENT, name::TRACESTATE],
        Format::Baggage => &[name::BAGGAGE],
        Format::B3 | Format::B3Multi => &b3::FIELDS,
        Format::Jaeger => &[jaeger::FIELD],
        Format::None => &[],
    }
}

fn put_some<S: Sink + ?Sized>(sink: &mut S, name: &str, value: &str) {
    if !value.is_empty() {
        sink.put(name, value);
    }
}

fn trace_context<E: Extractor + ?Sized>(
    context: &OtelContext,
    extractor: &E,
    untouched: &mut Untouched,
) -> Option<OtelContext> {
    // Repeated it is invalid; our carriers' `get` answers so, without the list that `get_all` makes.
    let text = extractor.get(name::TRACEPARENT)?;
    let parent = traceparent::parse(text)?;
    let with_state = |state| {
        let (trace_id, span_id) = (parent.trace_id, parent.span_id);
        SpanContext::new(trace_id, span_id, parent.flags, true, state)
    };
    if !parent.is_plain {
        let written = traceparent::text(&with_state(TraceState::NONE));
        untouched.keep(name::TRACEPARENT, &[text], written.as_str());
    }
    let values = extractor.get_all(name::TRACESTATE);
    let Some(members) = values.as_ref().and_then(|values| tracestate::parse(values)) else {
        return Some(context.with_remote_span_context(with_state(TraceState::NONE)));
    };
    if let Some(values) = values.filter(|_| members.is_whole) {
        untouched.keep(name::TRACESTATE, &values, &members.joined());
    }
    let span = with_state(members.known_to_sdk());
    let foreign = members.foreign_to_sdk(&span);
    let context = context.with_remote_span_context(span);
    Some(match foreign {
        Some(foreign) => context.with_value(foreign),
        None => context,
    })
}

fn w3c_baggage<E: Extractor + ?Sized>(
    context: &OtelContext,
    extractor: &E,
    untouched: &mut Untouched,
) -> Option<OtelContext> {
    let values = extractor.get_all(name::BAGGAGE)?;
    let parsed = baggage::parse(&values);
    if parsed.baggage.is_empty() {
        return None;
    }
    if parsed.is_whole {
        untouched.keep(name::BAGGAGE, &values, &baggage::header(&parsed.baggage));
    }
    Some(context.with_baggage(parsed.baggage))
}

/// A span that a format other than W3C's names.
#[derive(Debug, PartialEq)]
struct Found {
    span: SpanContext,
    /// Whether its trace is one that somebody debugs, which is passed on in the formats that can say so.
    is_debug: bool,
}

/// `None` when `context` has that span already: Trace Context knows more of it.
fn with_found(context: &OtelContext, found: Found) -> Option<OtelContext> {
    let ids = |span: &SpanContext| (span.trace_id(), span.span_id());
    let trace_id = found.span.trace_id();
    let is_new = ids(&found.span) != ids(context.span().span_context());
    let joined = is_new.then(|| context.with_remote_span_context(found.span));
    if found.is_debug {
        return Some(
            joined
                .as_ref()
                .unwrap_or(context)
                .with_value(Debug(trace_id)),
        );
    }
    joined
}

/// Whoever calls names no span, and wants no trace: one that begins here is not sampled.
#[derive(Debug)]
pub(super) struct Refused;

/// The trace that somebody debugs.
struct Debug(TraceId);

fn is_debug(context: &OtelContext, span: &SpanContext) -> bool {
    span.is_sampled()
        && context
            .get::<Debug>()
            .is_some_and(|debug| debug.0 == span.trace_id())
}

impl TextMapPropagator for Propagator {
    fn inject_context(&self, context: &OtelContext, injector: &mut dyn Injector) {
        self.inject(context, Disclosure::ALL, &mut DynSink(injector));
    }

    fn extract_with_context(
        &self,
        context: &OtelContext,
        extractor: &dyn Extractor,
    ) -> OtelContext {
        self.extract_from(context, extractor)
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&self.fields)
    }
}

/// The ids of `span` as a `traceparent`, for headers of our own that name a span (`x-previous-attempt`).
///
/// Empty for a span context that is not valid.
pub fn format_traceparent(span: &SpanContext) -> String {
    if span.is_valid() {
        traceparent::text(span).as_str().to_owned()
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
        TraceState::NONE,
    ))
}

#[cfg(test)]
mod tests;
