//! Formats beside W3C's, alone and together, on message headers and HTTP headers.

use opentelemetry::trace::{SpanId, TraceState};

use super::*;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const OTHER: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "00f067aa0ba902b7";

const EVERY: [Format; 5] = [
    Format::TraceContext,
    Format::Baggage,
    Format::B3,
    Format::B3Multi,
    Format::Jaeger,
];

fn full(text: &str) -> String {
    text.replace("{T}", TRACE)
        .replace("{O}", OTHER)
        .replace("{S}", SPAN)
}

/// What goes out for what came in, in name order: the same on a message, with values of any type, and over HTTP.
fn check(formats: &[Format], incoming: &[(&str, &str)], expected: &[(&str, &str)]) {
    let propagator = Propagator::new(formats);
    let incoming: Vec<(&str, String)> = incoming
        .iter()
        .map(|(name, value)| (*name, full(value)))
        .collect();
    let expected: Vec<_> = expected
        .iter()
        .map(|(name, value)| ((*name).to_owned(), full(value)))
        .collect();

    let mut http = http::HeaderMap::new();
    for (name, value) in &incoming {
        let name = http::HeaderName::try_from(*name).unwrap();
        http.append(name, http::HeaderValue::try_from(value).unwrap());
    }
    let context = propagator.extract_http(&http);
    propagator.inject_http(&context, Disclosure::ALL, &mut http);
    let out = http.iter();
    let mut out: Vec<_> = out
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    out.sort_unstable();
    assert_eq!(out, expected, "HTTP, {formats:?}: {incoming:?}");

    let long: fn(&str) -> FieldValue = |text| FieldValue::from(text);
    let short: fn(&str) -> FieldValue = |text| FieldValue::ShortString(text.to_owned());
    let bytes: fn(&str) -> FieldValue = |text| FieldValue::Bytes(text.into());
    for typed in [long, short, bytes] {
        let mut headers: Headers = incoming
            .iter()
            .map(|(name, value)| (name.to_ascii_uppercase(), typed(value)))
            .collect();
        let context = propagator.extract_headers(&headers);
        propagator.inject_headers(&context, &mut headers);
        let mut out: Vec<_> = headers
            .iter()
            .map(|(name, value)| {
                (
                    name.to_ascii_lowercase(),
                    value.as_str().unwrap().to_owned(),
                )
            })
            .collect();
        out.sort_unstable();
        assert_eq!(out, expected, "message, {formats:?}: {incoming:?}");
    }
}

#[test]
fn each_format_reads_what_it_writes() {
    let w3c = ("traceparent", "00-{T}-{S}-01");
    check(&[Format::TraceContext], &[w3c], &[w3c]);
    check(
        &[Format::TraceContext],
        &[w3c, ("tracestate", "a=1")],
        &[w3c, ("tracestate", "a=1")],
    );
    check(
        &[Format::Baggage],
        &[("baggage", "a=1;p")],
        &[("baggage", "a=1;p")],
    );
    for state in ["0", "1", "d"] {
        let b3 = format!("{{T}}-{{S}}-{state}");
        check(&[Format::B3], &[("b3", &b3)], &[("b3", &b3)]);
    }
    let ids = [("x-b3-spanid", "{S}"), ("x-b3-traceid", "{T}")];
    for state in [
        ("x-b3-sampled", "0"),
        ("x-b3-sampled", "1"),
        ("x-b3-flags", "1"),
    ] {
        let mut multi = vec![ids[0], ids[1], state];
        multi.sort_unstable();
        check(&[Format::B3Multi], &multi, &multi);
    }
    for flags in ["0", "1", "3"] {
        let jaeger = format!("{{T}}:{{S}}:0:{flags}");
        let headers = [
            ("uber-trace-id", jaeger.as_str()),
            ("uberctx-tenant", "a%20b"),
        ];
        check(&[Format::Jaeger], &headers, &headers);
    }
}

