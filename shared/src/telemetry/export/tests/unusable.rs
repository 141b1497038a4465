//! Settings that no exporter can be made of: it is there, loses what it gets, and says why; all else goes on.

use std::fs;

use chimera_servers::Certificates;

use super::{failing::exporting, *};
use crate::config::{LogsExporter, MetricsExporter};

const PROTOCOLS: [OtlpProtocol; 2] = [OtlpProtocol::Grpc, OtlpProtocol::HttpProtobuf];

/// Exports one span by settings that cannot be used; what is said has all of `expected`.
async fn check(
    protocol: OtlpProtocol,
    change: impl FnOnce(&mut TelemetryConfig),
    expected: &[&str],
) {
    let (telemetry, log) = exporting(protocol, "https://localhost:1", change);
    let health = telemetry.exporters().remove(0);
    assert!(health.is_failing, "before the first span: {health:?}");
    let advice = health.advice.unwrap();
    assert!(advice.contains("correct the setting"), "{advice}");
    make_spans(&telemetry, 1);
    shut_down(&telemetry).await;

    let health = telemetry.exporters().remove(0);
    assert_eq!((health.exported, health.dropped), (0, 1), "{health:?}");
    let (error, log) = (health.last_error.unwrap(), log.text());
    assert_eq!(log.lines().count(), 1, "{log}");
    for part in expected {
        assert!(error.contains(part), "{protocol} {part}: {error}");
        assert!(log.contains(part), "{protocol} {part}: {log}");
    }
}

#[tokio::test]
async fn files_that_hold_no_certificate() {
    let dir = tempfile::tempdir().unwrap();
    let text = dir.path().join("text.pem");
    fs::write(&text, "not a certificate").unwrap();
    let certificates = Certificates::new();
    for protocol in PROTOCOLS {
        let missing = |telemetry: &mut TelemetryConfig| {
            telemetry.otlp.certificate = Some("/nowhere/ca.pem".into());
        };
        let said = [
            "telemetry.otlp.certificate",
            "/nowhere/ca.pem",
            "No such file",
        ];
        check(protocol, missing, &said).await;
        let other =
            |telemetry: &mut TelemetryConfig| telemetry.otlp.certificate = Some(text.clone());
        let said = [
            "telemetry.otlp.certificate",
            "text.pem",
            "holds no certificate in PEM",
        ];
        check(protocol, other, &said).await;
        let no_key = |telemetry: &mut TelemetryConfig| {
            telemetry.otlp.client_certificate = Some(certificates.certificate().to_owned());
            telemetry.otlp.client_key = Some(text.clone());
        };
        let said = [
            "telemetry.otlp.client_key",
            "text.pem",
            "holds no private key in PEM",
        ];
        check(protocol, no_key, &said).await;
    }
}

#[tokio::test]
async fn a_certificate_without_its_key_and_the_reverse() {
    let certificates = Certificates::new();
    for protocol in PROTOCOLS {
        let certificate = |telemetry: &mut TelemetryConfig| {
            telemetry.otlp.client_certificate = Some(certificates.certificate().to_owned());
        };
        let said = ["telemetry.otlp.client_certificate needs telemetry.otlp.client_key"];
        check(protocol, certificate, &said).await;
        let key = |telemetry: &mut TelemetryConfig| {
            telemetry.otlp.client_key = Some(certificates.key().to_owned());
        };
        let said = ["telemetry.otlp.client_key needs telemetry.otlp.client_certificate"];
        check(protocol, key, &said).await;
    }
}

#[tokio::test]
async fn a_url_that_grpc_cannot_use() {
    let blank = |telemetry: &mut TelemetryConfig| {
        telemetry.otlp.endpoint = Some(url("http://u:hush@h:1/pa th"));
    };
    let said = ["reading the URL of the exporter for gRPC"];
    check(OtlpProtocol::Grpc, blank, &said).await;
}

#[tokio::test]
async fn metrics_and_log_records_are_lost_as_visibly_and_spans_go_on() {
    let mut config = config();
    let telemetry = &mut config.telemetry;
    telemetry.exporters = vec![Exporter::Memory];
    telemetry.metrics_exporters = vec![MetricsExporter::Otlp];
    telemetry.logs_exporters = vec![LogsExporter::Otlp];
    telemetry.otlp.certificate = Some("/nowhere/ca.pem".into());
    let telemetry = build(&config);
    let failing: Vec<_> = telemetry
        .exporters()
        .into_iter()
        .map(|health| (health.signal, health.is_failing))
        .collect();
    assert_eq!(failing, [("metrics", true), ("logs", true)]);
    make_spans(&telemetry, 1);
    shut_down(&telemetry).await;
    let spans = telemetry.memory().unwrap().get_finished_spans().unwrap();
    assert_eq!(spans.len(), 1);
}
