//! Spans kept in the memory of the process, for tests.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use opentelemetry::Context as OtelContext;
use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{InMemorySpanExporter, SimpleSpanProcessor, Span, SpanData, SpanProcessor},
};

/// So many of the newest spans are kept at least. At twice as many the older ones are forgotten, so that a program that
/// runs for long does not fill the memory, and each span is moved once at most.
const NEWEST: usize = 10_000;

/// Keeps spans also beyond the end of telemetry, at which the SDK's exporter forgets them.
#[derive(Debug)]
pub(in crate::telemetry) struct Memory {
    processor: SimpleSpanProcessor<InMemorySpanExporter>,
    exporter: InMemorySpanExporter,
    /// How many there are, at most: whoever reads them may have them forgotten.
    count: Mutex<usize>,
}

impl Memory {
    pub(in crate::telemetry) fn new(exporter: InMemorySpanExporter) -> Self {
        Self {
            processor: SimpleSpanProcessor::new(exporter.clone()),
            exporter,
            count: Mutex::default(),
        }
    }

    /// Forgets all but the newest; says how many those are.
    fn forget(&self) -> usize {
        let mut spans = self.exporter.get_finished_spans().unwrap_or_default();
        self.exporter.reset();
        let newest = spans.split_off(spans.len().saturating_sub(NEWEST));
        let count = newest.len();
        for span in newest {
            self.processor.on_end(span);
        }
        count
    }
}

impl SpanProcessor for Memory {
    fn on_start(&self, _span: &mut Span, _context: &OtelContext) {}

    fn on_end(&self, span: SpanData) {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        if *count >= 2 * NEWEST {
            *count = self.forget();
        }
        *count += 1;
        self.processor.on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::SpanKind;

    use super::*;
    use crate::telemetry::{SpanStart, Telemetry};

    #[test]
    fn the_newest_spans_are_kept() {
        let (telemetry, spans) = Telemetry::for_test("svc");
        for number in 0..2 * NEWEST + 5 {
            let start = SpanStart::new(SpanKind::Internal, number.to_string());
            drop(telemetry.root().start(start));
        }
        let names: Vec<_> = spans.get_finished_spans().unwrap();
        let names: Vec<_> = names.into_iter().map(|span| span.name).collect();
        let expected: Vec<_> = (NEWEST..2 * NEWEST + 5)
            .map(|number| number.to_string())
            .collect();
        assert_eq!(names, expected);
    }
}
