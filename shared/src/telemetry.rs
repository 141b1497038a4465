//! Telemetry: a handle per service, without globals, so that several services in one process are several services in
//! the trace.

pub mod keys;
pub mod kinds;
pub mod propagation;
pub mod redact;

mod call;
mod export;
mod finish;
mod late_log;
mod logs;
pub(crate) mod methods;
mod metrics;
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
    collections::BTreeMap,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use chimera_traces::Store;
use opentelemetry::{InstrumentationScope, trace::TracerProvider as _};
use opentelemetry_sdk::{
    Resource,
    trace::{InMemorySpanExporter, SdkTracerProvider, SpanProcessor},
};
use tracing::{Dispatch, dispatcher};

pub use opentelemetry::{KeyValue, trace::SpanKind};

pub use export::{ExporterHealth, TelemetryError};
pub use logs::LogBuffer;
pub use metrics::{
    DbCall, HttpExchange, InFlight, Metrics, MetricsFormat, Place, Processed, QueueDepth, Sent,
};
pub use siblings::Siblings;
pub use span::{Scope, Span, SpanStart};

pub(crate) use peer::Peer;

use crate::config::{self, LogConfig, TelemetryConfig};
use export::{Exports, Monitor, Queue};
use logs::{LogOutput, LogSettings, Record};
use metrics::Ways;
use pipeline::{Pipeline, SpanCounts};
use propagation::Propagator;
use tracer::Tracer;
use treatment::Treatment;

/// Whether spans and metrics are in this program at all.
const IS_BUILT: bool = cfg!(feature = "telemetry");

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

/// What the telemetry of a service is made of.
#[derive(Debug)]
pub struct Setup<'a> {
    /// Exporters, sampler, attributes.
    pub telemetry: &'a TelemetryConfig,
    /// Log lines.
    pub log: &'a LogConfig,
    /// The service's version, `service.version` in its traces.
    pub version: Option<&'a str>,
    /// The built-in store, which the `embedded` exporter needs.
    pub store: Option<Store>,
    /// The other services of the process.
    pub siblings: Siblings,
}

/// The tracing half of a [`Setup`], as values.
struct Parts {
    resource: Resource,
    treatment: Treatment,
    exports: Exports,
}

impl Telemetry {
    /// The telemetry of `service` as the configuration wants it; `telemetry.service_name` beats `service`.
    ///
    /// Where `telemetry.enabled` is false (`OTEL_SDK_DISABLED=true`), and in a program without the feature `telemetry`, there are log lines, contexts are passed on, and nothing else.
    ///
    /// # Errors
    /// When an exporter cannot be made. One whose backend is down can: it drops and counts spans until the backend is there.
    pub fn build(service: &str, setup: Setup<'_>) -> Result<Self, TelemetryError> {
        let config = setup.telemetry;
        let service = config.service_name.as_deref().unwrap_or(service);
        let logs = LogSettings {
            filter: setup.log.filter.build(),
            own: config.log_level.filter(),
            format: setup.log.format,
            output: LogOutput::Stderr,
        };
        let parts = if config.enabled && IS_BUILT {
            Some(Parts {
                resource: resource::describe(service, setup.version, &config.resource_attributes),
                treatment: Treatment::new(config),
                exports: Exports::open(config, setup.store, &setup.siblings)?,
            })
        } else {
            None
        };
        let telemetry =
            Self::assemble(service, parts, Some(logs)).with_formats(&config.propagators);
        if config.enabled && !IS_BUILT {
            dispatcher::with_default(telemetry.dispatch(), || {
                tracing::info!(
                    "no spans and no metrics are made: the program was built without the feature `telemetry`"
                );
            });
        }
        Ok(telemetry)
    }

    /// Telemetry of `service` whose spans go to `processors`. It logs nothing.
    pub fn new(service: &str, processors: Vec<Box<dyn SpanProcessor>>) -> Self {
        let exports = Exports {
            sinks: processors,
            ..Exports::default()
        };
        Self::assemble(service, Some(Parts::plain(service, exports)), None)
    }

    /// Telemetry of `service` that keeps its spans in memory, also beyond its own end.
    pub fn for_test(service: &str) -> (Self, InMemorySpanExporter) {
        Self::in_memory(service, None)
    }

    /// The same, with its log lines, as JSON, of level `info` and above.
    pub fn for_test_with_logs(service: &str) -> (Self, InMemorySpanExporter, LogBuffer) {
        let (logs, buffer) = LogSettings::in_memory();
        let (telemetry, spans) = Self::in_memory(service, Some(logs));
        (telemetry, spans, buffer)
    }

    fn in_memory(service: &str, logs: Option<LogSettings>) -> (Self, InMemorySpanExporter) {
        let (exports, exporter) = Exports::in_memory();
        let telemetry = Self::assemble(service, Some(Parts::plain(service, exports)), logs);
        (telemetry, exporter)
    }

