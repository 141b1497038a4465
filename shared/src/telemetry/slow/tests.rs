use std::path::Path;

use opentelemetry::{Value, trace::SpanKind};
use opentelemetry_sdk::trace::SpanData;

use super::*;
use crate::{
    config::Config,
    telemetry::{LogBuffer, SpanStart, Telemetry},
};

/// The span that one called `name` becomes, and what was logged.
fn run(thresholds: &[(&str, Duration)], names: &[&str]) -> (Vec<SpanData>, LogBuffer) {
    let mut config = Config::for_test(Path::new("unused")).telemetry;
    let pair = |(name, threshold): &(&str, Duration)| ((*name).to_owned(), *threshold);
    config.slow_spans = thresholds.iter().map(pair).collect();
    let (telemetry, spans, logs) = Telemetry::with_config_for_test(&config);
    for name in names {
        let start = SpanStart::new(SpanKind::Internal, (*name).to_owned());
        drop(telemetry.root().start(start));
    }
    (spans.get_finished_spans().unwrap(), logs)
}

fn threshold(span: &SpanData) -> Option<f64> {
    let value = |key: &str| {
        let found = span.attributes.iter().find(|one| one.key.as_str() == key);
        found.map(|one| one.value.clone())
    };
    let is_slow = value(keys::CHIMERA_SLOW) == Some(Value::Bool(true));
    match value(keys::CHIMERA_SLOW_THRESHOLD_MS) {
        Some(Value::F64(threshold)) if is_slow => Some(threshold),
        None if !is_slow => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_longest_pattern_that_fits_says_what_is_slow() {
    let hour = Duration::from_secs(3_600);
    let thresholds = [
        ("*", hour),
        ("process *", Duration::ZERO),
        ("process a", hour),
    ];
    let names = ["other", "process b", "process a"];
    let (spans, _) = run(&thresholds, &names);
    let found: Vec<_> = spans.iter().map(threshold).collect();
    assert_eq!(found, [None, Some(0.0), None]);
}

#[test]
fn a_name_is_logged_once_with_the_ids_of_the_span() {
    let names = ["a", "a", "b"];
    let (spans, logs) = run(&[("*", Duration::ZERO)], &names);
    let text = logs.text();
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let [first, other] = &lines[..] else {
        panic!("two lines expected: {text}");
    };
    for (line, span) in [(first, &spans[0]), (other, &spans[2])] {
        assert_eq!(line["trace_id"], span.span_context.trace_id().to_string());
        assert_eq!(line["span_id"], span.span_context.span_id().to_string());
        assert_eq!(line["fields"]["span"], span.name.as_ref());
        assert_eq!(line["level"], "WARN");
        assert!(line["fields"]["took_ms"].is_u64(), "{line}");
        assert_eq!(line.get("correlation_id"), None);
    }
}

#[test]
fn the_line_has_the_id_of_the_conversation() {
    let mut config = Config::for_test(Path::new("unused")).telemetry;
    config.slow_spans = [("*".to_owned(), Duration::ZERO)].into();
    let (telemetry, _spans, logs) = Telemetry::with_config_for_test(&config);
    let start = SpanStart::new(SpanKind::Consumer, "process q").with(KeyValue::new(
        keys::MESSAGING_MESSAGE_CONVERSATION_ID,
        "c-7",
    ));
    drop(telemetry.root().start(start));
    let line: serde_json::Value = serde_json::from_str(logs.text().trim()).unwrap();
    assert_eq!(line["correlation_id"], "c-7");
}

#[test]
fn a_minute_later_it_is_logged_again() {
    let slow = SlowSpans::new(&[("*".to_owned(), Duration::ZERO)].into(), &Arc::default()).unwrap();
    let start = Instant::now();
    assert!(slow.is_news("a", start));
    assert!(!slow.is_news("a", start + LINE_EVERY / 2));
    assert!(slow.is_news("a", start + LINE_EVERY));
    for number in 0..2 * MAX_NAMES {
        assert!(slow.is_news(&number.to_string(), start));
    }
    assert!(slow.said.lock().unwrap().len() <= MAX_NAMES);
}
