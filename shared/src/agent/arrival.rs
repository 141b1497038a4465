//! What a delivery says about itself: attempt, deadline, queue wait, and the spans it comes from.

use chimera_bus::{Delivery, Message, headers::name};
use opentelemetry::{
    Context as OtelContext,
    trace::{SpanContext, TraceContextExt as _},
};

use crate::{
    deadline::{Deadline, now_ms},
    telemetry::{Correlation, Scope, Telemetry, propagation},
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
    /// How long it was ready in its queue, milliseconds.
    pub(crate) queue_wait_ms: f64,
    /// What it belongs to, or its own id where its sender did not say.
    pub(crate) correlation_id: Option<String>,
    /// The key it was first published with.
    pub(crate) routing_key: String,
}

impl Arrival {
    pub(crate) fn read(delivery: &Delivery) -> Self {
        let message = delivery.message();
        let headers = &message.headers;
        let republished = headers
            .get_u64(name::ATTEMPT)
            .and_then(|attempt| u32::try_from(attempt).ok())
            .unwrap_or(1);
        let ready_at = headers
            .get_u64(name::READY_AT)
            .or_else(|| headers.get_u64(name::FIRST_PUBLISHED));
        // Clocks of two hosts may differ; a wait is never negative.
        let queue_wait_ms = ready_at.map_or(0, |ready_at| now_ms().saturating_sub(ready_at));
        Self {
            parent: propagation::extract_message(message),
            previous_attempt: previous_attempt(message),
            attempt: republished
                .max(1)
                .saturating_add(delivery.deliveries().saturating_sub(1)),
            deadline: headers.get_u64(name::DEADLINE).map(Deadline::from_epoch_ms),
            queue_wait_ms: queue_wait_ms as f64,
            correlation_id: (message.properties.correlation_id.clone())
                .or_else(|| message.properties.message_id.clone()),
            routing_key: headers
                .get_str(name::ORIGINAL_ROUTING_KEY)
                .unwrap_or(message.routing_key.as_str())
                .to_owned(),
        }
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

fn previous_attempt(message: &Message) -> Option<SpanContext> {
    propagation::parse_traceparent(message.headers.get_str(name::PREVIOUS_ATTEMPT)?)
}
