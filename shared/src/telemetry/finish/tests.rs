use std::path::Path;

use opentelemetry::trace::{SpanId, SpanKind, TraceFlags, TraceId, TraceState};
use opentelemetry_sdk::trace::SpanData;

use super::*;
use crate::{
    config::Config,
    telemetry::{SpanStart, Telemetry},
};

fn config() -> TelemetryConfig {
    Config::for_test(Path::new("unused")).telemetry
}

/// The one span that `work` makes.
fn span(config: &TelemetryConfig, work: impl FnOnce(&Telemetry)) -> SpanData {
    let (telemetry, spans, _logs) = Telemetry::with_config_for_test(config);
    work(&telemetry);
    spans.get_finished_spans().unwrap().remove(0)
}

fn start() -> SpanStart {
    SpanStart::new(SpanKind::Internal, "work")
}

fn linked(start: SpanStart, attributes: usize) -> SpanStart {
    let target = opentelemetry::trace::SpanContext::new(
        TraceId::from(1),
        SpanId::from(1),
        TraceFlags::default(),
        false,
        TraceState::default(),
    );
    start.linked(target, several(attributes))
}

fn several(count: usize) -> Vec<KeyValue> {
    let keys = ["a", "b", "c", "d", "e"];
    keys.iter()
        .take(count)
        .map(|key| KeyValue::new(*key, "äöü"))
        .collect()
}

#[test]
fn what_is_over_a_limit_is_dropped_and_counted() {
    let mut config = config();
    config.limits.attribute_count = 3;
    config.limits.span_event_count = 2;
    config.limits.span_link_count = 1;
    config.limits.event_attribute_count = 2;
    config.limits.link_attribute_count = 1;
    let span = span(&config, |telemetry| {
        let start = several(2).into_iter().fold(start(), SpanStart::with);
        let span = telemetry.root().start(linked(linked(start, 3), 3));
        span.set(KeyValue::new("x", 1));
        span.set(KeyValue::new("y", 2));
        for _ in 0..3 {
            span.event("e", several(5));
        }
        span.link(span.context(), several(1));
    });
    assert_eq!(span.attributes.len(), 3);
    assert_eq!(span.dropped_attributes_count, 1);
    assert_eq!(
        (span.events.events.len(), span.events.dropped_count),
        (2, 1)
    );
    let event = &span.events.events[0];
    assert_eq!(
        (event.attributes.len(), event.dropped_attributes_count),
        (2, 3)
    );
    assert_eq!((span.links.links.len(), span.links.dropped_count), (1, 2));
    let link = &span.links.links[0];
    assert_eq!(
        (link.attributes.len(), link.dropped_attributes_count),
        (1, 2)
    );
}

#[test]
fn attributes_without_a_key_are_dropped() {
    let nameless = || vec![KeyValue::new("", 1), KeyValue::new("a", 2)];
    let span = span(&config(), |telemetry| {
        let start = nameless().into_iter().fold(start(), SpanStart::with);
        let span = telemetry.root().start(start);
        span.event("e", nameless());
        span.link(span.context(), nameless());
    });
    let named = [KeyValue::new("a", 2)];
    assert_eq!(span.attributes, named);
    assert_eq!(span.events.events[0].attributes, named);
    assert_eq!(span.links.links[0].attributes, named);
}

#[test]
fn a_span_may_have_limits_of_its_own() {
    let mut config = config();
    config.limits.attribute_count = 1;
    config.limits.span_attribute_count = Some(2);
    config.limits.attribute_value_length = Some(1);
    config.limits.span_attribute_value_length = Some(2);
    let span = span(&config, |telemetry| {
        drop(
            telemetry
                .root()
                .start(several(3).into_iter().fold(start(), SpanStart::with)),
        );
    });
    assert_eq!(
        span.attributes,
        [KeyValue::new("a", "äö"), KeyValue::new("b", "äö")]
    );
}

#[test]
fn texts_are_cut_between_characters_and_after_they_were_redacted() {
    let mut config = config();
    config.limits.attribute_value_length = Some(16);
    let span = span(&config, |telemetry| {
        let start = linked(start(), 1)
            .with(KeyValue::new("text", "ä".repeat(20)))
            .with(KeyValue::new("short", "ä".repeat(16)))
            .with(KeyValue::new("number", 123_456_789_012_345_678))
            .with(KeyValue::new(
                "list",
                Value::Array(vec![StringValue::from("b".repeat(17))].into()),
            ))
            .with(KeyValue::new("url", "amqp://user:hush@host"));
        let span = telemetry.root().start(start);
        span.event("e", vec![KeyValue::new("text", "c".repeat(17))]);
    });
    let expected = [
        KeyValue::new("text", "ä".repeat(16)),
        KeyValue::new("short", "ä".repeat(16)),
        KeyValue::new("number", 123_456_789_012_345_678),
        KeyValue::new(
            "list",
            Value::Array(vec![StringValue::from("b".repeat(16))].into()),
        ),
        KeyValue::new("url", "amqp://REDACTED:"),
    ];
    assert_eq!(span.attributes, expected);
    assert_eq!(
        span.events.events[0].attributes,
        [KeyValue::new("text", "c".repeat(16))]
    );
}

#[test]
fn an_attribute_that_is_set_again_has_its_last_value() {
    let span = span(&config(), |telemetry| {
        let mut start = start();
        for key in ["a", "b", "c", "a"] {
            start = start.with(KeyValue::new(key, 1));
        }
        let span = telemetry.root().start(start);
        span.set(KeyValue::new("b", 2));
        span.fail("first", "");
        span.fail("last", "");
    });
    let expected = [
        KeyValue::new("a", 1),
        KeyValue::new("b", 2),
        KeyValue::new("c", 1),
        KeyValue::new(keys::ERROR_TYPE, "last"),
    ];
    assert_eq!(span.attributes, expected);
}
