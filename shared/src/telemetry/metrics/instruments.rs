//! The instruments: names, units and buckets.

use std::sync::Arc;

use opentelemetry::{
    KeyValue,
    metrics::{AsyncInstrument, Counter, Histogram, Meter, UpDownCounter},
};
use opentelemetry_semantic_conventions::metric;

use super::QueueDepth;
use crate::telemetry::{
    export::{ExporterHealth, Monitor},
    pipeline::SpanCounts,
};

/// Bucket bounds in seconds that the conventions advise for messaging and HTTP durations.
///
/// Source: <https://opentelemetry.io/docs/specs/semconv/messaging/messaging-metrics/>.
const SECONDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// Those for databases. Source: <https://opentelemetry.io/docs/specs/semconv/db/database-metrics/>.
const DB_SECONDS: [f64; 9] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];

/// The histograms, by name, with their bounds.
pub(super) const DURATIONS: [(&str, &[f64]); 5] = [
    (metric::MESSAGING_PROCESS_DURATION, &SECONDS),
    (metric::MESSAGING_CLIENT_OPERATION_DURATION, &SECONDS),
    (metric::DB_CLIENT_OPERATION_DURATION, &DB_SECONDS),
    (metric::HTTP_SERVER_REQUEST_DURATION, &SECONDS),
    (metric::HTTP_CLIENT_REQUEST_DURATION, &SECONDS),
];

/// A histogram of durations, under the name by which its exemplars are kept.
pub(super) struct Duration {
    pub(super) name: &'static str,
    pub(super) histogram: Histogram<f64>,
}

pub(super) struct Instruments {
    pub(super) process_duration: Duration,
    pub(super) client_duration: Duration,
    pub(super) db_duration: Duration,
    pub(super) http_server_duration: Duration,
    pub(super) http_client_duration: Duration,
    pub(super) sent: Counter<u64>,
    pub(super) consumed: Counter<u64>,
    pub(super) retries: Counter<u64>,
    pub(super) dead_letters: Counter<u64>,
    pub(super) unrouted: Counter<u64>,
    pub(super) in_flight: UpDownCounter<i64>,
}

impl Instruments {
    pub(super) fn new(meter: &Meter) -> Self {
        let seconds = |name, what| seconds(meter, name, what);
        let messages = |name, what| messages(meter, name, what);
        Self {
            process_duration: seconds(
                metric::MESSAGING_PROCESS_DURATION,
                "Duration of processing operation",
            ),
            client_duration: seconds(
                metric::MESSAGING_CLIENT_OPERATION_DURATION,
                "Duration of messaging operation initiated by a producer or consumer client",
            ),
            db_duration: seconds(
                metric::DB_CLIENT_OPERATION_DURATION,
                "Duration of database client operations",
            ),
            http_server_duration: seconds(
                metric::HTTP_SERVER_REQUEST_DURATION,
                "Duration of HTTP server requests",
            ),
            http_client_duration: seconds(
                metric::HTTP_CLIENT_REQUEST_DURATION,
                "Duration of HTTP client requests",
            ),
            sent: messages(
                metric::MESSAGING_CLIENT_SENT_MESSAGES,
                "Number of messages producer attempted to send to the broker",
            ),
            consumed: messages(
                metric::MESSAGING_CLIENT_CONSUMED_MESSAGES,
                "Number of messages that were delivered to the application",
            ),
            retries: messages(
                "chimera.message.retries",
                "Messages whose handler will be run again",
            ),
            dead_letters: messages(
                "chimera.message.dead_letters",
                "Messages that went to a dead-letter queue",
            ),
            unrouted: messages("chimera.message.unrouted", "Events that no queue takes"),
            in_flight: meter
                .i64_up_down_counter("chimera.message.in_flight")
                .with_unit("{message}")
                .with_description("Messages that are being worked on")
                .build(),
        }
    }
}

