//! Jaeger's own headers: `uber-trace-id`, and one for each member of baggage, which begins with `uberctx-`.
//!
//! Source: <https://www.jaegertracing.io/sdk-migration/#propagation-format>. The crate that has it,
//! `opentelemetry-jaeger-propagator`, is deprecated, stays with an older OpenTelemetry, and takes baggage for tracestate.

use opentelemetry::{
    Context as OtelContext,
    baggage::{Baggage, BaggageExt as _},
    propagation::Extractor,
    trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState},
};

use super::{Found, baggage, carrier::Sink, hex};

pub(super) const FIELD: &str = "uber-trace-id";
const BAGGAGE: &str = "uberctx-";

const SAMPLED: u64 = 0x01;
const DEBUG: u64 = 0x02;

/// Whether a header called `key`, in any case, is a member of baggage.
pub(super) fn is_baggage(key: &str) -> bool {
    member(key).is_some()
}

/// The name of the member that `key` stands for.
fn member(key: &str) -> Option<&str> {
    let (start, name) = key.split_at_checked(BAGGAGE.len())?;
    start.eq_ignore_ascii_case(BAGGAGE).then_some(name)
}

pub(super) fn read<E: Extractor + ?Sized>(extractor: &E) -> Option<Found> {
    parse(extractor.get(FIELD)?)
}

/// `trace id ":" span id ":" parent span id ":" flags`, perhaps percent-encoded; zeros before an id may be missing.
fn parse(text: &str) -> Option<Found> {
    let text = text.trim_matches([' ', '\t']).to_ascii_lowercase();
    let text = text.replace("%3a", ":");
    let parts: Vec<_> = text.split(':').map(str::as_bytes).collect();
    let [trace_id, span_id, parent, flags] = parts[..] else {
        return None;
    };
    let is_long = |part: &[u8], most: usize| (1..=most).contains(&part.len());
    // The parent is long out of use; what is not even an id is a broken header.
    if !is_long(trace_id, 32) || !is_long(span_id, 16) || !is_long(parent, 16) || !is_long(flags, 2)
    {
        return None;
    }
    let (_parent, flags) = (hex::parse(parent)?, hex::parse(flags)?);
    let is_sampled = flags & SAMPLED != 0;
    let span = SpanContext::new(
        TraceId::from(hex::parse_long(trace_id)?),
        SpanId::from(hex::parse(span_id)?),
        TraceFlags::default().with_sampled(is_sampled),
        true,
        TraceState::NONE,
    );
    let is_debug = is_sampled && flags & DEBUG != 0;
    span.is_valid().then_some(Found { span, is_debug })
}

/// `None` when no header is a member of baggage that is new. One that is broken is dropped, and so are those beyond the limits.
pub(super) fn with_baggage<E: Extractor + ?Sized>(
    context: &OtelContext,
    extractor: &E,
) -> Option<OtelContext> {
    let keys = extractor.keys().into_iter();
    let members = keys.filter_map(|key| Some((member(key)?, key)));
    let mut found = Vec::new();
    // Looking one up goes through all headers again, of which there may be thousands.
    for (name, key) in members.take(baggage::MAX_MEMBERS) {
        if let Some(value) = extractor.get(key).and_then(baggage::decoded_text)
            && baggage::is_token(name)
            && !is_known(context.baggage(), name, &value)
        {
            found.push((name.to_owned(), value));
        }
    }
    if found.is_empty() {
        return None;
    }
    let mut all = Baggage::new();
    for (name, (value, properties)) in context.baggage() {
        all.insert_with_metadata(name.clone(), value.clone(), properties.clone());
    }
    for (name, value) in found {
        all.insert(name, value);
    }
    Some(context.with_baggage(all))
}

/// What is known already may have properties, which these headers cannot say, and upper case, which HTTP cannot.
fn is_known(baggage: &Baggage, name: &str, value: &str) -> bool {
    let mut members = baggage.iter();
    members.any(|(known, (text, _))| {
        known.as_str().eq_ignore_ascii_case(name) && text.as_str() == value
    })
}

pub(super) fn write<S: Sink + ?Sized>(span: &SpanContext, is_debug: bool, sink: &mut S) {
    let (trace_id, span_id) = (span.trace_id(), span.span_id());
    let flags = match (span.is_sampled(), is_debug) {
        (true, true) => SAMPLED | DEBUG,
        (true, false) => SAMPLED,
        (false, _) => 0,
    };
    sink.put(FIELD, &format!("{trace_id}:{span_id}:0:{flags:x}"));
}

pub(super) fn write_baggage<S: Sink + ?Sized>(baggage: &Baggage, sink: &mut S) {
    for (name, value) in baggage::encoded(baggage) {
        sink.put(&format!("{BAGGAGE}{name}"), &value);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    const T: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const S: &str = "00f067aa0ba902b7";

    fn check(text: &str, expected: Option<&str>) {
        let full = |text: &str| text.replace('T', T).replace('S', S);
        let written = parse(&full(text)).map(|found| {
            let mut out = Vec::<(String, String)>::new();
            write(&found.span, found.is_debug, &mut out);
            out.remove(0).1
        });
        assert_eq!(written, expected.map(full), "{text:?}");
    }

    #[test]
    fn a_span_is_read_and_its_parent_forgotten() {
        check("T:S:0:1", Some("T:S:0:1"));
        check("T:S:S:0", Some("T:S:0:0"));
        check("T:S:0:01", Some("T:S:0:1"));
        check("T:S:0:3", Some("T:S:0:3"));
        check("T:S:0:2", Some("T:S:0:0"));
        check("T:S:0:9", Some("T:S:0:1"));
        check("T%3AS%3a0%3A1", Some("T:S:0:1"));
        check("4BF92F3577B34DA6A3CE929D0E0E4736:S:0:1", Some("T:S:0:1"));
        check(
            "1:2:0:1",
            Some("00000000000000000000000000000001:0000000000000002:0:1"),
        );
    }

    #[test]
    fn what_is_broken_is_no_span() {
        for text in [
            "",
            ":",
            ":::",
            "T:S:0",
            "T:S:0:1:1",
            "T:S::1",
            "T:S:0:",
            "T:S:x:1",
            "T:S:0:x",
            "T:S:0:100",
            "T0:S:0:1",
            "T:S0:0:1",
            "0:S:0:1",
            "T:0:0:1",
            "é:é:é:é",
            "+1:S:0:1",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn members_of_baggage_have_a_header_each() {
        let headers: HashMap<String, String> = [
            ("uberctx-tenant", "a%20b"),
            ("UberCtx-Plan", "gold, with it"),
            ("uberctx-", "nameless"),
            ("uberctx-a b", "1"),
            ("uberctx-bad", "\0"),
            ("other", "1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        let extractor = Cased(headers);
        let context = with_baggage(&OtelContext::new(), &extractor).unwrap();
        let mut out = Vec::<(String, String)>::new();
        write_baggage(context.baggage(), &mut out);
        let expected = [
            ("uberctx-Plan", "gold%2C%20with%20it"),
            ("uberctx-tenant", "a%20b"),
        ];
        assert_eq!(out, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
        let none = Cased(HashMap::new());
        assert!(with_baggage(&OtelContext::new(), &none).is_none());
    }

    /// The SDK's own for this map makes names lower-case.
    struct Cased(HashMap<String, String>);

    impl Extractor for Cased {
        fn get(&self, key: &str) -> Option<&str> {
            self.0.get(key).map(String::as_str)
        }

        fn keys(&self) -> Vec<&str> {
            self.0.keys().map(String::as_str).collect()
        }
    }
}
