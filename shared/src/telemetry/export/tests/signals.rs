//! Metrics and log records, by OTLP.

use opentelemetry_proto::tonic::{
    common::v1::{KeyValue as OtlpKeyValue, any_value::Value as Any},
    logs::v1::LogRecord,
    metrics::v1::{Metric, metric::Data},
};

use super::{failing::exporting, receiver::Reply, *};
use crate::{
    config::{LogsExporter, MetricsExporter},
    telemetry::{Correlation, LogBuffer, Processed, keys},
};

const EACH: [OtlpProtocol; 3] = [
    OtlpProtocol::Grpc,
    OtlpProtocol::HttpProtobuf,
    OtlpProtocol::HttpJson,
];

fn text(attributes: &[OtlpKeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    match found.value.as_ref()?.value.as_ref()? {
        Any::StringValue(text) => Some(text.clone()),
        other => Some(format!("{other:?}")),
    }
}

/// Telemetry that sends metrics and logs, no spans.
fn sending(
    protocol: OtlpProtocol,
    url: &str,
    change: impl FnOnce(&mut TelemetryConfig),
) -> (Telemetry, LogBuffer) {
    exporting(protocol, url, |telemetry| {
        telemetry.exporters = vec![Exporter::None];
        telemetry.metrics_exporters = vec![MetricsExporter::Prometheus, MetricsExporter::Otlp];
        telemetry.logs_exporters = vec![LogsExporter::Otlp];
        change(telemetry);
    })
}

async fn work(telemetry: &Telemetry) -> opentelemetry::trace::SpanContext {
    let span = telemetry
        .root()
        .start(SpanStart::new(SpanKind::Consumer, "process"));
    let scope = span.scope().with_value(Correlation("c-7".to_owned()));
    scope
        .run(async {
            tracing::warn!(
                number = 7_u64,
                share = 0.5,
                is_late = true,
                password = "hush",
                "from http://u:hush@h"
            );
        })
        .await;
    telemetry.metrics().processed(Processed {
        system: "chimera",
        server: None,
        queue: "q",
        destination: "q",
        outcome: "ack",
        error_type: None,
        duration: Duration::from_millis(20),
        span: Some(&span),
    });
    span.context()
}

fn records(received: &receiver::Received) -> Vec<LogRecord> {
    let resources = received
        .logs
        .iter()
        .flat_map(|request| &request.resource_logs);
    let scopes = resources.flat_map(|resource| &resource.scope_logs);
    scopes.flat_map(|scope| scope.log_records.clone()).collect()
}

fn metrics(received: &receiver::Received) -> Vec<Metric> {
    let resources = received
        .metrics
        .iter()
        .flat_map(|request| &request.resource_metrics);
    let scopes = resources.flat_map(|resource| &resource.scope_metrics);
    scopes.flat_map(|scope| scope.metrics.clone()).collect()
}

#[tokio::test]
async fn a_log_line_is_a_record() {
    for protocol in EACH {
        let receiver = receiver::start(protocol).await;
        let (telemetry, log) = sending(protocol, &receiver.url, |_| {});
        let span = work(&telemetry).await;
        shut_down(&telemetry).await;
        let received = receiver.received();
        let records = records(&received);
        assert_eq!(records.len(), 1, "{records:?}");
        let record = &records[0];
        assert_eq!(record.trace_id, span.trace_id().to_bytes());
        assert_eq!(record.span_id, span.span_id().to_bytes());
        assert_eq!(record.flags & 1, 1);
        assert_eq!(
            (record.severity_number, &*record.severity_text),
            (13, "WARN")
        );
        assert!(record.time_unix_nano > 0 && record.observed_time_unix_nano > 0);
        let body = format!("{:?}", record.body);
        assert!(body.contains("from http://REDACTED:REDACTED@h"), "{body}");
        let check = |key: &str, expected: &str| {
            assert_eq!(text(&record.attributes, key).as_deref(), Some(expected));
        };
        check("messaging.message.conversation_id", "c-7");
        check("number", "IntValue(7)");
        check("share", "DoubleValue(0.5)");
        check("is_late", "BoolValue(true)");
        assert!(!format!("{record:?}").contains("hush"));
        let resource = &received.logs[0].resource_logs[0];
        let attributes = &resource.resource.as_ref().unwrap().attributes;
        assert_eq!(text(attributes, "service.name").as_deref(), Some("svc"));
        let scope = resource.scope_logs[0].scope.as_ref().unwrap();
        assert_eq!(scope.name, module_path!());
        assert_eq!(resource.schema_url, keys::SCHEMA_URL);
        assert_eq!(resource.scope_logs[0].schema_url, keys::SCHEMA_URL);
        // The line is written all the same.
        assert_eq!(log.text().lines().count(), 1);
    }
}

#[tokio::test]
async fn metrics_are_sent() {
    for protocol in EACH {
        let receiver = receiver::start(protocol).await;
        let (telemetry, _log) = sending(protocol, &receiver.url, |_| {});
        let span = work(&telemetry).await;
        shut_down(&telemetry).await;
        let received = receiver.received();
        let metrics = metrics(&received);
        let duration = metrics
            .iter()
            .find(|metric| metric.name == "messaging.process.duration")
            .unwrap();
        assert_eq!(duration.unit, "s");
        let Some(Data::Histogram(histogram)) = &duration.data else {
            panic!("{duration:?}");
        };
        assert_eq!(histogram.aggregation_temporality, 2, "cumulative");
        let point = &histogram.data_points[0];
        assert_eq!(point.count, 1);
        assert_eq!(
            text(&point.attributes, "messaging.destination.name").as_deref(),
            Some("q")
        );
        // An exemplar leads to the span that it was measured in.
        assert_eq!(point.exemplars.len(), 1, "{point:?}");
        assert_eq!(point.exemplars[0].trace_id, span.trace_id().to_bytes());
        assert_eq!(point.exemplars[0].span_id, span.span_id().to_bytes());
        let scoped = &received.metrics[0].resource_metrics[0].scope_metrics[0];
        let scope = scoped.scope.as_ref().unwrap();
        assert_eq!(scope.version, env!("CARGO_PKG_VERSION"));
        assert_eq!(scoped.schema_url, keys::SCHEMA_URL);
        let resource = received.metrics[0].resource_metrics[0]
            .resource
            .as_ref()
            .unwrap();
        assert_eq!(
            text(&resource.attributes, "service.name").as_deref(),
            Some("svc")
        );
        // Prometheus can fetch them as well.
        assert!(
            telemetry
                .prometheus()
                .contains("messaging_process_duration_seconds_count")
        );
    }
}

#[tokio::test]
async fn metrics_are_sent_at_intervals() {
    let receiver = receiver::start(OtlpProtocol::HttpProtobuf).await;
    let (telemetry, _log) = sending(OtlpProtocol::HttpProtobuf, &receiver.url, |telemetry| {
        telemetry.metrics.export_interval = Duration::from_millis(20);
        telemetry.metrics_exporters = vec![MetricsExporter::Otlp];
    });
    assert_eq!(telemetry.prometheus(), "");
    let deadline = std::time::Instant::now() + LIMIT;
    while receiver.received().metrics.len() < 3 {
        assert!(std::time::Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    shut_down(&telemetry).await;
}

#[tokio::test]
async fn without_an_exporter_metrics_are_off() {
    let (telemetry, _log) = sending(OtlpProtocol::Grpc, "http://127.0.0.1:1", |telemetry| {
        telemetry.metrics_exporters = vec![MetricsExporter::None];
        telemetry.logs_exporters = vec![LogsExporter::None];
    });
    work(&telemetry).await;
    assert_eq!(telemetry.prometheus(), "");
    assert!(telemetry.exporters().is_empty());
}

/// The line that says that log records cannot be exported is a record, too: it must not make another one.
#[tokio::test]
async fn failing_logs_do_not_feed_themselves() {
    let replies = vec![Reply::Http(400, None, "no"); 50];
    let receiver = receiver::start_with(OtlpProtocol::HttpProtobuf, replies).await;
    let (telemetry, log) = sending(OtlpProtocol::HttpProtobuf, &receiver.url, |telemetry| {
        telemetry.metrics_exporters = vec![MetricsExporter::Prometheus];
    });
    work(&telemetry).await;
    for _ in 0..5 {
        let flushed = telemetry.clone();
        tokio::task::spawn_blocking(move || flushed.flush())
            .await
            .unwrap();
    }
    let log = log.text();
    assert_eq!(log.lines().count(), 2, "{log}");
    assert!(log.contains("exporting log records to `otlp` at"), "{log}");
    // The record, and the record of the line that says that it was refused.
    assert_eq!(receiver.received().headers.len(), 2);
    assert_eq!(telemetry.exporters()[0].dropped, 2);
}

#[tokio::test]
async fn a_record_holds_no_more_than_it_may() {
    let receiver = receiver::start(OtlpProtocol::HttpProtobuf).await;
    let (telemetry, _log) = sending(OtlpProtocol::HttpProtobuf, &receiver.url, |telemetry| {
        telemetry.limits.log_attribute_count = Some(2);
        telemetry.limits.log_attribute_value_length = Some(3);
    });
    let scope = telemetry.root();
    let line = async { tracing::info!(a = "12345", b = "12345", c = "12345", "whole message") };
    scope.run(line).await;
    shut_down(&telemetry).await;
    let record = records(&receiver.received()).remove(0);
    assert_eq!(
        (record.attributes.len(), record.dropped_attributes_count),
        (2, 1)
    );
    assert_eq!(text(&record.attributes, "a").as_deref(), Some("123"));
    assert!(format!("{:?}", record.body).contains("whole message"));
}
