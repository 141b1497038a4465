//! Spans that took too long, by thresholds for their names: marked, and logged.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use opentelemetry::{Context as OtelContext, KeyValue, trace::TraceContextExt as _};
use opentelemetry_sdk::trace::SpanData;

use super::{Correlation, keys, late_log::LateLog, pattern::Pattern};

/// At most one line for a name in this time: what is slow is often slow a thousand times.
const LINE_EVERY: Duration = Duration::from_secs(60);

/// Names that are remembered as said. Names should be few; whoever makes them up per span must not fill the memory.
const MAX_NAMES: usize = 1_024;

/// The thresholds of `telemetry.slow_spans`.
#[derive(Debug)]
pub(super) struct SlowSpans {
    /// The longest pattern, without its stars, first.
    thresholds: Vec<(Pattern, Duration)>,
    said: Mutex<HashMap<String, Instant>>,
    log: Arc<LateLog>,
}

impl SlowSpans {
    /// `None` when there are no thresholds.
    pub(super) fn new(thresholds: &BTreeMap<String, Duration>, log: &Arc<LateLog>) -> Option<Self> {
        let mut thresholds: Vec<_> = thresholds.iter().collect();
        thresholds.sort_by_key(|(pattern, _)| Reverse(pattern.replace('*', "").len()));
        let pattern =
            |(pattern, threshold): (&String, &Duration)| (Pattern::new(pattern), *threshold);
        let thresholds: Vec<_> = thresholds.into_iter().map(pattern).collect();
        (!thresholds.is_empty()).then(|| Self {
            thresholds,
            said: Mutex::default(),
            log: Arc::clone(log),
        })
    }

    /// Marks `span`, which has ended, if it was slow.
    pub(super) fn mark(&self, span: &mut SpanData) {
        let fits = |(pattern, _): &&(Pattern, Duration)| pattern.fits(&span.name);
        let Some((_, threshold)) = self.thresholds.iter().find(fits) else {
            return;
        };
        let took = span
            .end_time
            .duration_since(span.start_time)
            .unwrap_or_default();
        if took < *threshold {
            return;
        }
        let threshold_ms = threshold.as_secs_f64() * 1e3;
        span.attributes.extend([
            KeyValue::new(keys::CHIMERA_SLOW, true),
            KeyValue::new(keys::CHIMERA_SLOW_THRESHOLD_MS, threshold_ms),
        ]);
        if self.is_news(&span.name, Instant::now()) {
            self.say(span, took, *threshold);
        }
    }

    fn is_news(&self, name: &str, now: Instant) -> bool {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = said
            .get(name)
            .is_none_or(|last| now.duration_since(*last) >= LINE_EVERY);
        if is_news {
            if said.len() >= MAX_NAMES {
                said.clear();
            }
            said.insert(name.to_owned(), now);
        }
        is_news
    }

    /// In the span's own context, which is not the active one any more: the line has the ids of what was slow, and of the
    /// conversation that it belongs to.
    fn say(&self, span: &SpanData, took: Duration, threshold: Duration) {
        let mut context =
            OtelContext::current().with_remote_span_context(span.span_context.clone());
        let is_conversation =
            |one: &&KeyValue| one.key.as_str() == keys::MESSAGING_MESSAGE_CONVERSATION_ID;
        if let Some(conversation) = span.attributes.iter().find(is_conversation) {
            context = context.with_value(Correlation(conversation.value.as_str().into_owned()));
        }
        let _active = context.attach();
        let (name, took_ms) = (span.name.as_ref(), in_milliseconds(took));
        let threshold = humantime::format_duration(threshold);
        self.log.say(|| {
            tracing::warn!(
                span = name,
                took_ms,
                "`{name}` took {took_ms} ms, which is slow from {threshold} on (telemetry.slow_spans)"
            );
        });
    }
}

/// As a number that a log line can hold: one of 128 bits would be a text there.
fn in_milliseconds(took: Duration) -> u64 {
    took.as_millis().try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
