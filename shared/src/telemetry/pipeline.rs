//! The one way of a span from its end to the exporters: counted, finished once, then handed to each.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use opentelemetry::{
    Context as OtelContext,
    trace::{Span as _, SpanId},
};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{Span, SpanData, SpanProcessor},
};

use super::{finish::Finish, propagation::RANDOM, tail::Tail, tracer::with_flags};

/// How many recorded spans a service started and ended.
#[derive(Debug, Default)]
pub(super) struct SpanCounts {
    started: AtomicU64,
    ended: AtomicU64,
}

impl SpanCounts {
    pub(super) fn ended(&self) -> u64 {
        self.ended.load(Relaxed)
    }

    pub(super) fn open(&self) -> u64 {
        // Ended first: a span that starts in between must not make the difference negative.
        let ended = self.ended.load(Relaxed);
        self.started.load(Relaxed).saturating_sub(ended)
    }
}

/// The only processor that the SDK knows; it hands spans to `sinks` in their order.
#[derive(Debug)]
pub(super) struct Pipeline {
    pub(super) sinks: Vec<Box<dyn SpanProcessor>>,
    pub(super) counts: Arc<SpanCounts>,
    pub(super) finish: Finish,
    /// Without one, only what the sampler chose is exported.
    pub(super) tail: Option<Tail>,
}

impl Pipeline {
    fn export(&self, span: SpanData) {
        if let Some((last, others)) = self.sinks.split_last() {
            for sink in others {
                sink.on_end(span.clone());
            }
            last.on_end(span);
        }
    }
}

impl SpanProcessor for Pipeline {
    fn on_start(&self, span: &mut Span, context: &OtelContext) {
        self.counts.started.fetch_add(1, Relaxed);
        if let Some(tail) = &self.tail
            && !span.span_context().is_sampled()
        {
            tail.started(span.span_context());
        }
        for sink in &self.sinks {
            sink.on_start(span, context);
        }
    }

    fn on_end(&self, mut span: SpanData) {
        self.counts.ended.fetch_add(1, Relaxed);
        if span.parent_span_id == SpanId::INVALID {
            span.span_context = with_flags(&span.span_context, RANDOM);
        }
        self.finish.finish(&mut span);
        match &self.tail {
            Some(tail) if !span.span_context.is_sampled() => {
                for span in tail.ended(span) {
                    self.export(span);
                }
            }
            Some(_) | None => self.export(span),
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        let results: Vec<_> = self.sinks.iter().map(|sink| sink.force_flush()).collect();
        results.into_iter().collect()
    }

    /// All sinks share `timeout`; one that uses it up leaves nothing to those after it, but all are asked.
    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        for span in self.tail.iter().flat_map(Tail::finish) {
            self.export(span);
        }
        let end = Instant::now() + timeout;
        let left = || end.saturating_duration_since(Instant::now());
        let sinks = self.sinks.iter();
        let results: Vec<_> = sinks
            .map(|sink| sink.shutdown_with_timeout(left()))
            .collect();
        results.into_iter().collect()
    }

    fn set_resource(&mut self, resource: &Resource) {
        for sink in &mut self.sinks {
            sink.set_resource(resource);
        }
    }
}
