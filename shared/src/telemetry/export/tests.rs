//! Exporters against receivers of their wire formats, and a queue against a backend that does as it is told.

mod failing;
mod network;
mod queue;
mod receiver;
mod recipes;
mod secrets;
mod siblings;
mod signals;
mod tls;
mod transports;
mod unusable;

use std::time::Duration;

use opentelemetry::trace::SpanKind;

use super::*;
use crate::{
    config::{Config, RedactedUrl},
    telemetry::{Setup, Siblings, SpanStart, Telemetry},
};

const LIMIT: Duration = Duration::from_secs(20);

/// Spans go by OTLP, and into memory to see that others are not held up.
fn config() -> Config {
    let mut config = Config::for_test(std::path::Path::new("unused"));
    config.telemetry.exporters = vec![Exporter::Otlp, Exporter::Memory];
    config
}

fn url(text: &str) -> RedactedUrl {
    RedactedUrl::parse(text, &["http", "https"]).unwrap()
}

fn build(config: &Config) -> Telemetry {
    try_build(config).unwrap()
}

fn try_build(config: &Config) -> Result<Telemetry, TelemetryError> {
    let setup = Setup {
        telemetry: &config.telemetry,
        log: &config.log,
        version: None,
        store: None,
        siblings: Siblings::default(),
    };
    Telemetry::build("svc", setup)
}

fn make_spans(telemetry: &Telemetry, count: usize) {
    for _ in 0..count {
        telemetry
            .root()
            .start(SpanStart::new(SpanKind::Internal, "work"))
            .end();
    }
}

async fn shut_down(telemetry: &Telemetry) {
    shut_down_within(telemetry, LIMIT).await;
}

async fn shut_down_within(telemetry: &Telemetry, limit: Duration) {
    let telemetry = telemetry.clone();
    tokio::task::spawn_blocking(move || telemetry.shutdown(limit))
        .await
        .unwrap();
}

#[test]
fn the_embedded_exporter_needs_a_store() {
    let mut config = config();
    config.telemetry.exporters = vec![Exporter::Embedded];
    let error = try_build(&config).unwrap_err();
    assert!(matches!(error, TelemetryError::NoStore));
}
