//! The cases of W3C's suite, each on HTTP headers and on message headers of every type that can hold text: what comes in,
//! goes through a span, and goes out. And what the suite does not ask.

mod formats;
mod off;
mod suite;

use std::collections::BTreeSet;

use chimera_bus::headers::FieldValue;
use opentelemetry::trace::SpanKind;
use proptest::prelude::*;

use super::*;
use crate::telemetry::{Scope, SpanStart, Telemetry};
use suite::{Case, Expected, TRACE};

const PARENT: (&str, &str) = (
    "traceparent",
    "00-12345678901234567890123456789012-1234567890123456-00",
);

fn check(case: &Case) {
    let (telemetry, _spans) = Telemetry::for_test("suite");
    let propagator = telemetry.propagator();
    let mut http = http::HeaderMap::new();
    for (name, value) in &case.incoming {
        let name = http::HeaderName::try_from(name).unwrap();
        http.append(name, http::HeaderValue::try_from(value).unwrap());
    }
    let context = through_span(&telemetry, propagator.extract_http(&http));
    propagator.inject_http(&context, Disclosure::ALL, &mut http);
    let out: Vec<_> = http
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect();
    assert_out(case, &out);

    let as_long: fn(&str) -> FieldValue = |text| FieldValue::LongString(text.into());
    let as_short: fn(&str) -> FieldValue = |text| FieldValue::ShortString(text.to_owned());
    let as_bytes: fn(&str) -> FieldValue = |text| FieldValue::Bytes(text.into());
    for typed in [as_long, as_short, as_bytes] {
        let mut headers: Headers = case
            .incoming
            .iter()
            .map(|(name, value)| (name.clone(), typed(value)))
            .collect();
        let context = through_span(&telemetry, propagator.extract_headers(&headers));
        propagator.inject_headers(&context, &mut headers);
        let out: Vec<_> = headers
            .iter()
            .map(|(name, value)| (name, value.as_str().unwrap()))
            .collect();
        assert_out(case, &out);
    }
}

fn through_span(telemetry: &Telemetry, context: OtelContext) -> OtelContext {
    let scope = Scope::new(telemetry.clone(), context);
    scope
        .start(SpanStart::new(SpanKind::Server, "suite"))
        .scope()
        .context()
        .clone()
}

fn assert_out(case: &Case, outgoing: &[(&str, &str)]) {
    let all = |wanted: &str| -> Vec<&str> {
        outgoing
            .iter()
            .filter(|(name, _)| *name == wanted)
            .map(|(_, value)| *value)
            .collect()
    };
    let [traceparent] = all("traceparent")[..] else {
        panic!("{case:?}: one traceparent expected in {outgoing:?}");
    };
    let parsed =
        traceparent::parse(traceparent).unwrap_or_else(|| panic!("{case:?}: {traceparent}"));
    assert_ne!(parsed.span_id.to_string(), suite::SPAN, "{case:?}");
    let is_joined = parsed.trace_id.to_string() == suite::TRACE;
    let found = match (is_joined, &all("tracestate")[..]) {
        (false, []) => Expected::NewTrace,
        (true, []) if parsed.flags & RANDOM == RANDOM => Expected::Random,
        (true, []) => Expected::Joined,
        (true, [state]) => Expected::With((*state).to_owned()),
        other => panic!("{case:?}: {other:?}"),
    };
    assert_eq!(found, case.expected, "{case:?}: {outgoing:?}");
}

#[test]
fn every_case_of_the_suite() {
    let cases = suite::cases();
    let tests: BTreeSet<_> = cases.iter().map(|case| case.test).collect();
    assert_eq!(tests.len(), 41, "the suite's tests: {tests:?}");
    cases.iter().for_each(check);
}

#[test]
fn a_name_in_two_cases_is_a_name_twice() {
    let twice = [PARENT, ("TraceParent", PARENT.1)];
    let incoming = twice.map(|(name, value)| (name.to_owned(), value.to_owned()));
    check(&Case {
        test: "traceparent_duplicated, in two cases",
        incoming: incoming.into(),
        expected: Expected::NewTrace,
    });
}

#[test]
fn the_random_flag_is_passed_on_and_set_on_traces_of_our_own() {
    let flags_after = |incoming: Option<&str>| {
        let (telemetry, _spans) = Telemetry::for_test("suite");
        let mut headers = Headers::new();
        if let Some(flags) = incoming {
            headers.set(
                "traceparent",
                format!("00-{TRACE}-1234567890123456-{flags}"),
            );
        }
        let context = through_span(&telemetry, Propagator::default().extract_headers(&headers));
        Propagator::default().inject_headers(&context, &mut headers);
        headers.get_str("traceparent").unwrap()[53..].to_owned()
    };
    assert_eq!(flags_after(None), "03");
    assert_eq!(
        flags_after(Some("02")),
        "02",
        "not sampled, as the caller decided"
    );
    assert_eq!(flags_after(Some("03")), "03");
    assert_eq!(
        flags_after(Some("01")),
        "01",
        "whether a foreign id is random only its maker knows"
    );
    assert_eq!(flags_after(Some("ff")), "03");
}