fn seconds(meter: &Meter, name: &'static str, what: &'static str) -> Duration {
    let known = DURATIONS.iter().find(|(known, _)| *known == name);
    let (_, bounds) = known.expect("every histogram is in the table");
    let histogram = meter
        .f64_histogram(name)
        .with_unit("s")
        .with_boundaries(bounds.to_vec())
        .with_description(what)
        .build();
    Duration { name, histogram }
}

fn messages(meter: &Meter, name: &'static str, what: &'static str) -> Counter<u64> {
    let counter = meter.u64_counter(name).with_unit("{message}");
    counter.with_description(what).build()
}

/// How the tracer itself fares, read when somebody asks.
pub(super) fn observe_spans(meter: &Meter, counts: &Arc<SpanCounts>, exporters: &[Monitor]) {
    let ended = Arc::clone(counts);
    meter
        .u64_observable_counter("chimera.telemetry.spans")
        .with_unit("{span}")
        .with_description("Recorded spans that ended")
        .with_callback(move |observer| observer.observe(ended.ended(), &[]))
        .build();
    let open = Arc::clone(counts);
    meter
        .u64_observable_gauge("chimera.telemetry.spans.open")
        .with_unit("{span}")
        .with_description("Recorded spans that have started and not ended")
        .with_callback(move |observer| observer.observe(open.open(), &[]))
        .build();
    meter
        .u64_observable_counter("chimera.telemetry.exporter.exported")
        .with_unit("{item}")
        .with_description("Spans, log records or collections of metrics that a backend took")
        .with_callback(each(exporters, |health| health.exported))
        .build();
    meter
        .u64_observable_counter("chimera.telemetry.exporter.dropped")
        .with_unit("{item}")
        .with_description(
            "Spans, log records or collections of metrics that were lost on the way to a backend",
        )
        .with_callback(each(exporters, |health| health.dropped))
        .build();
    meter
        .u64_observable_gauge("chimera.telemetry.exporter.queued")
        .with_unit("{item}")
        .with_description("Spans, log records or collections of metrics that wait for a backend")
        .with_callback(each(exporters, |health| health.queued))
        .build();
    meter
        .u64_observable_gauge("chimera.telemetry.exporter.failing")
        // As good as `1`, of which Prometheus would make `_ratio` in the name.
        .with_unit("{exporter}")
        .with_description("1 while the last export failed, else 0; why says /readyz")
        .with_callback(each(exporters, |health| u64::from(health.is_failing)))
        .build();
}

/// How many messages a queue has, read when somebody asks.
pub(super) fn observe_queue(
    meter: &Meter,
    queue: KeyValue,
    read: impl Fn() -> Option<QueueDepth> + Send + Sync + 'static,
) {
    let callback = move |observer: &dyn AsyncInstrument<u64>| {
        let Some(depth) = read() else { return };
        let states = [
            ("ready", depth.ready),
            ("unsettled", depth.unsettled),
            ("delayed", depth.delayed),
            ("dead_letters", depth.dead_letters),
        ];
        for (state, count) in states {
            observer.observe(count, &[queue.clone(), KeyValue::new("state", state)]);
        }
    };
    meter
        .u64_observable_gauge("chimera.queue.messages")
        .with_unit("{message}")
        .with_description("Messages in a queue of the embedded bus, by state")
        .with_callback(callback)
        .build();
}

/// Observes what `read` finds in the state of each exporter.
fn each(
    exporters: &[Monitor],
    read: fn(&ExporterHealth) -> u64,
) -> impl Fn(&dyn AsyncInstrument<u64>) + Send + Sync + 'static + use<> {
    let exporters = exporters.to_vec();
    move |observer| {
        for health in exporters.iter().map(Monitor::snapshot) {
            let exporter = KeyValue::new("exporter", health.exporter);
            let signal = KeyValue::new("signal", health.signal);
            observer.observe(read(&health), &[exporter, signal]);
        }
    }
}