#[test]
fn each_format_can_be_switched_off_by_itself() {
    let both = [
        ("baggage", "a=1"),
        ("traceparent", "00-{T}-{S}-01"),
        ("tracestate", "b=2"),
    ];
    check(&[Format::TraceContext, Format::Baggage], &both, &both);
    // What a format that is off left there is somebody else's.
    let context = Propagator::new(&[Format::TraceContext]);
    let mut headers = Headers::new();
    headers.set("baggage", "a=1");
    assert!(context.extract_headers(&headers).baggage().is_empty());
    check(&[Format::None], &both, &both);
    check(&[], &both, &both);
}

#[test]
fn one_format_comes_in_and_all_go_out() {
    let all = [
        ("b3", "{T}-{S}-1"),
        ("traceparent", "00-{T}-{S}-01"),
        ("uber-trace-id", "{T}:{S}:0:1"),
        ("x-b3-sampled", "1"),
        ("x-b3-spanid", "{S}"),
        ("x-b3-traceid", "{T}"),
    ];
    let multi = &all[3..];
    for incoming in [&all[..1], &all[1..2], &all[2..3], multi, &all[..]] {
        check(&EVERY, incoming, &all);
    }
}

#[test]
fn baggage_of_jaeger_is_written_as_w3c_and_as_its_own() {
    let formats = [Format::Jaeger, Format::Baggage];
    let out = [("baggage", "plan=a%2Cb"), ("uberctx-plan", "a%2Cb")];
    for incoming in [
        &out[..],
        &out[..1],
        &out[1..],
        &[("uberctx-plan", "a,b")][..],
    ] {
        let propagator = Propagator::new(&formats);
        let mut headers = Headers::new();
        for (name, value) in incoming {
            headers.append(*name, *value);
        }
        let context = propagator.extract_headers(&headers);
        propagator.inject_headers(&context, &mut headers);
        let mut written: Vec<_> = headers
            .iter()
            .map(|(name, value)| (name, value.as_str().unwrap()))
            .collect();
        written.sort_unstable();
        assert_eq!(written, out, "{incoming:?}");
    }
}

#[test]
fn a_later_format_that_finds_another_context_wins() {
    let w3c = ("traceparent", "00-{O}-{S}-03");
    let state = ("tracestate", "a=1");
    let b3 = ("b3", "{T}-{S}-1");
    let two = [Format::TraceContext, Format::B3];
    check(
        &two,
        &[w3c, state, b3],
        &[b3, ("traceparent", "00-{T}-{S}-01")],
    );
    check(
        &[Format::B3, Format::TraceContext],
        &[w3c, state, b3],
        &[("b3", "{O}-{S}-1"), w3c, state],
    );
    check(
        &two,
        &[w3c, state, ("b3", "broken")],
        &[("b3", "{O}-{S}-1"), w3c, state],
    );
    // The same span again: what B3 cannot say stays.
    let same = ("b3", "{O}-{S}-1");
    check(&two, &[w3c, state, same], &[same, w3c, state]);
}

#[test]
fn what_is_broken_or_repeated_goes_nowhere() {
    for (name, value) in [
        ("b3", "{T}-{S}-2"),
        ("b3", "1"),
        ("x-b3-traceid", "{T}"),
        ("x-b3-parentspanid", "x"),
        ("uber-trace-id", "{T}:{S}:0"),
        ("traceparent", "00-{T}-{S}-1"),
        ("baggage", "a b=1"),
        ("tracestate", "a=1"),
    ] {
        check(&EVERY, &[(name, value)], &[]);
    }
    for (name, value) in [
        ("b3", "{T}-{S}-1"),
        ("uber-trace-id", "{T}:{S}:0:1"),
        ("traceparent", "00-{T}-{S}-01"),
    ] {
        check(&EVERY, &[(name, value), (name, value)], &[]);
    }
}

