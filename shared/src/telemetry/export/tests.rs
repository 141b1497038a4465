//! The OTLP exporter against small receivers, and a queue against a backend that does as it is told.

mod receiver;

use std::{
    future::pending,
    num::NonZeroUsize,
    sync::{Arc, Mutex},
    time::Duration,
};

use opentelemetry::trace::SpanKind;
use opentelemetry_sdk::{
    error::{OTelSdkError, OTelSdkResult},
    trace::{SpanData, SpanExporter},
};

use super::*;
use crate::{
    config::{BatchConfig, Compression, Config, OtlpProtocol, RedactedUrl},
    telemetry::{Setup, SpanStart, Telemetry},
};

const LIMIT: Duration = Duration::from_secs(20);

fn config() -> Config {
    let mut config = Config::for_test(std::path::Path::new("unused"));
    config.telemetry.exporters = vec![Exporter::Otlp, Exporter::Memory];
    config
}

fn url(text: &str) -> Option<RedactedUrl> {
    Some(RedactedUrl::parse(text, &["http"]).unwrap())
}

fn build(config: &Config) -> Telemetry {
    let setup = Setup {
        telemetry: &config.telemetry,
        log: &config.log,
        version: None,
        store: None,
    };
    Telemetry::build("svc", setup).unwrap()
}

fn make_spans(telemetry: &Telemetry, count: usize) {
    for _ in 0..count {
        telemetry
            .root()
            .start(SpanStart::new(SpanKind::Internal, "work"))
            .end();
    }
}

async fn shut_down(telemetry: Telemetry) {
    tokio::task::spawn_blocking(move || telemetry.shutdown(LIMIT))
        .await
        .unwrap();
}

async fn check_transport(protocol: OtlpProtocol, compression: Compression) {
    let receiver = receiver::start(protocol).await;
    let mut config = config();
    let otlp = &mut config.telemetry.otlp;
    otlp.protocol = protocol;
    otlp.compression = compression;
    otlp.endpoint = url(&receiver.url);
    let telemetry = build(&config);
    make_spans(&telemetry, 3);
    shut_down(telemetry.clone()).await;

    let health = &telemetry.exporters()[0];
    assert_eq!((health.exported, health.dropped), (3, 0), "{health:?}");
    let received = receiver.received();
    assert_eq!(received.compressed, compression == Compression::Gzip);
    assert_eq!(received.services, ["svc"]);
    assert_eq!(received.spans, 3);
}

#[tokio::test]
async fn otlp_over_http() {
    check_transport(OtlpProtocol::HttpProtobuf, Compression::None).await;
    check_transport(OtlpProtocol::HttpProtobuf, Compression::Gzip).await;
}

#[tokio::test]
async fn otlp_over_grpc() {
    check_transport(OtlpProtocol::Grpc, Compression::None).await;
    check_transport(OtlpProtocol::Grpc, Compression::Gzip).await;
}

#[tokio::test]
async fn a_backend_that_is_not_there_costs_its_own_spans_only() {
    for protocol in [OtlpProtocol::Grpc, OtlpProtocol::HttpProtobuf] {
        let mut config = config();
        config.telemetry.otlp.protocol = protocol;
        config.telemetry.otlp.timeout = Duration::from_millis(200);
        // Reserved, and nobody listens there.
        config.telemetry.otlp.endpoint = url("http://127.0.0.1:1");
        let telemetry = build(&config);
        make_spans(&telemetry, 5);
        shut_down(telemetry.clone()).await;
        let health = &telemetry.exporters()[0];
        assert_eq!(
            (health.exported, health.dropped, health.queued),
            (0, 5, 0),
            "{health:?}"
        );
        let cause = health.last_error.as_deref().unwrap_or_default();
        assert!(health.is_failing && cause.contains("refused"), "{cause}");
        assert_eq!(
            telemetry
                .memory()
                .unwrap()
                .get_finished_spans()
                .unwrap()
                .len(),
            5
        );
    }
}

#[test]
fn the_embedded_exporter_needs_a_store() {
    let mut config = config();
    config.telemetry.exporters = vec![Exporter::Embedded];
    let setup = Setup {
        telemetry: &config.telemetry,
        log: &config.log,
        version: None,
        store: None,
    };
    let error = Telemetry::build("svc", setup).unwrap_err();
    assert!(matches!(error, TelemetryError::NoStore));
}

