//! Telemetry: a handle per service, without globals, so that several services in one process are several services in
//! the trace.

pub mod keys;
pub mod propagation;
pub mod redact;

mod export;
mod logs;
mod pipeline;
mod span;
mod tracer;

use std::{fmt, sync::Arc, time::Duration};

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::{
    Resource,
    trace::{InMemorySpanExporter, SdkTracerProvider, SpanProcessor},
};
use tracing::Dispatch;

pub use opentelemetry::{KeyValue, trace::SpanKind};

pub use logs::{LogBuffer, LogFormat, LogOutput, LogSettings};
pub use span::{Scope, Span, SpanStart};

use export::Memory;
use pipeline::{Pipeline, SpanCounts};
use tracer::Tracer;

/// The telemetry of one service: its tracer, its metrics and its subscriber for the `tracing` macros. A cheap clone.
#[derive(Clone)]
pub struct Telemetry(Arc<Inner>);

struct Inner {
    service: String,
    /// Without one, telemetry is off.
    tracing: Option<Tracing>,
    counts: Arc<SpanCounts>,
    dispatch: Dispatch,
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
    /// Telemetry of `service` whose spans go to `processors`. It logs nothing.
    pub fn new(service: &str, processors: Vec<Box<dyn SpanProcessor>>) -> Self {
        Self::assemble(service, processors, None)
    }

    /// Telemetry of `service` that keeps its spans in memory, also beyond its own end.
    pub fn for_test(service: &str) -> (Self, InMemorySpanExporter) {
        Self::in_memory(service, None)
    }

    /// The same, with log lines.
    ///
    /// # Panics
    /// When the filter of `logs` is not valid.
    pub fn for_test_with_logs(service: &str, logs: &LogSettings) -> (Self, InMemorySpanExporter) {
        Self::in_memory(service, Some(logs))
    }

    fn in_memory(service: &str, logs: Option<&LogSettings>) -> (Self, InMemorySpanExporter) {
        let exporter = InMemorySpanExporter::default();
        let memory = Memory::new(exporter.clone());
        (
            Self::assemble(service, vec![Box::new(memory)], logs),
            exporter,
        )
    }

    /// Telemetry of `service` that is off: no spans, no lines; contexts that come in are passed on.
    pub fn off(service: &str) -> Self {
        Self(Arc::new(Inner {
            service: service.to_owned(),
            tracing: None,
            counts: Arc::default(),
            dispatch: Dispatch::none(),
        }))
    }

    fn assemble(
        service: &str,
        sinks: Vec<Box<dyn SpanProcessor>>,
        logs: Option<&LogSettings>,
    ) -> Self {
        let resource = Resource::builder()
            .with_attribute(KeyValue::new("service.name", service.to_owned()))
            .build();
        let counts = Arc::<SpanCounts>::default();
        let provider = SdkTracerProvider::builder()
            .with_resource(resource)
            .with_span_processor(Pipeline {
                sinks,
                counts: Arc::clone(&counts),
            })
            .build();
        let tracer = Tracer(provider.tracer("chimera"));
        let dispatch = logs::dispatch(service, Some(tracer.clone()), logs)
            .expect("the filter was checked when it was read");
        Self(Arc::new(Inner {
            service: service.to_owned(),
            tracing: Some(Tracing { tracer, provider }),
            counts,
            dispatch,
        }))
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

    /// Whether spans are made at all.
    pub fn is_on(&self) -> bool {
        self.0.tracing.is_some()
    }

    /// How many recorded spans have started and not ended yet; none when all work is done.
    pub fn open_spans(&self) -> u64 {
        self.0.counts.open()
    }

    /// Exports what is left, within `limit`. What could not be exported by then is dropped and counted.
    ///
    /// Spans that are still open then are lost. It blocks: call it where that is allowed.
    pub fn shutdown(&self, limit: Duration) {
        if let Some(tracing) = &self.0.tracing {
            let _ = tracing.provider.shutdown_with_timeout(limit);
        }
    }

    fn tracer(&self) -> Option<&Tracer> {
        self.0.tracing.as_ref().map(|tracing| &tracing.tracer)
    }
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telemetry")
            .field("service", &self.0.service)
            .finish_non_exhaustive()
    }
}
