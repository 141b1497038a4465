//! B3, which Zipkin made: one header `b3`, or several that begin with `x-b3-`. Both are read, whichever is written.
//!
//! Sources: <https://github.com/openzipkin/b3-propagation> and the OpenTelemetry specification, "Propagators API",
//! "B3 Requirements". The crate that has it, `opentelemetry-zipkin`, is deprecated; it keeps B3's states in bits of the
//! trace flags that Trace Context gave another meaning.

use opentelemetry::{
    propagation::Extractor,
    trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState},
};

use super::{Found, carrier::Sink, hex};

const SINGLE: &str = "b3";
const TRACE_ID: &str = "x-b3-traceid";
const SPAN_ID: &str = "x-b3-spanid";
const SAMPLED: &str = "x-b3-sampled";
const FLAGS: &str = "x-b3-flags";
/// Read so that it can be checked, and never written.
const PARENT_SPAN_ID: &str = "x-b3-parentspanid";

pub(super) const FIELDS: [&str; 6] = [SINGLE, TRACE_ID, SPAN_ID, SAMPLED, FLAGS, PARENT_SPAN_ID];

/// The single header counts; where it is missing or broken, the others do.
pub(super) fn read<E: Extractor + ?Sized>(extractor: &E) -> Option<Found> {
    let single = extractor.get(SINGLE).and_then(parse);
    single.or_else(|| several(extractor))
}

/// `trace id "-" span id ["-" state ["-" parent span id]]`. A state alone names no span; see [`refuses`].
fn parse(text: &str) -> Option<Found> {
    let mut parts = text.trim_matches([' ', '\t']).split('-');
    let (trace_id, span_id) = (parts.next()?, parts.next()?);
    let state = match parts.next() {
        None => State::Deferred,
        Some("0") => State::Refused,
        Some("1") => State::Accepted,
        Some("d") => State::Debug,
        Some(_) => return None,
    };
    if let Some(parent) = parts.next() {
        span(parent)?;
    }
    parts.next().is_none().then_some(())?;
    found(trace_id, span_id, state)
}

/// Whether a sender that names no span says that there is to be no trace: `b3: 0`, or `x-b3-sampled: 0` alone.
pub(super) fn refuses<E: Extractor + ?Sized>(extractor: &E) -> bool {
    let single = extractor.get(SINGLE);
    let is_single = single.is_some_and(|text| text.trim_matches([' ', '\t']) == "0");
    let has_no_span = || {
        [TRACE_ID, SPAN_ID]
            .iter()
            .all(|name| extractor.get(name).is_none())
    };
    let is_several = || {
        matches!(extractor.get(SAMPLED), Some("0" | "false"))
            && matches!(extractor.get(FLAGS), None | Some("0"))
    };
    is_single || (single.is_none() && has_no_span() && is_several())
}

fn several<E: Extractor + ?Sized>(extractor: &E) -> Option<Found> {
    if let Some(parent) = extractor.get(PARENT_SPAN_ID) {
        span(parent)?;
    }
    let state = match (extractor.get(FLAGS), extractor.get(SAMPLED)) {
        (Some("1"), _) => State::Debug,
        (Some("0") | None, None) => State::Deferred,
        // Old senders write words.
        (Some("0") | None, Some("1" | "true")) => State::Accepted,
        (Some("0") | None, Some("0" | "false")) => State::Refused,
        _ => return None,
    };
    found(extractor.get(TRACE_ID)?, extractor.get(SPAN_ID)?, state)
}

/// What the sender has decided.
#[derive(Clone, Copy)]
enum State {
    /// That the receiver decides: it is for us to say, and a trace that somebody began is recorded.
    Deferred,
    Refused,
    Accepted,
    /// That it is recorded whatever others think.
    Debug,
}

fn found(trace_id: &str, span_id: &str, state: State) -> Option<Found> {
    let (long, short) = (trace_id.len() == 32, trace_id.len() == 16);
    let trace_id = TraceId::from(hex::parse_long(trace_id.as_bytes()).filter(|_| long || short)?);
    let flags = match state {
        State::Refused => TraceFlags::default(),
        State::Deferred | State::Accepted | State::Debug => TraceFlags::SAMPLED,
    };
    let span = SpanContext::new(trace_id, span(span_id)?, flags, true, TraceState::NONE);
    let is_debug = matches!(state, State::Debug);
    span.is_valid().then_some(Found { span, is_debug })
}

fn span(id: &str) -> Option<SpanId> {
    let id = Some(id).filter(|id| id.len() == 16)?;
    hex::parse(id.as_bytes()).map(SpanId::from)
}

pub(super) fn write_single<S: Sink + ?Sized>(span: &SpanContext, is_debug: bool, sink: &mut S) {
    let (trace_id, span_id) = (span.trace_id(), span.span_id());
    let state = if is_debug { "d" } else { sampled(span) };
    sink.put(SINGLE, &format!("{trace_id}-{span_id}-{state}"));
}