#[derive(Debug, Clone, Copy)]
enum Answer {
    Take,
    Refuse,
    Nothing,
}

#[derive(Debug, Clone)]
struct Backend(Arc<Mutex<Answer>>);

impl Backend {
    fn now(&self, answer: Answer) {
        *self.0.lock().unwrap() = answer;
    }
}

impl SpanExporter for Backend {
    async fn export(&self, _batch: Vec<SpanData>) -> OTelSdkResult {
        let answer = *self.0.lock().unwrap();
        match answer {
            Answer::Take => Ok(()),
            Answer::Refuse => Err(OTelSdkError::InternalFailure(
                "refused by http://u:hush@backend".to_owned(),
            )),
            Answer::Nothing => pending().await,
        }
    }
}

/// Telemetry whose only exporter sends to `backend`, its log, and how to flush it.
fn queued(answer: Answer, queue_size: usize) -> (Telemetry, crate::telemetry::LogBuffer, Backend) {
    let backend = Backend(Arc::new(Mutex::new(answer)));
    let config = BatchConfig {
        schedule_delay: Duration::from_secs(3600),
        export_timeout: Duration::from_millis(100),
        max_queue_size: NonZeroUsize::new(queue_size).unwrap(),
        max_export_batch_size: NonZeroUsize::new(4).unwrap(),
    };
    let health = Health::new("otlp", "http://u:hush@backend:4318");
    let exporter = backend.clone();
    let connect: queue::Connect<Backend> = Box::new(move || Ok(exporter));
    let queue = Queue::start(connect, &config, health.clone()).unwrap();
    let exports = Exports {
        sinks: vec![Box::new(queue)],
        memory: None,
        health: vec![health],
    };
    let (telemetry, log) = Telemetry::with_exports_for_test("svc", exports);
    (telemetry, log, backend)
}

#[test]
fn each_change_is_said_once_and_without_secrets() {
    let (telemetry, log, backend) = queued(Answer::Refuse, 100);
    for _ in 0..3 {
        make_spans(&telemetry, 2);
        telemetry.flush();
    }
    backend.now(Answer::Take);
    for _ in 0..3 {
        make_spans(&telemetry, 1);
        telemetry.flush();
    }
    let health = &telemetry.exporters()[0];
    assert_eq!(
        (health.dropped, health.exported, health.is_failing),
        (6, 3, false)
    );
    let log = log.text();
    assert_eq!(log.lines().count(), 2, "{log}");
    assert!(
        log.contains("exporting spans to `otlp` at http://") && log.contains("works again"),
        "{log}"
    );
    assert!(
        log.contains("REDACTED@backend:4318 fails")
            && log.contains("by http://REDACTED:REDACTED@backend")
            && !log.contains("hush"),
        "{log}"
    );
}

#[test]
fn a_full_queue_drops_counts_and_says_so_once() {
    let (telemetry, log, _backend) = queued(Answer::Nothing, 8);
    make_spans(&telemetry, 1_000);
    let health = &telemetry.exporters()[0];
    assert!(health.dropped >= 1_000 - 2 * 8, "{health:?}");
    assert_eq!(log.text().matches("is full").count(), 1);
}

#[test]
fn a_backend_that_never_answers_does_not_hold_up_the_end() {
    let (telemetry, _log, _backend) = queued(Answer::Nothing, 100);
    make_spans(&telemetry, 20);
    telemetry.shutdown(Duration::from_millis(10));
    let health = &telemetry.exporters()[0];
    assert_eq!((health.dropped, health.queued), (20, 0), "{health:?}");
    // Late spans are nobody's: the provider makes none.
    make_spans(&telemetry, 1);
}

#[test]
fn telemetry_that_is_dropped_exports_what_is_left() {
    let (telemetry, _log, _backend) = queued(Answer::Take, 100);
    let health = telemetry.0.exporters[0].clone();
    make_spans(&telemetry, 6);
    drop(telemetry);
    assert_eq!(health.snapshot().exported, 6);
}