#[test]
fn only_what_somebody_may_know_is_told() {
    let context = |values: &[(&'static str, &'static str)]| {
        let mut headers = Headers::new();
        for (name, value) in values {
            headers.append(*name, full(value));
        }
        Propagator::default().extract_headers(&headers)
    };
    let context = context(&[
        ("traceparent", "00-{T}-{S}-01"),
        ("tracestate", "a=1"),
        ("baggage", "b=2"),
    ]);
    let check = |ids, values, expected: &[&str]| {
        let mut http = http::HeaderMap::new();
        for stale in ["uberctx-old", "tracestate", "x-b3-flags", "baggage"] {
            http.insert(stale, http::HeaderValue::from_static("stale"));
        }
        let told = Disclosure { ids, values };
        Propagator::new(&EVERY).inject_http(&context, told, &mut http);
        let mut names: Vec<_> = http.keys().map(http::HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, expected, "{told:?}");
    };
    let ids = [
        "b3",
        "traceparent",
        "uber-trace-id",
        "x-b3-sampled",
        "x-b3-spanid",
        "x-b3-traceid",
    ];
    check(true, false, &ids);
    check(false, true, &["baggage", "uberctx-b"]);
    check(false, false, &[]);
    let mut all = [&ids[..], &["baggage", "tracestate", "uberctx-b"]].concat();
    all.sort_unstable();
    check(true, true, &all);
}

#[test]
fn what_a_message_carried_before_does_not_stay_in_any_format() {
    let mut headers = Headers::new();
    for name in [
        "B3",
        "x-b3-TraceId",
        "X-B3-ParentSpanId",
        "X-B3-Flags",
        "Uber-Trace-Id",
        "uberctx-a",
        "UBERCTX-b",
        "traceparent",
        "x-other",
    ] {
        headers.append(name, "old");
    }
    let span = SpanContext::new(
        TraceId::from(1),
        SpanId::from(2),
        TraceFlags::SAMPLED,
        false,
        TraceState::NONE,
    );
    let context = OtelContext::new().with_remote_span_context(span);
    Propagator::new(&[Format::B3, Format::Jaeger]).inject_headers(&context, &mut headers);
    let names: Vec<_> = headers.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["traceparent", "x-other", "b3", "uber-trace-id"]);
}

#[test]
fn services_of_a_process_may_differ() {
    let old = Telemetry::off("old").with_formats(&[Format::B3]);
    let new = Telemetry::off("new");
    let mut headers = Headers::new();
    headers.set("b3", full("{T}-{S}-1"));
    let context = old.propagator().extract_headers(&headers);
    assert!(context.has_active_span());
    assert!(!new.propagator().extract_headers(&headers).has_active_span());
    new.propagator().inject_headers(&context, &mut headers);
    let names: Vec<_> = headers.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["b3", "traceparent"]);
}

#[test]
fn the_sdk_is_told_which_fields_there_are() {
    let fields = |formats: &[Format]| {
        let propagator = Propagator::new(formats);
        propagator
            .fields()
            .map(str::to_owned)
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(
        fields(&[Format::Baggage, Format::TraceContext, Format::Baggage]),
        "baggage traceparent tracestate"
    );
    assert_eq!(fields(&[Format::None]), "");
    assert!(fields(&[Format::B3, Format::B3Multi]).starts_with("b3 x-b3-traceid x-b3-spanid"));
}

#[test]
fn a_sender_that_names_no_span_can_refuse_the_trace() {
    fn check(incoming: &[(&str, &str)], is_sampled: bool) {
        let (telemetry, _) = Telemetry::for_test("svc");
        let telemetry = telemetry.with_formats(&[Format::B3]);
        let mut headers = Headers::default();
        for (name, value) in incoming {
            headers.set(*name, *value);
        }
        let propagator = telemetry.propagator();
        let context = through_span(&telemetry, propagator.extract_headers(&headers));
        propagator.inject_headers(&context, &mut headers);
        let told = headers.get_str("b3").unwrap();
        let expected = if is_sampled { "-1" } else { "-0" };
        assert!(told.ends_with(expected), "{incoming:?}: {told}");
    }
    check(&[("b3", "0")], false);
    check(&[("b3", "1")], true);
    check(&[("b3", "d")], true);
    check(&[("x-b3-sampled", "0")], false);
    check(&[("x-b3-sampled", "false"), ("x-b3-flags", "0")], false);
    check(&[("x-b3-sampled", "0"), ("x-b3-flags", "1")], true);
    check(&[("x-b3-sampled", "0"), ("x-b3-spanid", "broken")], true);
    check(&[], true);
}
