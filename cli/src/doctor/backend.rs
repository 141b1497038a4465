//! What the servers that spans are sent to, and read from, say.

use std::{
    net::SocketAddr,
    time::{Duration, SystemTime},
};

use chimera_shared::{
    config::{
        Config, LogFilter, LogLevel, LogsExporter, MetricsExporter, OtlpProtocol, Sampler,
        TelemetryConfig, TracesUrl,
    },
    telemetry::{ExporterHealth, Setup, Siblings, SpanKind, SpanStart, Telemetry},
};
use opentelemetry::{KeyValue, TraceId};
use tokio::{net, task::spawn_blocking, time};

use super::{endpoint::Endpoint, finding::Finding};
use crate::{server::Server, traces::TraceSource};

/// How long a server may take for anything.
const WITHIN: Duration = Duration::from_secs(5);
/// How long a span may take from the backend's door to its pages.
const SHOWN_WITHIN: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// The service of the span that is sent to see whether it arrives.
const SERVICE: &str = "chimera";
/// Its name.
const SPAN: &str = "chimera doctor";
/// Differences up to this are those of a clock that tells whole seconds, and of the way.
const SAME_TIME: Duration = Duration::from_secs(2);

/// Looks at the servers.
pub(super) async fn look(config: &Config, endpoints: &[Endpoint]) -> Vec<Finding> {
    let mut findings = Vec::new();
    if endpoints.is_empty() {
        let why = "spans are sent to no server";
        findings.extend(["reachable", "backend"].map(|cause| Finding::idle(cause, why)));
    }
    for endpoint in endpoints {
        findings.push(reachable(endpoint).await);
    }
    let (sent, healths) = send(config).await;
    findings.extend(healths);
    findings.push(shown(config, sent).await);
    findings.push(clock(config, endpoints).await);
    findings
}

async fn reachable(endpoint: &Endpoint) -> Finding {
    let cause = "reachable";
    let place = format!("{}:{}", endpoint.host, endpoint.port);
    let advice = format!(
        "see whether the backend runs there, whether a firewall or another network is between, and whether {} is right \
         (inside a container, `localhost` is the container)",
        endpoint.key
    );
    let addresses = match net::lookup_host((endpoint.host.as_str(), endpoint.port)).await {
        Ok(addresses) => addresses.collect::<Vec<SocketAddr>>(),
        Err(error) => {
            let seen = format!("the name of {place} is not known: {error}");
            return Finding::bad(cause, seen, advice);
        }
    };
    match time::timeout(WITHIN, net::TcpStream::connect(&addresses[..])).await {
        Ok(Ok(_)) => Finding::good(cause, format!("{place} takes connections")),
        Ok(Err(error)) => Finding::bad(cause, format!("{place}: {error}"), advice),
        Err(_) => Finding::bad(
            cause,
            format!("{place} does not answer within {WITHIN:?}"),
            advice,
        ),
    }
}

/// `configured`, for one of each signal that goes to servers alone.
fn to_backends(configured: &TelemetryConfig) -> TelemetryConfig {
    let mut telemetry = configured.clone();
    let to_servers = ["otlp", "jaeger", "zipkin"];
    telemetry
        .exporters
        .retain(|exporter| to_servers.contains(&exporter.as_str()));
    telemetry
        .metrics_exporters
        .retain(|exporter| *exporter == MetricsExporter::Otlp);
    telemetry
        .logs_exporters
        .retain(|exporter| *exporter == LogsExporter::Otlp);
    telemetry.sampler = Sampler::AlwaysOn;
    telemetry.batch.export_timeout = telemetry.batch.export_timeout.min(WITHIN);
    // What goes wrong is told here.
    telemetry.log_level = LogLevel::Off;
    telemetry
}

/// Sends one span as agents do, and metrics and a log line where those are exported, and returns the trace if every backend
/// of spans took it.
async fn send(config: &Config) -> (Option<TraceId>, Vec<Finding>) {
    let cause = "backend";
    let configured = to_backends(&config.telemetry);
    let mut log = config.log.clone();
    // Else the line might be none, and no record.
    log.filter = LogFilter::warnings();
    let setup = Setup {
        telemetry: &configured,
        log: &log,
        version: Some(env!("CARGO_PKG_VERSION")),
        store: None,
        siblings: Siblings::default(),
    };
    let telemetry = match Telemetry::build(SERVICE, setup) {
        Ok(telemetry) => telemetry,
        Err(error) => {
            let seen = format!("{:#}", anyhow::Error::from(error));
            let advice = "correct the settings that it names";
            return (None, vec![Finding::bad(cause, seen, advice)]);
        }
    };
    let start = SpanStart::new(SpanKind::Internal, SPAN).with(KeyValue::new(
        "chimera.doctor",
        "sent to see whether it arrives",
    ));
    let span = telemetry.root().start(start);
    let trace = span.context().trace_id();
    if !configured.logs_exporters.is_empty() {
        span.scope()
            .enter(|| tracing::warn!("`chimera doctor` sends this line to see whether it arrives"));
    }
    span.end();
    let sent = telemetry.clone();
    let flushed = spawn_blocking(move || {
        sent.flush();
        sent.exporters()
    });
    let healths = flushed.await.unwrap_or_default();
    // Nothing is left to be sent.
    drop(spawn_blocking(move || telemetry.shutdown(WITHIN)).await);
    let mut of_spans = healths.iter().filter(|health| health.signal == "traces");
    let is_sent = of_spans.clone().count() > 0 && of_spans.all(|health| health.exported > 0);
    let findings = healths.iter().map(taken).collect();
    (is_sent.then_some(trace), findings)
}

