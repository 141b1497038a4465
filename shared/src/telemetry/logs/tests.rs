use std::collections::HashMap;

use opentelemetry::trace::{SpanId, SpanKind};
use serde_json::Value;
use tracing::Instrument as _;

use super::*;
use crate::telemetry::{Correlation, Scope, SpanStart, Telemetry};

#[tracing::instrument(skip(scope))]
async fn step(scope: Scope, number: u64) {
    tracing::info!(number, "before");
    tokio::task::yield_now().await;
    async { tracing::warn!(number, "inside") }
        .instrument(tracing::info_span!("inner"))
        .await;
    let _under_the_macro = scope
        .active()
        .start(SpanStart::new(SpanKind::Internal, "explicit"));
    tokio::task::yield_now().await;
    tracing::info!(number, "after");
}

async fn handle(telemetry: Telemetry, number: u64) {
    let span = telemetry
        .root()
        .start(SpanStart::new(SpanKind::Consumer, "process"));
    let scope = span.scope().with_value(Correlation(format!("c-{number}")));
    scope.run(step(scope.clone(), number)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn four_services_in_one_process_keep_their_lines_and_spans_apart() {
    let mut services = HashMap::new();
    let mut handlers = tokio::task::JoinSet::new();
    for service in ["api", "query", "retrieval", "analysis"] {
        let (telemetry, spans, logs) = Telemetry::for_test_with_logs(service);
        services.insert(service, (spans, logs));
        for number in 0..25 {
            handlers.spawn(handle(telemetry.clone(), number));
        }
    }
    handlers.join_all().await;

    for (service, (spans, logs)) in &services {
        let spans = spans.get_finished_spans().unwrap();
        assert_eq!(spans.len(), 4 * 25);
        let by_id: HashMap<SpanId, _> = spans
            .iter()
            .map(|span| (span.span_context.span_id(), span))
            .collect();
        for span in &spans {
            let parent = by_id
                .get(&span.parent_span_id)
                .map(|parent| parent.name.as_ref());
            let expected = match span.name.as_ref() {
                "process" => None,
                "step" => Some("process"),
                "inner" | "explicit" => Some("step"),
                other => panic!("unexpected span {other}"),
            };
            assert_eq!(parent, expected, "{}", span.name);
        }
        let text = logs.text();
        assert_eq!(text.lines().count(), 25 * 3);
        for line in text.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            assert_eq!(line["service"], *service);
            let id = SpanId::from_hex(line["span_id"].as_str().unwrap()).unwrap();
            let span = by_id[&id];
            assert_eq!(line["trace_id"], span.span_context.trace_id().to_string());
            let expected = if line["message"] == "inside" {
                "inner"
            } else {
                "step"
            };
            assert_eq!(span.name, expected);
            let number = &line["fields"]["number"];
            assert_eq!(line["correlation_id"], format!("c-{number}"));
        }
    }
}

fn logged(format: LogFormat, filter: &str, log: impl FnOnce()) -> String {
    let buffer = LogBuffer::default();
    let settings = LogSettings {
        filter: EnvFilter::try_new(filter).unwrap(),
        own: LevelFilter::TRACE,
        format,
        output: LogOutput::Memory(buffer.clone()),
    };
    tracing::dispatcher::with_default(&dispatch("svc", None, Some(settings), None), log);
    buffer.text()
}

#[test]
fn readable_lines_stay_on_one_line() {
    let text = logged(LogFormat::Readable, "info", || {
        tracing::info!(queue.name = "q\n1", count = 3, "two\nlines");
    });
    let (_time, rest) = text.split_once(' ').unwrap();
    assert_eq!(rest, "INFO  svc: two\\nlines count=3 queue.name=q\\n1\n");
}

#[test]
fn secrets_do_not_reach_a_line() {
    let text = logged(LogFormat::Auto, "info", || {
        tracing::info!(
            api_key = "k-1",
            url = "amqp://u:k-2@host",
            "connecting to https://u:k-3@host"
        );
    });
    assert!(!text.contains("k-"), "{text}");
    assert!(text.contains("amqp://REDACTED:REDACTED@host"), "{text}");
}

#[test]
fn the_filter_decides_what_is_logged() {
    let text = logged(LogFormat::Readable, "warn,chatty=off", || {
        tracing::info!("quiet");
        tracing::warn!(target: "chatty", "off");
        tracing::warn!("loud");
    });
    assert!(
        text.ends_with("WARN  svc: loud\n") && text.lines().count() == 1,
        "{text}"
    );
}
