use opentelemetry::trace::{SpanId, TraceFlags};
use opentelemetry_sdk::trace::SpanData;

use super::*;

fn internal(name: &'static str) -> SpanStart {
    SpanStart::new(SpanKind::Internal, name)
}

fn attribute<'a>(span: &'a SpanData, key: &str) -> Option<&'a opentelemetry::Value> {
    let found = span
        .attributes
        .iter()
        .find(|attribute| attribute.key.as_str() == key);
    found.map(|attribute| &attribute.value)
}

#[test]
fn a_span_is_a_child_of_its_scope_and_ends_when_dropped() {
    let (telemetry, spans) = Telemetry::for_test("svc");
    let parent = telemetry.root().start(internal("parent"));
    let child = parent.scope().start(internal("child"));
    assert_eq!(telemetry.open_spans(), 2);
    drop(child);
    parent.end();
    assert_eq!(telemetry.open_spans(), 0);

    let spans = spans.get_finished_spans().unwrap();
    let [child, parent] = &spans[..] else {
        panic!("two spans expected, {} found", spans.len());
    };
    assert_eq!(child.parent_span_id, parent.span_context.span_id());
    assert_eq!(parent.parent_span_id, SpanId::INVALID);
    assert_eq!(parent.span_context.trace_flags(), TraceFlags::new(3));
}

#[test]
fn a_failed_span_says_why_and_keeps_no_secret() {
    let (telemetry, spans) = Telemetry::for_test("svc");
    let span = telemetry
        .root()
        .start(internal("work").with(KeyValue::new("api_key", "hush")));
    let cause = std::io::Error::other("refused");
    let error = std::io::Error::other(cause);
    span.record_exception("connection", &error);
    span.fail("connection", "connecting to amqp://u:hush@host");
    span.end();

    let spans = spans.get_finished_spans().unwrap();
    let span = &spans[0];
    assert_eq!(
        attribute(span, keys::ERROR_TYPE).unwrap().as_str(),
        "connection"
    );
    assert_eq!(attribute(span, "api_key").unwrap().as_str(), "REDACTED");
    let description = "connecting to amqp://REDACTED:REDACTED@host";
    assert_eq!(span.status, Status::error(description));
    assert_eq!(span.events.events[0].name, "exception");
}

#[test]
fn switched_off_it_passes_on_what_came_in() {
    let off = Telemetry::off("svc");
    let incoming = "00-12345678901234567890123456789012-1234567890123456-03";
    let mut headers = chimera_bus::Headers::new();
    headers.set("traceparent", incoming);
    headers.set("tracestate", "a=1");
    let scope = Scope::new(off.clone(), off.propagator().extract_headers(&headers));
    let span = scope.start_with(|| unreachable!("nobody reads what it is made of"));
    let mut outgoing = chimera_bus::Headers::new();
    off.propagator()
        .inject_headers(span.scope().context(), &mut outgoing);
    assert_eq!(headers, outgoing);
    assert!(!span.is_recording());
    assert_eq!(off.open_spans(), 0);
}

#[test]
fn a_span_that_is_off_leaves_its_parent_alone() {
    let (telemetry, spans) = Telemetry::for_test("svc");
    let parent = telemetry.root().start(internal("parent"));
    let off = Scope::new(Telemetry::off("other"), parent.scope().context().clone());
    let span = off.start(internal("nothing"));
    span.fail("x", "y");
    span.set(KeyValue::new("k", "v"));
    span.end();
    assert!(spans.get_finished_spans().unwrap().is_empty());
    assert!(parent.is_recording());
}

#[test]
fn after_its_end_telemetry_passes_contexts_on() {
    let (telemetry, _spans) = Telemetry::for_test("svc");
    let parent = telemetry.root().start(internal("parent"));
    let ids = parent.context();
    telemetry.shutdown(std::time::Duration::from_secs(1));
    let late = parent.scope().start(internal("late"));
    assert_eq!(late.context(), ids);
}