fn taken(health: &ExporterHealth) -> Finding {
    let (cause, exporter) = ("backend", health.exporter);
    let sent = match health.signal {
        "traces" => "span",
        "metrics" => "metrics",
        _ => "log record",
    };
    match &health.last_error {
        None if health.exported > 0 => {
            Finding::good(cause, format!("it took the {sent} that `{exporter}` sent"))
        }
        None => Finding::bad(
            cause,
            format!("the {sent} that `{exporter}` sent was not answered in time"),
            "look at the backend's load and its log",
        ),
        Some(error) => Finding::bad(
            cause,
            format!("it did not take the {sent} that `{exporter}` sent: {error}"),
            health
                .advice
                .as_deref()
                .unwrap_or("look into the backend's log"),
        ),
    }
}

/// Whether what was sent can be read where `chimera traces` reads.
async fn shown(config: &Config, sent: Option<TraceId>) -> Finding {
    let cause = "traces.url";
    let TracesUrl::Jaeger(url) = &config.traces.url else {
        return Finding::idle(cause, "traces are read from a running `chimera up`");
    };
    let source = match TraceSource::jaeger(url) {
        Ok(source) => source,
        Err(error) => return Finding::bad(cause, format!("{error:#}"), "correct traces.url"),
    };
    let Some(trace) = sent else {
        return match source.knows_services().await {
            Ok(services) => Finding::good(cause, format!("{url} knows {services} services")),
            Err(error) => unread(&error),
        };
    };
    let until = time::Instant::now() + SHOWN_WITHIN;
    loop {
        match source.trace(trace).await {
            Ok(Some(_)) => {
                return Finding::good(cause, format!("{url} shows the span that was sent"));
            }
            Err(error) => return unread(&error),
            Ok(None) if time::Instant::now() > until => {
                return Finding::bad(
                    cause,
                    format!(
                        "{url} answers, and does not show the span that a backend took {SHOWN_WITHIN:?} ago"
                    ),
                    "see whether traces.url and the exporter's endpoint are the same Jaeger, and whether a collector between \
                     them samples",
                );
            }
            Ok(None) => time::sleep(LOOK_EVERY).await,
        }
    }
}

fn unread(error: &anyhow::Error) -> Finding {
    Finding::bad(
        "traces.url",
        format!("{error:#}"),
        "set traces.url to where Jaeger's pages are, usually port 16686",
    )
}

/// Whether the backend's clock and ours tell the same time: spans of hosts whose clocks differ lie beside each other.
async fn clock(config: &Config, endpoints: &[Endpoint]) -> Finding {
    let cause = "clocks";
    let server = match (&config.traces.url, &config.telemetry.otlp.endpoint) {
        (TracesUrl::Jaeger(url), _) => Server::configured("Jaeger", "traces.url", url),
        (TracesUrl::Embedded, Some(url)) if speaks_http(endpoints) => {
            Server::configured("the backend", "telemetry.otlp.endpoint", url)
        }
        _ => return Finding::idle(cause, "no server that tells the time by HTTP"),
    };
    let Ok(server) = server else {
        return Finding::idle(cause, "no server that tells the time by HTTP");
    };
    let date = match server.send(server.get("/", &[]), WITHIN).await {
        Ok(answer) => answer.date,
        Err(_) => return Finding::idle(cause, format!("{server} does not answer")),
    };
    let Some(theirs) = date else {
        return Finding::idle(cause, format!("{server} does not tell the time"));
    };
    compared(cause, SystemTime::now(), theirs, &server.to_string())
}

fn speaks_http(endpoints: &[Endpoint]) -> bool {
    endpoints.iter().any(|endpoint| {
        endpoint.exporter == "otlp" && endpoint.protocol != Some(OtlpProtocol::Grpc)
    })
}

fn compared(cause: &'static str, ours: SystemTime, theirs: SystemTime, server: &str) -> Finding {
    let (difference, word) = match ours.duration_since(theirs) {
        Ok(ahead) => (ahead, "ahead of"),
        Err(behind) => (behind.duration(), "behind"),
    };
    let whole = Duration::from_secs(difference.as_secs());
    let shown = humantime::format_duration(whole);
    match difference <= SAME_TIME {
        true => Finding::good(cause, format!("{server} tells the same time as this host")),
        false => Finding::bad(
            cause,
            format!("this host is {shown} {word} {server}"),
            "let both follow a time server; searches for the last hour miss spans of a clock that is wrong",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Verdict;

    #[test]
    fn clocks_that_differ_are_told() {
        #[track_caller]
        fn check(ours: u64, theirs: u64, verdict: Verdict, seen: &str) {
            let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            let finding = compared("clocks", at(ours), at(theirs), "Jaeger");
            assert_eq!(finding.verdict, verdict);
            assert_eq!(finding.seen, seen);
        }
        let same = "Jaeger tells the same time as this host";
        check(100, 100, Verdict::Good, same);
        check(100, 102, Verdict::Good, same);
        check(163, 100, Verdict::Bad, "this host is 1m 3s ahead of Jaeger");
        check(100, 200, Verdict::Bad, "this host is 1m 40s behind Jaeger");
    }
}
