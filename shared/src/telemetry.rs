//! Telemetry: a handle per service, without globals, so that several services in one process are several services in
//! the trace.

pub mod keys;
pub mod propagation;

mod span;

use std::{fmt, sync::Arc, time::Duration};

use opentelemetry::{Context as OtelContext, KeyValue, trace::TracerProvider as _};
use opentelemetry_sdk::{
    Resource,
    trace::{InMemorySpanExporter, SdkTracer, SdkTracerProvider, SpanProcessor},
};
use tracing::Dispatch;

pub use span::{Scope, Span, SpanStart};

/// The telemetry of one service: its tracer, its metrics and its subscriber for the `tracing` macros. A cheap clone.
#[derive(Clone)]
pub struct Telemetry(Arc<Inner>);

struct Inner {
    service: String,
    tracer: SdkTracer,
    provider: SdkTracerProvider,
    dispatch: Dispatch,
}

impl Telemetry {
    /// Telemetry of `service` whose spans go to `processors`.
    pub fn new(service: &str, processors: Vec<Box<dyn SpanProcessor>>) -> Self {
        let resource = Resource::builder()
            .with_attribute(KeyValue::new("service.name", service.to_owned()))
            .build();
        let mut builder = SdkTracerProvider::builder().with_resource(resource);
        for processor in processors {
            builder = builder.with_span_processor(Boxed(processor));
        }
        let provider = builder.build();
        let tracer = provider.tracer("chimera");
        Self(Arc::new(Inner {
            service: service.to_owned(),
            tracer,
            provider,
            dispatch: Dispatch::none(),
        }))
    }

    /// Telemetry of `service` that keeps its spans in memory.
    pub fn for_test(service: &str) -> (Self, InMemorySpanExporter) {
        let exporter = InMemorySpanExporter::default();
        let processor = opentelemetry_sdk::trace::SimpleSpanProcessor::new(exporter.clone());
        (Self::new(service, vec![Box::new(processor)]), exporter)
    }

    /// The service's name.
    pub fn service(&self) -> &str {
        &self.0.service
    }

    /// A scope without a parent: its next span starts a trace.
    pub fn root(&self) -> Scope {
        Scope::new(self.clone(), OtelContext::new())
    }

    /// The subscriber that gives the `tracing` macros this service's name.
    pub fn dispatch(&self) -> &Dispatch {
        &self.0.dispatch
    }

    /// Exports what is left, within `limit`. What could not be exported by then is dropped and counted.
    pub fn shutdown(&self, limit: Duration) {
        let _ = self.0.provider.shutdown_with_timeout(limit);
    }

    pub(crate) fn tracer(&self) -> &SdkTracer {
        &self.0.tracer
    }
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telemetry")
            .field("service", &self.0.service)
            .finish_non_exhaustive()
    }
}

/// The provider's builder takes processors by type only.
#[derive(Debug)]
struct Boxed(Box<dyn SpanProcessor>);

impl SpanProcessor for Boxed {
    fn on_start(&self, span: &mut opentelemetry_sdk::trace::Span, cx: &OtelContext) {
        self.0.on_start(span, cx);
    }

    fn on_end(&self, span: opentelemetry_sdk::trace::SpanData) {
        self.0.on_end(span);
    }

    fn force_flush(&self) -> opentelemetry_sdk::error::OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> opentelemetry_sdk::error::OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }
}
