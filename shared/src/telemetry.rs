//! Telemetry: a handle per service, without globals, so that several services in one process are several services in
//! the trace.

pub mod keys;
pub mod kinds;
pub mod propagation;
pub mod redact;

mod build;
mod call;
mod export;
mod finish;
mod late_log;
mod logs;
pub(crate) mod methods;
mod metrics;
mod panics;
mod pattern;
mod peer;
mod pipeline;
mod resource;
mod sampling;
mod siblings;
mod slow;
mod span;
mod tail;
mod tracer;
mod treatment;

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use tracing::Dispatch;

pub use opentelemetry::{KeyValue, trace::SpanKind};

pub use build::Setup;
pub use export::{ExporterHealth, TelemetryError};
pub use logs::LogBuffer;
pub use methods::MethodName;
pub use metrics::{
    DbCall, HttpExchange, InFlight, MessagingCall, Metrics, MetricsFormat, Place, Processed,
    QueueDepth,
};
pub use panics::log_panics;
pub use siblings::Siblings;
pub use span::{Scope, Span, SpanStart};

pub(crate) use peer::Peer;

use export::{Monitor, Queue};
use logs::Record;
use methods::Methods;
use pipeline::SpanCounts;
use propagation::Propagator;
use tracer::Tracer;

/// Whether spans and metrics are in this program at all.
pub const IS_BUILT: bool = cfg!(feature = "telemetry");

/// The telemetry of one service: its tracer, its metrics and its subscriber for the `tracing` macros. A cheap clone.
#[derive(Clone)]
pub struct Telemetry(Arc<Inner>);

struct Inner {
    service: String,
    /// Without one, telemetry is off.
    tracing: Option<Tracing>,
    counts: Arc<SpanCounts>,
    dispatch: Dispatch,
    metrics: Metrics,
    memory: Option<InMemorySpanExporter>,
    exporters: Vec<Monitor>,
    /// Where log records go.
    records: Option<Arc<Queue<Record>>>,
    propagator: Propagator,
    methods: Methods,
}

struct Tracing {
    tracer: Tracer,
    provider: SdkTracerProvider,
}

/// The id of the conversation that a message belongs to, kept in the OpenTelemetry context so that log lines carry it.
///
/// Whoever handles a message puts it there: `scope.with_value(Correlation(id))`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correlation(pub String);

impl Telemetry {
    /// The service's name.
    pub fn service(&self) -> &str {
        &self.0.service
    }

    /// A scope without a parent: its next span starts a trace.
    pub fn root(&self) -> Scope {
        Scope::new(self.clone(), opentelemetry::Context::new())
    }

    /// The subscriber that gives the `tracing` macros this service's name.
    pub fn dispatch(&self) -> &Dispatch {
        &self.0.dispatch
    }

    /// What reads and writes contexts for the service. It works where telemetry is off too.
    pub fn propagator(&self) -> &Propagator {
        &self.0.propagator
    }

    /// What spans and metrics of the service call `method`, as it is written in a request.
    pub fn method_name(&self, method: &str) -> MethodName {
        self.0.methods.name(method)
    }

    /// The service's metrics.
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// The service's metrics as a page for those who fetch them.
    pub fn metrics_page(&self, format: MetricsFormat) -> String {
        self.0.metrics.page(format)
    }

    /// The service's metrics in the text format of Prometheus.
    pub fn prometheus(&self) -> String {
        self.0.metrics.prometheus()
    }

    /// Whether spans are made at all.
    pub fn is_on(&self) -> bool {
        self.0.tracing.is_some()
    }

    /// How many recorded spans have started and not ended yet; none when all work is done.
    pub fn open_spans(&self) -> u64 {
        self.0.counts.open()
    }

    /// Where the `memory` exporter keeps its spans, when there is one.
    pub fn memory(&self) -> Option<&InMemorySpanExporter> {
        self.0.memory.as_ref()
    }

    /// How each exporter that can fail fares.
    pub fn exporters(&self) -> Vec<ExporterHealth> {
        self.0.exporters.iter().map(Monitor::snapshot).collect()
    }

    /// Exports what there is by now: spans that ended, metrics, log records. It blocks, at most as long as exports may take.
    pub fn flush(&self) {
        if let Some(tracing) = &self.0.tracing {
            let _ = tracing.provider.force_flush();
        }
        self.0.metrics.flush();
        if let Some(records) = &self.0.records {
            let _ = records.flush();
        }
    }

    /// Exports what is left, within `limit`. What could not be exported by then is dropped and counted.
    ///
    /// Spans that are still open then are lost. It blocks: call it where that is allowed.
    pub fn shutdown(&self, limit: Duration) {
        let end = Instant::now() + limit;
        let left = || end.saturating_duration_since(Instant::now());
        // All at once, so that one that does not answer leaves the others the whole time.
        self.0.exporters.iter().for_each(Monitor::hurry);
        if let Some(tracing) = &self.0.tracing {
            let _ = tracing.provider.shutdown_with_timeout(limit);
        }
        self.0.metrics.shutdown(left());
        // Last, for it takes what the others say about their end.
        if let Some(records) = &self.0.records {
            let _ = records.finish(left());
        }
    }

    fn tracer(&self) -> Option<&Tracer> {
        match IS_BUILT {
            true => self.0.tracing.as_ref().map(|tracing| &tracing.tracer),
            false => None,
        }
    }
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telemetry")
            .field("service", &self.0.service)
            .finish_non_exhaustive()
    }
}

/// The examples of the page about instrumentation are run with those of this documentation.
#[cfg(doctest)]
#[doc = include_str!("../../docs/instrumentation.md")]
struct Instrumentation;

#[cfg(test)]
mod tests;
