//! How the telemetry of a service is put together.

use std::{collections::BTreeMap, sync::Arc};

use chimera_traces::Store;
use opentelemetry::{InstrumentationScope, trace::TracerProvider as _};
use opentelemetry_sdk::{
    Resource,
    trace::{InMemorySpanExporter, SdkTracerProvider, SpanProcessor},
};
use tracing::{Dispatch, dispatcher};

use super::{
    IS_BUILT, Inner, LogBuffer, Metrics, Siblings, Telemetry, TelemetryError, Tracing,
    export::{Exports, Monitor, Queue},
    keys,
    late_log::LateLog,
    logs::{self, LogOutput, LogSettings, Record, RecordLimits},
    methods::Methods,
    metrics::Ways,
    pipeline::{Pipeline, SpanCounts},
    propagation::Propagator,
    resource,
    tracer::{MacroTracer, Tracer},
    treatment::Treatment,
};
use crate::config::{self, LogConfig, TelemetryConfig};

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
        let telemetry = Self::assemble(service, parts, Some(logs))
            .with_formats(&config.propagators)
            .with_methods(&config.http_known_methods);
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
    pub(super) fn with_exports_for_test(service: &str, exports: Exports) -> (Self, LogBuffer) {
        let (logs, buffer) = LogSettings::in_memory();
        let parts = Parts::plain(service, exports);
        (Self::assemble(service, Some(parts), Some(logs)), buffer)
    }

    /// Telemetry as `config` says, but with its spans and its log lines in memory.
    #[cfg(test)]
    pub(super) fn with_config_for_test(
        config: &TelemetryConfig,
    ) -> (Self, InMemorySpanExporter, LogBuffer) {
        let (exports, exporter) = Exports::in_memory();
        let (telemetry, buffer) = Self::configured_for_test(config, exports);
        (telemetry, exporter, buffer)
    }

    /// Telemetry as `config` says, but with these `exports` and its log lines in memory.
    #[cfg(test)]
    pub(super) fn configured_for_test(
        config: &TelemetryConfig,
        exports: Exports,
    ) -> (Self, LogBuffer) {
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
        let parts = parts.filter(|_| IS_BUILT);
        let made = parts.map_or_else(Made::nothing, |parts| Made::of(parts, &counts));
        let tracer = made
            .tracing
            .as_ref()
            .map(|tracing| MacroTracer::new(tracing.tracer.clone(), made.value_length));
        let dispatch = match (&tracer, &logs) {
            (None, None) => Dispatch::none(),
            _ => logs::dispatch(service, tracer, logs, made.records.clone()),
        };
        for exporter in &made.exporters {
            exporter.log_to(&dispatch);
        }
        if let Some(log) = made.late_log {
            log.log_to(&dispatch);
        }
        Self(Arc::new(Inner {
            service: service.to_owned(),
            tracing: made.tracing,
            counts,
            dispatch,
            metrics: made.metrics,
            memory: made.memory,
            exporters: made.exporters,
            records: made.records.map(|(queue, _)| queue),
            propagator: Propagator::default(),
            methods: Methods::default(),
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

    /// The same, where `known` are the methods of HTTP that are told apart.
    fn with_methods(mut self, known: &[String]) -> Self {
        let inner = Arc::get_mut(&mut self.0).expect("it is changed before others have it");
        inner.methods = Methods::new(known);
        self
    }
}

/// What [`Parts`] become; nothing where telemetry is off.
struct Made {
    tracing: Option<Tracing>,
    metrics: Metrics,
    memory: Option<InMemorySpanExporter>,
    exporters: Vec<Monitor>,
    records: Option<(Arc<Queue<Record>>, RecordLimits)>,
    /// Knows the subscriber as soon as there is one.
    late_log: Option<Arc<LateLog>>,
    /// Characters of a text in a span, where a setting says so.
    value_length: Option<usize>,
}

impl Made {
    fn nothing() -> Self {
        Self {
            tracing: None,
            metrics: Metrics::off(),
            memory: None,
            exporters: Vec::new(),
            records: None,
            late_log: None,
            value_length: None,
        }
    }

    fn of(parts: Parts, counts: &Arc<SpanCounts>) -> Self {
        let Parts {
            resource,
            treatment,
            exports,
        } = parts;
        let ways = Ways {
            is_fetched: exports.is_fetched,
            pushes: exports.pushes,
            exemplars: exports.exemplars,
        };
        if let Some((queue, _)) = &exports.logs {
            queue.describe(&resource);
        }
        let late_log = Arc::clone(&treatment.log);
        Self {
            value_length: treatment.finish.max_value_length,
            metrics: Metrics::new(&resource, counts, &exports.health, ways),
            tracing: Some(tracing(resource, treatment, exports.sinks, counts)),
            memory: exports.memory,
            exporters: exports.health,
            records: exports.logs,
            late_log: Some(late_log),
        }
    }
}

fn tracing(
    resource: Resource,
    treatment: Treatment,
    sinks: Vec<Box<dyn SpanProcessor>>,
    counts: &Arc<SpanCounts>,
) -> Tracing {
    let pipeline = Pipeline {
        sinks,
        counts: Arc::clone(counts),
        finish: treatment.finish,
        tail: treatment.tail,
    };
    let provider = SdkTracerProvider::builder()
        .with_resource(resource)
        .with_sampler(treatment.sampler)
        .with_span_limits(treatment.limits)
        .with_span_processor(pipeline)
        .build();
    let tracer = Tracer(provider.tracer_with_scope(scope()));
    Tracing { tracer, provider }
}

/// What spans and metrics come from: Chimera's instrumentation.
pub(super) fn scope() -> InstrumentationScope {
    InstrumentationScope::builder("chimera")
        .with_version(env!("CARGO_PKG_VERSION"))
        .with_schema_url(keys::SCHEMA_URL)
        .build()
}
