//! Several services of one process, and a backend that fails them all.

use super::{receiver::Reply, *};
use crate::{
    config::{LogsExporter, MetricsExporter},
    telemetry::LogBuffer,
};

/// Four services that send all that they have to `url`, and their logs.
fn services(protocol: OtlpProtocol, text: &str) -> Vec<(Telemetry, LogBuffer)> {
    let siblings = Siblings::default();
    let mut config = config();
    let telemetry = &mut config.telemetry;
    telemetry.exporters = vec![Exporter::Otlp, Exporter::Jaeger];
    telemetry.jaeger.endpoint = url(text);
    telemetry.metrics_exporters = vec![MetricsExporter::Otlp];
    telemetry.logs_exporters = vec![LogsExporter::Otlp];
    telemetry.otlp.protocol = protocol;
    telemetry.otlp.endpoint = Some(url(text));
    telemetry.otlp.timeout = Duration::from_millis(200);
    let open = |name| {
        let exports = Exports::open(telemetry, None, &siblings).unwrap();
        Telemetry::with_exports_for_test(name, exports)
    };
    ["one", "two", "three", "four"].map(open).into()
}

async fn flush(services: &[(Telemetry, LogBuffer)]) {
    for (telemetry, _) in services {
        make_spans(telemetry, 1);
        let telemetry = telemetry.clone();
        let flushed = tokio::task::spawn_blocking(move || telemetry.flush());
        flushed.await.unwrap();
    }
}

fn lines(services: &[(Telemetry, LogBuffer)]) -> Vec<String> {
    let texts = services.iter().map(|(_, log)| log.text());
    let lines = texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>());
    lines.collect()
}

fn count(lines: &[String], part: &str) -> usize {
    lines.iter().filter(|line| line.contains(part)).count()
}

#[tokio::test]
async fn a_dead_backend_is_one_line() {
    let services = services(OtlpProtocol::HttpProtobuf, "http://127.0.0.1:1");
    flush(&services).await;
    let lines = lines(&services);
    let all = "exporting spans, metrics and log records to `otlp` at http://127.0.0.1:1 fails";
    assert_eq!(count(&lines, all), 1, "{lines:#?}");
    assert_eq!(
        count(&lines, "exporting spans to `jaeger`"),
        1,
        "{lines:#?}"
    );
    assert_eq!(count(&lines, "\"services\":4"), 2, "{lines:#?}");
    assert_eq!(count(&lines, "spans go to Jaeger"), 1, "{lines:#?}");
    assert_eq!(lines.len(), 3, "{lines:#?}");
    for (telemetry, _) in &services {
        let healths = telemetry.exporters();
        // Each has its own figures, whoever said it.
        assert_eq!(healths.len(), 4);
        // Those who had nothing to say sent no log records.
        for health in healths.iter().filter(|health| health.signal != "logs") {
            assert!(health.is_failing && health.dropped > 0, "{health:?}");
        }
    }
}

#[tokio::test]
async fn one_that_is_back_is_one_line() {
    let refuse = || Reply::Http(400, None, "");
    let protocol = OtlpProtocol::HttpProtobuf;
    // Each signal of the first two services is refused, by one receiver.
    let receiver = receiver::start_with(protocol, (0..6).map(|_| refuse())).await;
    let services = services(protocol, &receiver.url);
    let (first, _) = services.split_at(2);
    flush(first).await;
    let said = lines(first);
    for items in ["spans", "metrics", "log records"] {
        let refused = format!("exporting {items} to `otlp`");
        assert_eq!(count(&said, &refused), 1, "{said:#?}");
    }
    flush(&services).await;
    let said = lines(&services);
    for items in ["spans", "metrics", "log records"] {
        let works = format!("exporting {items} to `otlp` at");
        let works = said
            .iter()
            .filter(|line| line.contains(&works) && line.contains("works again"));
        assert_eq!(works.count(), 1, "{said:#?}");
    }
}

#[tokio::test]
async fn what_cannot_be_used_is_one_line() {
    let siblings = Siblings::default();
    let mut config = config();
    let telemetry = &mut config.telemetry;
    telemetry.exporters = vec![Exporter::Otlp];
    telemetry.metrics_exporters = vec![MetricsExporter::Otlp];
    telemetry.otlp.certificate = Some("/nowhere/ca.pem".into());
    let open = |name| {
        let exports = Exports::open(telemetry, None, &siblings).unwrap();
        Telemetry::with_exports_for_test(name, exports)
    };
    let services = ["one", "two"].map(open);
    flush(&services).await;
    let lines = lines(&services);
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(
        lines[0].contains("all spans and metrics for it are dropped"),
        "{lines:#?}"
    );
}
