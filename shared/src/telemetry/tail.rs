//! Traces that are kept although the sampler did not choose them, because something failed in them or because they were slow.
//!
//! What is decided about is the part of a trace that runs in one service: from its first span there until none is open any
//! more. Until then its spans are kept here, in bounded memory; then they are exported or dropped, all of them. A service
//! knows nothing of what the trace did elsewhere, nor what it will do here later: other services decide for themselves,
//! and what ended here before the failure is gone. Once a trace was kept, its later parts are kept too.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use opentelemetry::trace::{SpanContext, Status, TraceFlags, TraceId};
use opentelemetry_sdk::trace::SpanData;

use super::{late_log::LateLog, tracer::with_flags};
use crate::config::TelemetryConfig;

/// Traces that are remembered as kept.
const MAX_KEPT: usize = 256;

/// What a trace takes without its spans.
const TRACE_BYTES: usize = 256;

/// The spans of traces about which nothing is decided yet.
#[derive(Debug)]
pub(super) struct Tail {
    keep_errors: bool,
    keep_slower_than: Option<Duration>,
    max_bytes: usize,
    undecided: Mutex<Undecided>,
    log: Arc<LateLog>,
}

#[derive(Debug, Default)]
struct Undecided {
    parts: HashMap<TraceId, Part>,
    /// The same, by age.
    ages: BTreeMap<u64, TraceId>,
    next_age: u64,
    bytes: usize,
    kept: VecDeque<TraceId>,
    was_full: bool,
}

/// The part of one trace that ran here so far.
#[derive(Debug)]
struct Part {
    age: u64,
    open_spans: usize,
    spans: Vec<SpanData>,
    bytes: usize,
    has_failed: bool,
    start: SystemTime,
    end: SystemTime,
}

impl Tail {
    /// `None` when nothing is kept beside what the sampler chose.
    pub(super) fn new(config: &TelemetryConfig, log: &Arc<LateLog>) -> Option<Self> {
        let is_on = config.keep_errors || config.keep_slower_than.is_some();
        is_on.then(|| Self {
            keep_errors: config.keep_errors,
            keep_slower_than: config.keep_slower_than,
            max_bytes: usize::try_from(config.keep_memory.as_u64()).unwrap_or(usize::MAX),
            undecided: Mutex::default(),
            log: Arc::clone(log),
        })
    }

    /// A span that the sampler did not choose starts.
    pub(super) fn started(&self, span: &SpanContext) {
        let mut undecided = self.lock();
        undecided.part(span.trace_id()).open_spans += 1;
    }

    /// A span that the sampler did not choose has ended: returns what is to be exported now.
    pub(super) fn ended(&self, span: SpanData) -> Vec<SpanData> {
        let mut undecided = self.lock();
        let kept = undecided.add(span).map_or_else(Vec::new, |(trace, part)| {
            if self.is_worth_keeping(&part) {
                undecided.remember(trace);
            }
            match undecided.kept.contains(&trace) {
                true => part.spans,
                false => Vec::new(),
            }
        });
        let is_first_time = undecided.shrink(self.max_bytes);
        drop(undecided);
        if is_first_time {
            self.log.say(|| {
                tracing::warn!(
                    "spans that wait for the end of their traces take all of telemetry.keep_memory; \
                     the oldest traces are given up, also failed and slow ones"
                );
            });
        }
        kept.into_iter().map(sampled).collect()
    }

    /// The service ends: what is worth keeping by now is to be exported, although spans of it are still open.
    pub(super) fn finish(&self) -> Vec<SpanData> {
        let Undecided { parts, kept, .. } = std::mem::take(&mut *self.lock());
        let parts = parts.into_iter();
        let worth = parts
            .filter(|(trace, part)| self.is_worth_keeping(part) || kept.contains(trace))
            .flat_map(|(_, part)| part.spans);
        worth.map(sampled).collect()
    }

    fn is_worth_keeping(&self, part: &Part) -> bool {
        let took = part.end.duration_since(part.start).unwrap_or_default();
        let is_slow = self.keep_slower_than.is_some_and(|limit| took >= limit);
        is_slow || (self.keep_errors && part.has_failed)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Undecided> {
        self.undecided
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Undecided {
    fn part(&mut self, trace: TraceId) -> &mut Part {
        self.parts.entry(trace).or_insert_with(|| {
            self.next_age += 1;
            self.ages.insert(self.next_age, trace);
            self.bytes += TRACE_BYTES;
            Part {
                age: self.next_age,
                open_spans: 0,
                spans: Vec::new(),
                bytes: TRACE_BYTES,
                has_failed: false,
                start: SystemTime::now(),
                end: SystemTime::UNIX_EPOCH,
            }
        })
    }

    /// Adds `span` to its part, and returns that when no span of it is open any more.
    fn add(&mut self, span: SpanData) -> Option<(TraceId, Part)> {
        let trace = span.span_context.trace_id();
        // Without a part, the trace was given up.
        let part = self.parts.get_mut(&trace)?;
        part.open_spans = part.open_spans.saturating_sub(1);
        part.has_failed |= matches!(span.status, Status::Error { .. });
        part.start = part.start.min(span.start_time);
        part.end = part.end.max(span.end_time);
        let bytes = bytes(&span);
        part.bytes += bytes;
        self.bytes += bytes;
        part.spans.push(span);
        if part.open_spans > 0 {
            return None;
        }
        Some((trace, self.remove(trace)?))
    }

    fn remove(&mut self, trace: TraceId) -> Option<Part> {
        let part = self.parts.remove(&trace)?;
        self.ages.remove(&part.age);
        self.bytes -= part.bytes;
        Some(part)
    }

    fn remember(&mut self, trace: TraceId) {
        if self.kept.contains(&trace) {
            return;
        }
        if self.kept.len() >= MAX_KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(trace);
    }

    /// Gives up the oldest traces until the rest fits; whether that never happened before.
    fn shrink(&mut self, max_bytes: usize) -> bool {
        let was_full = self.was_full;
        while self.bytes > max_bytes {
            let Some((_, trace)) = self.ages.first_key_value() else {
                break;
            };
            self.remove(*trace);
            self.was_full = true;
        }
        self.was_full && !was_full
    }
}

/// Exporters take what is sampled, and so this is now.
fn sampled(mut span: SpanData) -> SpanData {
    span.span_context = with_flags(&span.span_context, TraceFlags::SAMPLED);
    span
}

/// About what `span` takes in memory.
fn bytes(span: &SpanData) -> usize {
    let attributes = |attributes: &[opentelemetry::KeyValue]| {
        let values = attributes.iter().map(|attribute| match &attribute.value {
            opentelemetry::Value::String(text) => text.as_str().len(),
            opentelemetry::Value::Array(array) => array.to_string().len(),
            _ => 0,
        });
        size_of_val(attributes) + values.sum::<usize>()
    };
    let events = span.events.iter();
    let links = span.links.iter();
    size_of::<SpanData>()
        + span.name.len()
        + attributes(&span.attributes)
        + events
            .map(|event| event.name.len() + size_of_val(event) + attributes(&event.attributes))
            .sum::<usize>()
        + links
            .map(|link| size_of_val(link) + attributes(&link.attributes))
            .sum::<usize>()
}

#[cfg(test)]
mod tests;
