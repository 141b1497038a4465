//! What is done to every span when it ends, before anybody sees it.

use std::sync::Arc;

use opentelemetry::{Array, KeyValue, StringValue, Value, trace::Status};
use opentelemetry_sdk::trace::SpanData;

use super::{keys, late_log::LateLog, redact, slow::SlowSpans};
use crate::config::TelemetryConfig;

/// What is done to a span.
#[derive(Debug, Default)]
pub(super) struct Finish {
    slow: Option<SlowSpans>,
    /// In characters; `None` is no limit.
    pub(super) max_value_length: Option<usize>,
}

impl Finish {
    pub(super) fn new(config: &TelemetryConfig, log: &Arc<LateLog>) -> Self {
        let length = config.limits.span_value_length();
        Self {
            slow: SlowSpans::new(&config.slow_spans, log),
            max_value_length: length.map(|length| usize::try_from(length).unwrap_or(usize::MAX)),
        }
    }

    /// Marks `span` if it was slow, redacts it and cuts it. In this order: a secret that was cut is not known as one any more.
    pub(super) fn finish(&self, span: &mut SpanData) {
        if let Some(slow) = &self.slow {
            slow.mark(span);
        }
        name_failure(span);
        drop_nameless(span);
        keep_last(&mut span.attributes);
        redact::span(span);
        if let Some(length) = self.max_value_length {
            cut(&mut span.attributes, length);
            for event in &mut span.events.events {
                cut(&mut event.attributes, length);
            }
            for link in &mut span.links.links {
                cut(&mut link.attributes, length);
            }
        }
    }
}

/// What failed has a type, by the conventions: `_OTHER` where nobody named one, as for the `tracing` macros.
///
/// Source: <https://opentelemetry.io/docs/specs/semconv/general/recording-errors/>.
fn name_failure(span: &mut SpanData) {
    let is_named = |attribute: &KeyValue| attribute.key.as_str() == keys::ERROR_TYPE;
    if matches!(span.status, Status::Error { .. }) && !span.attributes.iter().any(is_named) {
        span.attributes
            .push(KeyValue::new(keys::ERROR_TYPE, "_OTHER"));
    }
}

/// An attribute has a key that is not empty.
///
/// Source: <https://opentelemetry.io/docs/specs/otel/common/#attribute>.
fn drop_nameless(span: &mut SpanData) {
    let is_named = |attribute: &KeyValue| !attribute.key.as_str().is_empty();
    span.attributes.retain(is_named);
    for event in &mut span.events.events {
        event.attributes.retain(is_named);
    }
    for link in &mut span.links.links {
        link.attributes.retain(is_named);
    }
}

/// An attribute that was set again has its last value, and stands once; the SDK keeps them all.
///
/// Source: the specification's "Set Attributes" of a span.
fn keep_last(attributes: &mut Vec<KeyValue>) {
    // Keys seen, as 256 bits by length and last bytes: those that differ there need not be compared.
    let mut seen = [0_u64; 4];
    let mut at = 0;
    while at < attributes.len() {
        let key = attributes[at].key.as_str().as_bytes();
        let sum = key.iter().rev().take(8).fold(key.len(), |sum, byte| {
            sum.wrapping_mul(31).wrapping_add(usize::from(*byte))
        });
        let (word, bit) = (sum % 4, 1 << (sum / 4 % 64));
        let first = (seen[word] & bit != 0)
            .then(|| {
                let same = |other: &KeyValue| other.key == attributes[at].key;
                attributes[..at].iter().position(same)
            })
            .flatten();
        match first {
            Some(first) => attributes[first] = attributes.remove(at),
            None => {
                seen[word] |= bit;
                at += 1;
            }
        }
    }
}

/// Cuts texts to `length` characters.
pub(super) fn cut(attributes: &mut [KeyValue], length: usize) {
    for attribute in attributes {
        match &mut attribute.value {
            Value::String(value) => cut_text(value, length),
            Value::Array(Array::String(values)) => {
                values.iter_mut().for_each(|value| cut_text(value, length));
            }
            // What the SDK may add has no length.
            _ => {}
        }
    }
}

fn cut_text(value: &mut StringValue, length: usize) {
    let text = value.as_str();
    if text.len() > length
        && let Some((end, _)) = text.char_indices().nth(length)
    {
        *value = text[..end].to_owned().into();
    }
}

#[cfg(test)]
mod tests;
