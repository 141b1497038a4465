//! Traces on standard error, for people: a tree of what a service did, when its part of a trace is over.

mod metrics;
mod tree;

use std::{
    collections::{HashMap, HashSet},
    io::{self, Write as _},
    time::Duration,
};

use anstream::{AutoStream, ColorChoice};
use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_sdk::{Resource, trace::SpanData};
use tokio::time::Instant;

pub(super) use metrics::MetricLines;

use super::{
    failure::Failure,
    queue::{Export, Limits, Taken},
    retry::Patience,
};
use crate::telemetry::resource::service_name;

/// Spans that wait for the end of their root. Beyond it the oldest trace is shown as far as it is known.
const MAX_WAITING: usize = 10_000;

/// Spans whose root does not end, or ended before them, are shown when this long none came to their trace.
const PATIENCE: Duration = Duration::from_secs(60);

/// People wait for what they look at; and no more is held back than anywhere else.
pub(super) const LIMITS: Limits = Limits {
    queue: 8_192,
    batch: 512,
    delay: Duration::from_millis(100),
    timeout: Duration::from_secs(30),
};

/// Writes the tree of a local root when it has ended. There is one writer: the queue's thread.
pub(super) struct Console {
    service: String,
    traces: HashMap<TraceId, Waiting>,
    has_colours: bool,
    output: Box<dyn io::Write + Send>,
}

/// The spans of one trace that were not shown yet.
struct Waiting {
    spans: Vec<SpanData>,
    touched: Instant,
}

impl Console {
    /// A writer to standard error; colours only on a terminal that is to have them.
    pub(super) fn new() -> Self {
        let stderr = io::stderr();
        let choice = AutoStream::choice(&stderr);
        Self {
            service: String::new(),
            traces: HashMap::new(),
            has_colours: choice != ColorChoice::Never,
            output: Box::new(stderr),
        }
    }

    /// A writer to `output`, without colours.
    #[cfg(test)]
    pub(super) fn to(output: Box<dyn io::Write + Send>) -> Self {
        Self {
            has_colours: false,
            output,
            ..Self::new()
        }
    }

    fn take(&mut self, span: SpanData) {
        let (trace, id) = (span.span_context.trace_id(), span.span_context.span_id());
        let is_local_root = span.parent_span_id == SpanId::INVALID || span.parent_span_is_remote;
        let now = Instant::now();
        let waiting = self.traces.entry(trace).or_insert_with(|| Waiting {
            spans: Vec::new(),
            touched: now,
        });
        waiting.touched = now;
        waiting.spans.push(span);
        if is_local_root {
            let part = waiting.below(id);
            if waiting.spans.is_empty() {
                self.traces.remove(&trace);
            }
            self.show(&part);
        }
    }

    fn show(&mut self, spans: &[SpanData]) {
        let text = tree::draw(&self.service, spans, self.has_colours);
        // A console that is gone is no reason to fail.
        let _ = self.output.write_all(text.as_bytes());
    }

    /// Shows what has waited too long, and of what is too much the oldest.
    fn tidy(&mut self) {
        let now = Instant::now();
        let mut held: usize = self.traces.values().map(|trace| trace.spans.len()).sum();
        let mut by_age: Vec<_> = self
            .traces
            .iter()
            .map(|(id, trace)| (trace.touched, *id))
            .collect();
        by_age.sort_by_key(|(touched, _)| *touched);
        for (touched, id) in by_age {
            if held <= MAX_WAITING && now - touched < PATIENCE {
                return;
            }
            if let Some(trace) = self.traces.remove(&id) {
                held -= trace.spans.len();
                self.show(&trace.spans);
            }
        }
    }
}

impl Waiting {
    /// Takes out the span `root` and all that is below it.
    fn below(&mut self, root: SpanId) -> Vec<SpanData> {
        let mut known = HashSet::from([root]);
        loop {
            let before = known.len();
            let children = self
                .spans
                .iter()
                .filter(|span| known.contains(&span.parent_span_id));
            let children: Vec<_> = children.map(|span| span.span_context.span_id()).collect();
            known.extend(children);
            if known.len() == before {
                break;
            }
        }
        let is_below = |span: &mut SpanData| known.contains(&span.span_context.span_id());
        self.spans.extract_if(.., is_below).collect()
    }
}

impl Export<SpanData> for Console {
    fn describe(&mut self, resource: &Resource) {
        self.service = service_name(resource);
    }

    async fn export(
        &mut self,
        batch: Vec<SpanData>,
        _patience: &Patience,
    ) -> Result<Taken, Failure> {
        for span in batch {
            self.take(span);
        }
        self.tidy();
        let _ = self.output.flush();
        Ok(Taken::default())
    }

    fn finish(&mut self) {
        let traces = std::mem::take(&mut self.traces);
        for trace in traces.into_values() {
            self.show(&trace.spans);
        }
        let _ = self.output.flush();
    }
}

#[cfg(test)]
mod tests;
