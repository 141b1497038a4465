//! What a delivery says about itself: attempt, deadline, queue wait, and the spans it comes from.

use chimera_bus::{Delivery, Message, headers::name};
use opentelemetry::{
    Context as OtelContext,
    trace::{SpanContext, TraceContextExt as _},
};

use crate::{
    deadline::{Deadline, now_us},
    telemetry::{
        Correlation, Scope, Telemetry,
        propagation::{self, Propagator},
    },
};

/// What a delivery says about itself, read once.
#[derive(Debug)]
pub(crate) struct Arrival {
    /// The sender's context: its span, its baggage.
    pub(crate) parent: OtelContext,
    /// The span that made the attempt before this one.
    pub(crate) previous_attempt: Option<SpanContext>,
    /// Which attempt this is, from 1. A delivery that a crash left unsettled counts.
    pub(crate) attempt: u32,
    pub(crate) deadline: Option<Deadline>,
    /// How long it was ready in its queue, milliseconds; `None` where nothing says since when.
    pub(crate) queue_wait_ms: Option<f64>,
    /// What it belongs to, or its own id where its sender did not say.
    pub(crate) correlation_id: Option<String>,
    /// The key it was first published with.
    pub(crate) routing_key: String,
}

impl Arrival {
    pub(crate) fn read(delivery: &Delivery, propagator: &Propagator) -> Self {
        let message = delivery.message();
        let headers = &message.headers;
        let republished = headers
            .get_u64(name::ATTEMPT)
            .and_then(|attempt| u32::try_from(attempt).ok())
            .unwrap_or(1);
        Self {
            parent: propagator.extract_message(message),
            previous_attempt: previous_attempt(message),
            attempt: republished
                .max(1)
                .saturating_add(delivery.deliveries().saturating_sub(1)),
            deadline: headers.get_u64(name::DEADLINE).map(Deadline::from_epoch_ms),
            queue_wait_ms: queue_wait_ms(message, now_us()),
            correlation_id: (message.properties.correlation_id.clone())
                .or_else(|| message.properties.message_id.clone()),
            routing_key: headers
                .get_str(name::ORIGINAL_ROUTING_KEY)
                .unwrap_or(message.routing_key.as_str())
                .to_owned(),
        }
    }

    /// Whether the deadline has passed.
    pub(crate) fn is_late(&self) -> bool {
        self.deadline.is_some_and(Deadline::has_passed)
    }

    /// Where the delivery's span is opened: under its sender's, with the correlation id for its log lines.
    pub(crate) fn scope(&self, telemetry: &Telemetry) -> Scope {
        let scope = Scope::new(telemetry.clone(), self.parent.clone());
        match &self.correlation_id {
            Some(id) => scope.with_value(Correlation(id.clone())),
            None => scope,
        }
    }

    /// The sender's span.
    pub(crate) fn creation(&self) -> SpanContext {
        self.parent.span().span_context().clone()
    }
}

/// How long `message` has been ready at `now_us` (microseconds since the Unix epoch), in milliseconds. A sender that does not
/// say when that was says when it published: to the millisecond, or as AMQP has it, to the second.
fn queue_wait_ms(message: &Message, now_us: u64) -> Option<f64> {
    let published_us = || {
        let published_ms = message.headers.get_u64(name::FIRST_PUBLISHED);
        published_ms.map(|ms| ms.saturating_mul(1_000))
    };
    let ready_us = message.headers.get_u64(name::READY_AT);
    let waited_us = match ready_us.or_else(published_us) {
        // Clocks of two hosts may differ; a wait is never negative.
        Some(ready_us) => now_us.saturating_sub(ready_us),
        // It was sent within that second. What is sure to have passed is the time since its end.
        None => {
            let end_s = message.properties.timestamp?.checked_add(1)?;
            now_us.checked_sub(end_s.checked_mul(1_000_000)?)?
        }
    };
    Some(waited_us as f64 / 1_000.0)
}

fn previous_attempt(message: &Message) -> Option<SpanContext> {
    propagation::parse_traceparent(message.headers.get_str(name::PREVIOUS_ATTEMPT)?)
}

#[cfg(test)]
mod tests {
    use chimera_bus::RoutingKey;

    use super::*;

    #[test]
    fn a_queue_wait_has_fractions_of_a_millisecond() {
        const NOW_US: u64 = 1_700_000_000_500_000;
        let check = |header: Option<(&str, u64)>, timestamp: Option<u64>, expected| {
            let mut message = Message::event(RoutingKey::from_static("a.b"), "{}");
            message.properties.timestamp = timestamp;
            if let Some((name, moment)) = header {
                message.headers.set(name, moment);
            }
            let found = queue_wait_ms(&message, NOW_US);
            assert_eq!(found, expected, "{header:?} {timestamp:?}");
        };
        let header = |name, moment, expected| check(Some((name, moment)), Some(1), Some(expected));
        header(name::READY_AT, NOW_US - 184, 0.184);
        header(name::READY_AT, NOW_US - 2_000_000, 2_000.0);
        header(name::READY_AT, NOW_US + 5, 0.0);
        header(name::READY_AT, 0, 1_700_000_000_500.0);
        header(name::FIRST_PUBLISHED, NOW_US / 1_000 - 3, 3.0);
        header(name::FIRST_PUBLISHED, u64::MAX, 0.0);
        let timestamp = |seconds, expected| check(None, Some(seconds), expected);
        timestamp(1_699_999_996, Some(3_500.0));
        timestamp(1_699_999_999, Some(500.0));
        // Less than its unit, and what is no time of the past.
        timestamp(1_700_000_000, None);
        timestamp(1_700_000_000_000, None);
        timestamp(u64::MAX, None);
        check(None, None, None);
    }
}
