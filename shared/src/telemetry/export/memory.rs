//! Spans kept in the memory of the process, for tests.

use std::time::Duration;

use opentelemetry::Context as OtelContext;
use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{InMemorySpanExporter, SimpleSpanProcessor, Span, SpanData, SpanProcessor},
};

/// Keeps spans also beyond the end of telemetry, at which the SDK's exporter forgets them.
#[derive(Debug)]
pub(in crate::telemetry) struct Memory(SimpleSpanProcessor<InMemorySpanExporter>);

impl Memory {
    pub(in crate::telemetry) fn new(exporter: InMemorySpanExporter) -> Self {
        Self(SimpleSpanProcessor::new(exporter))
    }
}

impl SpanProcessor for Memory {
    fn on_start(&self, _span: &mut Span, _context: &OtelContext) {}

    fn on_end(&self, span: SpanData) {
        self.0.on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}