pub(super) fn write_multi<S: Sink + ?Sized>(span: &SpanContext, is_debug: bool, sink: &mut S) {
    sink.put(TRACE_ID, &span.trace_id().to_string());
    sink.put(SPAN_ID, &span.span_id().to_string());
    // Debug implies sampled, which is then not to be written.
    if is_debug {
        sink.put(FLAGS, "1");
    } else {
        sink.put(SAMPLED, sampled(span));
    }
}

fn sampled(span: &SpanContext) -> &'static str {
    if span.is_sampled() { "1" } else { "0" }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    const T: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const S: &str = "00f067aa0ba902b7";

    /// `expected` is what goes out in one header for what came in.
    fn check(incoming: &[(&str, &str)], expected: Option<&str>) {
        let texts = incoming
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.replace('T', T).replace('S', S)));
        let texts: HashMap<String, String> = texts.collect();
        let written = read(&texts).map(|found| {
            let mut out = Vec::<(String, String)>::new();
            write_single(&found.span, found.is_debug, &mut out);
            out.remove(0).1
        });
        let expected = expected.map(|text| text.replace('T', T).replace('S', S));
        assert_eq!(written, expected, "{incoming:?}");
    }

    #[test]
    fn one_header_is_read() {
        for (text, expected) in [
            ("T-S-1", Some("T-S-1")),
            ("T-S-0", Some("T-S-0")),
            ("T-S-d", Some("T-S-d")),
            ("T-S", Some("T-S-1")),
            ("T-S-1-S", Some("T-S-1")),
            (" T-S-1\t", Some("T-S-1")),
            (
                "a3ce929d0e0e4736-S-1",
                Some("0000000000000000a3ce929d0e0e4736-S-1"),
            ),
            ("0", None),
            ("", None),
            ("-", None),
            ("T-", None),
            ("T-S-", None),
            ("T-S-2", None),
            ("T-S-true", None),
            ("T-S-1-", None),
            ("T-S-1-x", None),
            ("T-S-1-S-", None),
            ("T0-S-1", None),
            ("T-S0-1", None),
            ("4BF92F3577B34DA6A3CE929D0E0E4736-S-1", None),
            ("00000000000000000000000000000000-S-1", None),
            ("T-0000000000000000-1", None),
            ("é", None),
        ] {
            check(&[(SINGLE, text)], expected);
        }
    }

    #[test]
    fn several_headers_are_read() {
        let ids = [(TRACE_ID, "T"), (SPAN_ID, "S")];
        let with = |more: &[(&'static str, &'static str)]| [&ids[..], more].concat();
        check(&ids, Some("T-S-1"));
        check(&with(&[(SAMPLED, "1")]), Some("T-S-1"));
        check(&with(&[(SAMPLED, "true")]), Some("T-S-1"));
        check(&with(&[(SAMPLED, "0")]), Some("T-S-0"));
        check(&with(&[(SAMPLED, "false"), (FLAGS, "0")]), Some("T-S-0"));
        check(&with(&[(FLAGS, "1")]), Some("T-S-d"));
        check(&with(&[(PARENT_SPAN_ID, "S")]), Some("T-S-1"));
        check(&with(&[(PARENT_SPAN_ID, "x")]), None);
        check(&with(&[(SAMPLED, "yes")]), None);
        check(&with(&[(FLAGS, "2")]), None);
        check(&ids[..1], None);
        check(&ids[1..], None);
        check(&[(SAMPLED, "1")], None);
        check(&with(&[(SINGLE, "broken")]), Some("T-S-1"));
        check(&with(&[(SINGLE, "T-S-0")]), Some("T-S-0"));
    }

    #[test]
    fn several_headers_are_written_without_the_parent() {
        let context = |flags| {
            let (trace_id, span_id) = (TraceId::from(1), SpanId::from(2));
            SpanContext::new(trace_id, span_id, flags, false, TraceState::NONE)
        };
        let written = |flags, is_debug| {
            let mut out = Vec::<(String, String)>::new();
            write_multi(&context(flags), is_debug, &mut out);
            out.iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect::<Vec<_>>()
                .join(" ")
        };
        let ids = "x-b3-traceid=00000000000000000000000000000001 x-b3-spanid=0000000000000002";
        assert_eq!(
            written(TraceFlags::SAMPLED, false),
            format!("{ids} x-b3-sampled=1")
        );
        assert_eq!(
            written(TraceFlags::default(), false),
            format!("{ids} x-b3-sampled=0")
        );
        assert_eq!(
            written(TraceFlags::SAMPLED, true),
            format!("{ids} x-b3-flags=1")
        );
    }
}