#[test]
fn values_that_are_not_text_are_invalid() {
    for value in [
        FieldValue::I64(1),
        FieldValue::Bytes(vec![0xff]),
        FieldValue::Void,
    ] {
        let headers: Headers = [
            ("traceparent".to_owned(), value.clone()),
            ("baggage".to_owned(), value),
        ]
        .into_iter()
        .collect();
        let context = Propagator::default().extract_headers(&headers);
        assert!(!context.has_active_span());
        assert!(context.baggage().is_empty());
    }
}

#[test]
fn baggage_travels_beside_a_broken_traceparent_and_without_one() {
    for incoming in [None, Some("broken")] {
        let mut headers = Headers::new();
        headers.set("Baggage", "tenant=a%20b");
        if let Some(value) = incoming {
            headers.set("traceparent", value);
        }
        let context = Propagator::default().extract_headers(&headers);
        Propagator::default().inject_headers(&context, &mut headers);
        let out: Vec<_> = headers.iter().collect();
        assert_eq!(out, [("baggage", &FieldValue::from("tenant=a%20b"))]);
    }
}

#[test]
fn what_a_message_carried_before_does_not_stay() {
    let mut headers = Headers::new();
    for name in [
        "TraceParent",
        "traceparent",
        "tracestate",
        "BAGGAGE",
        "x-other",
    ] {
        headers.append(name, "old=1");
    }
    Propagator::default().inject_headers(&OtelContext::new(), &mut headers);
    assert_eq!(
        headers.iter().map(|(name, _)| name).collect::<Vec<_>>(),
        ["x-other"]
    );
}

#[test]
fn a_sampler_that_changes_its_member_does_not_lose_the_others() {
    let mut headers = Headers::new();
    headers.set(PARENT.0, PARENT.1);
    headers.set("tracestate", "a@@b=1,c=2");
    let context = Propagator::default().extract_headers(&headers);
    let span = context.span().span_context().clone();
    let changed = SpanContext::new(
        span.trace_id(),
        span.span_id(),
        span.trace_flags(),
        false,
        span.trace_state().insert("ot", "th:8").unwrap(),
    );
    Propagator::default().inject_headers(&context.with_remote_span_context(changed), &mut headers);
    assert_eq!(headers.get_str("tracestate"), Some("ot=th:8,c=2,a@@b=1"));
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..80),
        "[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}.{0,3}".prop_map(String::into_bytes),
        "([a-z@=%;,é \t]{0,9}[=,;%]){0,40}".prop_map(String::into_bytes),
    ]
}

fn is_clean(context: &OtelContext) -> bool {
    let mut headers = Headers::new();
    Propagator::default().inject_headers(context, &mut headers);
    let again = Propagator::default().extract_headers(&headers);
    let mut second = Headers::new();
    Propagator::default().inject_headers(&again, &mut second);
    headers == second
        && headers
            .iter()
            .all(|(_, value)| value.as_str().is_some_and(|text| !text.is_empty()))
}

proptest! {
    #[test]
    fn no_bytes_panic_and_what_goes_out_comes_in_again(
        values in proptest::collection::vec((0..3usize, bytes()), 0..6),
    ) {
        let names = ["traceparent", "tracestate", "baggage"];
        let headers: Headers = values
            .iter()
            .map(|(name, value)| (names[*name].to_owned(), FieldValue::LongString(value.clone())))
            .collect();
        prop_assert!(is_clean(&Propagator::default().extract_headers(&headers)));
        let mut http = http::HeaderMap::new();
        for (name, value) in &values {
            if let Ok(value) = http::HeaderValue::from_bytes(value) {
                http.append(names[*name], value);
            }
        }
        prop_assert!(is_clean(&Propagator::default().extract_http(&http)));
    }
}

#[test]
fn of_http_baggage_only_the_member_that_is_no_text_is_lost() {
    let mut headers = http::HeaderMap::new();
    let values: [(_, &[u8]); 3] = [
        ("traceparent", PARENT.1.as_bytes()),
        ("tracestate", b"a=1,b=\xe9"),
        ("baggage", b"tenant=a, city=Orl\xe9ans,user=b"),
    ];
    for (name, value) in values {
        headers.insert(name, http::HeaderValue::from_bytes(value).unwrap());
    }
    let context = Propagator::default().extract_http(&headers);
    let baggage = context.baggage();
    let value = |name: &str| baggage.get(name).map(ToString::to_string);
    assert_eq!((baggage.len(), value("tenant")), (2, Some("a".to_owned())));
    assert_eq!(value("user"), Some("b".to_owned()));
    // A list of states is valid as a whole, or dropped.
    let span = context.span().span_context().clone();
    assert!(span.is_valid() && span.trace_state().header().is_empty());

    let parent = [PARENT.1.as_bytes(), b",\xe9"].concat();
    headers.insert(
        "traceparent",
        http::HeaderValue::from_bytes(&parent).unwrap(),
    );
    assert!(
        !Propagator::default()
            .extract_http(&headers)
            .has_active_span()
    );
}
