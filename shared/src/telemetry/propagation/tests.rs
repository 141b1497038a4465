//! The cases of the W3C Trace Context validation suite (<https://github.com/w3c/trace-context>, `test/test.py`), each
//! on HTTP headers and on message headers of every type that can hold text: what comes in, goes through a span, and
//! goes out.

mod formats;
mod off;

use chimera_bus::headers::FieldValue;
use opentelemetry::trace::SpanKind;
use proptest::prelude::*;

use super::*;
use crate::telemetry::{Scope, SpanStart, Telemetry};

const ID: &str = "12345678901234567890123456789012";
const PARENT: (&str, &str) = (
    "traceparent",
    "00-12345678901234567890123456789012-1234567890123456-00",
);

/// What goes out for what came in.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Out<'a> {
    /// A trace of our own, without a `tracestate`.
    NewTrace,
    /// The trace that came in, without a `tracestate`.
    Joined,
    /// The trace that came in with this `tracestate`.
    With(&'a str),
}

fn check(suite_test: &str, incoming: &[(&str, &str)], expected: Out<'_>) {
    let (telemetry, _spans) = Telemetry::for_test("suite");
    let mut http = http::HeaderMap::new();
    for (name, value) in incoming {
        let name = http::HeaderName::try_from(*name).unwrap();
        http.append(name, http::HeaderValue::try_from(*value).unwrap());
    }
    let context = through_span(&telemetry, Propagator::default().extract_http(&http));
    Propagator::default().inject_http(&context, Disclosure::ALL, &mut http);
    let out: Vec<_> = http
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect();
    assert_out(suite_test, &out, expected);

    let as_long: fn(&str) -> FieldValue = |text| FieldValue::LongString(text.into());
    let as_short: fn(&str) -> FieldValue = |text| FieldValue::ShortString(text.to_owned());
    let as_bytes: fn(&str) -> FieldValue = |text| FieldValue::Bytes(text.into());
    for typed in [as_long, as_short, as_bytes] {
        let mut headers: Headers = incoming
            .iter()
            .map(|(name, value)| ((*name).to_owned(), typed(value)))
            .collect();
        let context = through_span(&telemetry, Propagator::default().extract_headers(&headers));
        Propagator::default().inject_headers(&context, &mut headers);
        let out: Vec<_> = headers
            .iter()
            .map(|(name, value)| (name, value.as_str().unwrap()))
            .collect();
        assert_out(suite_test, &out, expected);
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

fn assert_out(suite_test: &str, outgoing: &[(&str, &str)], expected: Out<'_>) {
    let all = |wanted: &str| -> Vec<&str> {
        outgoing
            .iter()
            .filter(|(name, _)| *name == wanted)
            .map(|(_, value)| *value)
            .collect()
    };
    let [traceparent] = all("traceparent")[..] else {
        panic!("{suite_test}: one traceparent expected in {outgoing:?}");
    };
    let parsed =
        traceparent::parse(traceparent).unwrap_or_else(|| panic!("{suite_test}: {traceparent}"));
    assert_ne!(
        parsed.span_id.to_string(),
        "1234567890123456",
        "{suite_test}"
    );
    let found = match (parsed.trace_id.to_string() == ID, &all("tracestate")[..]) {
        (false, []) => Out::NewTrace,
        (true, []) => Out::Joined,
        (true, [state]) => Out::With(state),
        other => panic!("{suite_test}: {other:?}"),
    };
    assert_eq!(found, expected, "{suite_test}: {outgoing:?}");
}

#[test]
fn traceparent_cases_of_the_suite() {
    use Out::{Joined, NewTrace};
    let cases: &[(&str, &[&str], Out<'_>)] = &[
        ("both_traceparent_and_tracestate_missing", &[], NewTrace),
        (
            "traceparent_included_tracestate_missing",
            &["00-{ID}-{P}-01"],
            Joined,
        ),
        (
            "traceparent_duplicated",
            &["00-{ID}-{P}-01", "00-{ID}-{P}-01"],
            NewTrace,
        ),
        ("traceparent_version_0x00", &["00-{ID}-{P}-01."], NewTrace),
        (
            "traceparent_version_0x00",
            &["00-{ID}-{P}-01-what-the-future-will-be-like"],
            NewTrace,
        ),
        ("traceparent_version_0xcc", &["cc-{ID}-{P}-01"], Joined),
        (
            "traceparent_version_0xcc",
            &["cc-{ID}-{P}-01-what-the-future-will-be-like"],
            Joined,
        ),
        (
            "traceparent_version_0xcc",
            &["cc-{ID}-{P}-01.what-the-future-will-be-like"],
            NewTrace,
        ),
        ("traceparent_version_0xff", &["ff-{ID}-{P}-01"], NewTrace),
        (
            "traceparent_version_illegal_characters",
            &[".0-{ID}-{P}-01"],
            NewTrace,
        ),
        (
            "traceparent_version_illegal_characters",
            &["0.-{ID}-{P}-01"],
            NewTrace,
        ),
        (
            "traceparent_version_too_long",
            &["000-{ID}-{P}-01"],
            NewTrace,
        ),
        (
            "traceparent_version_too_long",
            &["0000-{ID}-{P}-01"],
            NewTrace,
        ),
        (
            "traceparent_version_too_short",
            &["0-{ID}-{P}-01"],
            NewTrace,
        ),
        (
            "traceparent_trace_id_all_zero",
            &["00-00000000000000000000000000000000-{P}-01"],
            NewTrace,
        ),
        (
            "traceparent_trace_id_illegal_characters",
            &["00-.2345678901234567890123456789012-{P}-01"],
            NewTrace,
        ),
        (
            "traceparent_trace_id_illegal_characters",
            &["00-1234567890123456789012345678901.-{P}-01"],
            NewTrace,
        ),
        (
            "traceparent_trace_id_too_long",
            &["00-{ID}3-{P}-01"],
            NewTrace,
        ),
        (
            "traceparent_trace_id_too_short",
            &["00-1234567890123456789012345678901-{P}-01"],
            NewTrace,
        ),
        (
            "traceparent_parent_id_all_zero",
            &["00-{ID}-0000000000000000-01"],
            NewTrace,
        ),
        (
            "traceparent_parent_id_illegal_characters",
            &["00-{ID}-.234567890123456-01"],
            NewTrace,
        ),
        (
            "traceparent_parent_id_illegal_characters",
            &["00-{ID}-123456789012345.-01"],
            NewTrace,
        ),
        (
            "traceparent_parent_id_too_long",
            &["00-{ID}-{P}7-01"],
            NewTrace,
        ),
        (
            "traceparent_parent_id_too_short",
            &["00-{ID}-123456789012345-01"],
            NewTrace,
        ),
        (
            "traceparent_trace_flags_illegal_characters",
            &["00-{ID}-{P}-.0"],
            NewTrace,
        ),
        (
            "traceparent_trace_flags_illegal_characters",
            &["00-{ID}-{P}-0."],
            NewTrace,
        ),
        (
            "traceparent_trace_flags_too_long",
            &["00-{ID}-{P}-001"],
            NewTrace,
        ),
        (
            "traceparent_trace_flags_too_short",
            &["00-{ID}-{P}-1"],
            NewTrace,
        ),
        ("traceparent_ows_handling", &[" 00-{ID}-{P}-01"], Joined),
        ("traceparent_ows_handling", &["\t00-{ID}-{P}-01"], Joined),
        ("traceparent_ows_handling", &["00-{ID}-{P}-01 "], Joined),
        ("traceparent_ows_handling", &["00-{ID}-{P}-01\t"], Joined),
        (
            "traceparent_ows_handling",
            &["\t 00-{ID}-{P}-01 \t"],
            Joined,
        ),
        (
            "multiple_requests_with_illegal_traceparent",
            &["00-00000000000000000000000000000000-{P}-01"],
            NewTrace,
        ),
    ];
    for (suite_test, values, expected) in cases {
        let values: Vec<_> = values
            .iter()
            .map(|value| value.replace("{ID}", ID).replace("{P}", "1234567890123456"))
            .collect();
        let headers: Vec<_> = values
            .iter()
            .map(|value| ("traceparent", value.as_str()))
            .collect();
        check(suite_test, &headers, *expected);
    }
}

#[test]
fn header_names_of_the_suite() {
    for name in ["trace-parent", "trace.parent"] {
        check(
            "traceparent_header_name",
            &[(name, PARENT.1)],
            Out::NewTrace,
        );
    }
    for name in ["TraceParent", "TrAcEpArEnT", "TRACEPARENT"] {
        check(
            "traceparent_header_name_valid_casing",
            &[(name, PARENT.1)],
            Out::Joined,
        );
    }
    for name in ["trace-state", "trace.state"] {
        check(
            "tracestate_header_name",
            &[PARENT, (name, "foo=1")],
            Out::Joined,
        );
    }
    for name in ["TraceState", "TrAcEsTaTe", "TRACESTATE"] {
        check(
            "tracestate_header_name_valid_casing",
            &[PARENT, (name, "foo=1")],
            Out::With("foo=1"),
        );
    }
    let twice = [PARENT, ("TraceParent", PARENT.1)];
    check(
        "traceparent_duplicated, in two cases",
        &twice,
        Out::NewTrace,
    );
}

#[test]
fn tracestate_without_a_traceparent_is_discarded() {
    check(
        "tracestate_included_traceparent_missing",
        &[("tracestate", "foo=1")],
        Out::NewTrace,
    );
    let broken = [("traceparent", "00-x"), ("tracestate", "foo=1")];
    check(
        "tracestate beside a broken traceparent",
        &broken,
        Out::NewTrace,
    );
}

fn check_state(suite_test: &str, values: &[&str], expected: Out<'_>) {
    let states = values.iter().map(|value| ("tracestate", *value));
    let headers: Vec<_> = [PARENT].into_iter().chain(states).collect();
    check(suite_test, &headers, expected);
}

#[test]
fn tracestate_cases_of_the_suite() {
    use Out::{Joined, With};
    let cases: &[(&str, &[&str], Out<'_>)] = &[
        (
            "tracestate_included_traceparent_included",
            &["foo=1,bar=2"],
            With("foo=1,bar=2"),
        ),
        ("tracestate_empty_header", &[""], Joined),
        ("tracestate_empty_header", &["foo=1", ""], With("foo=1")),
        ("tracestate_empty_header", &["", "foo=1"], With("foo=1")),
        (
            "tracestate_multiple_headers_different_keys",
            &["foo=1,bar=2", "rojo=1,congo=2", "baz=3"],
            With("foo=1,bar=2,rojo=1,congo=2,baz=3"),
        ),
        (
            "tracestate_duplicated_keys",
            &["foo=1,foo=1"],
            With("foo=1"),
        ),
        (
            "tracestate_duplicated_keys",
            &["foo=1,foo=2"],
            With("foo=1"),
        ),
        (
            "tracestate_duplicated_keys",
            &["foo=1", "foo=1"],
            With("foo=1"),
        ),
        (
            "tracestate_duplicated_keys",
            &["foo=1", "foo=2"],
            With("foo=1"),
        ),
        (
            "tracestate_ows_handling",
            &["foo=1 \t , \t bar=2, \t baz=3"],
            With("foo=1,bar=2,baz=3"),
        ),
        (
            "tracestate_ows_handling",
            &["foo=1\t \t,\t \tbar=2,\t \tbaz=3"],
            With("foo=1,bar=2,baz=3"),
        ),
        ("tracestate_ows_handling", &[" foo=1"], With("foo=1")),
        ("tracestate_ows_handling", &["\tfoo=1"], With("foo=1")),
        ("tracestate_ows_handling", &["foo=1 "], With("foo=1")),
        ("tracestate_ows_handling", &["foo=1\t"], With("foo=1")),
        ("tracestate_ows_handling", &["\t foo=1 \t"], With("foo=1")),
        ("tracestate_key_illegal_characters", &["foo =1"], Joined),
        ("tracestate_key_illegal_characters", &["FOO=1"], Joined),
        ("tracestate_key_illegal_characters", &["foo.bar=1"], Joined),
        (
            "tracestate_key_illegal_vendor_format",
            &["foo@=1,bar=2"],
            With("foo@=1,bar=2"),
        ),
        (
            "tracestate_key_illegal_vendor_format",
            &["@foo=1,bar=2"],
            Joined,
        ),
        (
            "tracestate_key_illegal_vendor_format",
            &["foo@@bar=1,bar=2"],
            With("foo@@bar=1,bar=2"),
        ),
        (
            "tracestate_key_illegal_vendor_format",
            &["foo@bar@baz=1,bar=2"],
            With("foo@bar@baz=1,bar=2"),
        ),
        (
            "tracestate_value_illegal_characters",
            &["foo=bar=baz"],
            Joined,
        ),
        (
            "tracestate_value_illegal_characters",
            &["foo=,bar=3"],
            Joined,
        ),
    ];
    for (suite_test, values, expected) in cases {
        check_state(suite_test, values, *expected);
    }
}

#[test]
fn tracestate_with_every_allowed_character() {
    let key = "abcdefghijklmnopqrstuvwxyz0123456789_-*/";
    let value: String = (' '..='~').filter(|char| !",=".contains(*char)).collect();
    for key in [key.to_owned(), format!("{key}@a-z0-9_-*/")] {
        let member = format!("{key}={value}");
        check_state(
            "tracestate_all_allowed_characters",
            &[&member],
            Out::With(&member),
        );
    }
}

#[test]
fn tracestate_limits_of_the_suite() {
    let many = |count| {
        (1..=count)
            .map(|n| format!("bar{n:02}={n:02}"))
            .collect::<Vec<_>>()
    };
    let headers = |members: &[String]| {
        members
            .chunks(10)
            .map(|part| part.join(","))
            .collect::<Vec<_>>()
    };
    for (count, kept) in [(32, true), (33, false)] {
        let members = many(count);
        let joined = members.join(",");
        let headers = headers(&members);
        let headers: Vec<_> = headers.iter().map(String::as_str).collect();
        let expected = if kept {
            Out::With(&joined)
        } else {
            Out::Joined
        };
        check_state("tracestate_member_count_limit", &headers, expected);
    }
    for key in [
        "z".repeat(256),
        format!("{}@{}", "t".repeat(241), "v".repeat(14)),
        format!("{}@v", "t".repeat(242)),
        format!("t@{}", "v".repeat(15)),
    ] {
        let member = format!("{key}=1");
        let expected = format!("foo=1,{member}");
        check_state(
            "tracestate_key_length_limit",
            &["foo=1", &member],
            Out::With(&expected),
        );
    }
    let too_long = format!("{}=1", "z".repeat(257));
    check_state(
        "tracestate_key_length_limit",
        &["foo=1", &too_long],
        Out::Joined,
    );
}

#[test]
fn the_random_flag_is_passed_on_and_set_on_traces_of_our_own() {
    let flags_after = |incoming: Option<&str>| {
        let (telemetry, _spans) = Telemetry::for_test("suite");
        let mut headers = Headers::new();
        if let Some(flags) = incoming {
            headers.set("traceparent", format!("00-{ID}-1234567890123456-{flags}"));
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
