//! Where telemetry is off: what comes in goes out as it came, as long as it is valid, and no span is made.

use super::*;

/// `expected` is what goes out for `incoming`, over HTTP and on a message.
fn check(incoming: &[(&str, &str)], expected: &[(&str, &str)]) {
    let off = Telemetry::off("off");
    let mut message: Headers = incoming
        .iter()
        .map(|(name, value)| ((*name).to_owned(), FieldValue::from(*value)))
        .collect();
    let context = through_span(&off, off.propagator().extract_headers(&message));
    off.propagator().inject_headers(&context, &mut message);
    let out: Vec<_> = message
        .iter()
        .map(|(name, value)| (name, value.as_str().unwrap()))
        .collect();
    assert_eq!(out, expected, "message: {incoming:?}");

    let mut http = http::HeaderMap::new();
    for (name, value) in incoming {
        let name = http::HeaderName::try_from(*name).unwrap();
        if let Ok(value) = http::HeaderValue::from_str(value) {
            http.append(name, value);
        }
    }
    let context = through_span(&off, off.propagator().extract_http(&http));
    let mut sent = http::HeaderMap::new();
    off.propagator()
        .inject_http(&context, Disclosure::ALL, &mut sent);
    for (name, value) in expected {
        let sent = sent.get(*name).map(|value| value.to_str().unwrap());
        assert_eq!(sent, Some(*value), "HTTP: {incoming:?}");
    }
    assert_eq!(sent.len(), expected.len(), "HTTP: {sent:?}");
}

fn check_untouched(incoming: &[(&str, &str)]) {
    check(incoming, incoming);
}

#[test]
fn what_is_valid_is_not_touched() {
    check_untouched(&[PARENT]);
    let many: Vec<_> = (0..32)
        .map(|n| format!("k{n}={}", "v".repeat(20)))
        .collect();
    let states = [
        "b=2,a=1",
        "a@@b=1,c=2",
        "a=1 , b=2,,c=3",
        &many.join(","),
        &format!("a={}", "v".repeat(256)),
    ];
    for state in states {
        check_untouched(&[PARENT, ("tracestate", state)]);
    }
    for baggage in ["b=2,a=1", "a = 1 ; p ; q=2", "a=%41%c3%a9", "a=%2c"] {
        check_untouched(&[("baggage", baggage)]);
        check_untouched(&[PARENT, ("tracestate", "z=1,y=2"), ("baggage", baggage)]);
    }
    for flags in ["00", "01", "02", "03", "04", "ff"] {
        let text = format!("{}{flags}", &PARENT.1[..53]);
        check_untouched(&[("traceparent", &text)]);
    }
    for text in [
        format!("cc{}", &PARENT.1[2..]),
        format!("cc{}-what-the-future-will-be-like", &PARENT.1[2..]),
    ] {
        check_untouched(&[("traceparent", &text)]);
    }
}

#[test]
fn several_headers_become_one() {
    let incoming = [PARENT, ("tracestate", "b=2 "), ("tracestate", "a=1")];
    check(&incoming, &[PARENT, ("tracestate", "b=2,a=1")]);
    check(
        &[("baggage", "b=2"), ("baggage", "a=1")],
        &[("baggage", "b=2,a=1")],
    );
}

#[test]
fn what_is_not_valid_goes_no_further() {
    check(&[("traceparent", "00-x"), ("tracestate", "a=1")], &[]);
    check(&[PARENT, ("tracestate", "a=1,B=2")], &[PARENT]);
    check(
        &[PARENT, ("tracestate", "a=1,a=2")],
        &[PARENT, ("tracestate", "a=1")],
    );
    check(&[("baggage", "b=2,a b=1,a=1")], &[("baggage", "a=1,b=2")]);
    check(&[("baggage", "b=2;x y,a=1")], &[("baggage", "a=1,b=2")]);
    check(&[("baggage", "b=1,b=2")], &[("baggage", "b=2")]);
    let strange = format!("cc{}-\u{e9}\n", &PARENT.1[2..]);
    let mut headers = Headers::new();
    headers.set("traceparent", strange);
    let off = Telemetry::off("off");
    let context = off.propagator().extract_headers(&headers);
    off.propagator().inject_headers(&context, &mut headers);
    assert_eq!(headers.get_str("traceparent"), Some(PARENT.1));
}

#[test]
fn what_is_put_in_the_place_of_what_came_is_sent() {
    let off = Telemetry::off("off");
    let mut headers = Headers::new();
    headers.set("baggage", "b=2,a=1");
    headers.set("traceparent", format!("{} ", PARENT.1));
    let context = off.propagator().extract_headers(&headers);
    let context = context.with_baggage([opentelemetry::KeyValue::new("c", "3")]);
    off.propagator().inject_headers(&context, &mut headers);
    assert_eq!(headers.get_str("baggage"), Some("c=3"));
    assert_eq!(headers.get_str("traceparent"), Some(PARENT.1));
}