    #[cfg(test)]
    fn with_exports_for_test(service: &str, exports: Exports) -> (Self, LogBuffer) {
        let (logs, buffer) = LogSettings::in_memory();
        let parts = Parts::plain(service, exports);
        (Self::assemble(service, Some(parts), Some(logs)), buffer)
    }

    /// Telemetry as `config` says, but with its spans and its log lines in memory.
    #[cfg(test)]
    fn with_config_for_test(config: &TelemetryConfig) -> (Self, InMemorySpanExporter, LogBuffer) {
        let (exports, exporter) = Exports::in_memory();
        let (telemetry, buffer) = Self::configured_for_test(config, exports);
        (telemetry, exporter, buffer)
    }

    /// Telemetry as `config` says, but with these `exports` and its log lines in memory.
    #[cfg(test)]
    fn configured_for_test(config: &TelemetryConfig, exports: Exports) -> (Self, LogBuffer) {
        let (logs, buffer) = LogSettings::in_memory();
        let parts = Parts {
            resource: resource::describe("svc", None, &config.resource_attributes),
            treatment: Treatment::new(config),
            exports,
        };
        (Self::assemble("svc", Some(parts), Some(logs)), buffer)
    }

    /// Telemetry of `service` that is off: no spans, no lines; contexts that come in are passed on.
    pub fn off(service: &str) -> Self {
        Self::assemble(service, None, None)
    }

    fn assemble(service: &str, parts: Option<Parts>, logs: Option<LogSettings>) -> Self {
        let counts = Arc::<SpanCounts>::default();
        let mut memory = None;
        let mut exporters = Vec::new();
        let mut metrics = Metrics::off();
        let mut late_log = None;
        let mut records = None;
        let tracing = parts.filter(|_| IS_BUILT).map(|parts| {
            let treatment = parts.treatment;
            late_log = Some(treatment.log);
            memory = parts.exports.memory;
            exporters = parts.exports.health;
            let ways = Ways {
                is_fetched: parts.exports.is_fetched,
                pushes: parts.exports.pushes,
                exemplars: parts.exports.exemplars,
            };
            metrics = Metrics::new(&parts.resource, &counts, &exporters, ways);
            records = parts.exports.logs;
            if let Some((queue, _)) = &records {
                queue.describe(&parts.resource);
            }
            let pipeline = Pipeline {
                sinks: parts.exports.sinks,
                counts: Arc::clone(&counts),
                finish: treatment.finish,
                tail: treatment.tail,
            };
            let provider = SdkTracerProvider::builder()
                .with_resource(parts.resource)
                .with_sampler(treatment.sampler)
                .with_span_limits(treatment.limits)
                .with_span_processor(pipeline)
                .build();
            let tracer = Tracer(provider.tracer_with_scope(scope()));
            Tracing { tracer, provider }
        });
        let tracer = tracing.as_ref().map(|tracing| tracing.tracer.clone());
        let dispatch = match (&tracer, &logs) {
            (None, None) => Dispatch::none(),
            _ => logs::dispatch(service, tracer, logs, records.clone()),
        };
        for exporter in &exporters {
            exporter.log_to(&dispatch);
        }
        if let Some(log) = late_log {
            log.log_to(&dispatch);
        }
        Self(Arc::new(Inner {
            service: service.to_owned(),
            tracing,
            counts,
            dispatch,
            metrics,
            memory,
            exporters,
            records: records.map(|(queue, _)| queue),
            propagator: Propagator::default(),
        }))
        .with_formats(&[
            config::Propagator::TraceContext,
            config::Propagator::Baggage,
        ])
    }

    /// The same with contexts read and written in `formats`, in place of W3C's.
    ///
    /// # Panics
    /// When it has been cloned already.
    #[must_use]
    pub fn with_formats(mut self, formats: &[config::Propagator]) -> Self {
        let inner = Arc::get_mut(&mut self.0).expect("it is changed before others have it");
        inner.propagator = Propagator::new(formats);
        inner.propagator.passes_on = inner.tracing.is_none();
        self
    }

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

/// What spans and metrics come from: Chimera's instrumentation.
fn scope() -> InstrumentationScope {
    InstrumentationScope::builder("chimera")
        .with_version(env!("CARGO_PKG_VERSION"))
        .with_schema_url(keys::SCHEMA_URL)
        .build()
}

impl Parts {
    /// Everything is recorded, and nothing is said beside what can be found out.
    fn plain(service: &str, exports: Exports) -> Self {
        Self {
            resource: resource::describe(service, None, &BTreeMap::new()),
            treatment: Treatment::default(),
            exports,
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
