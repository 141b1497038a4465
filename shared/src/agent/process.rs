//! One delivery, from its arrival to its settlement.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use bytes::Bytes;
use chimera_bus::{Delivery, RoutingKey};
use futures_util::FutureExt as _;
use opentelemetry::KeyValue;
use tokio::time::{Instant, timeout};

use crate::{
    Context, HandleError,
    agent::{OnFailure, Worker, arrival::Arrival, handler::Route, settle, spans::Process},
    deadline::Deadline,
    telemetry::{Processed, Span, keys, redact},
};

/// What is kept of an error's text: it travels in headers, logs and spans.
const MAX_MESSAGE_BYTES: usize = 2 * 1024;

/// How the work on a delivery ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The handler returned; this is the reply, if one is wanted.
    Handled(Bytes),
    /// The deadline passed before the work was done, or was begun.
    Expired(Failure),
    /// It failed and may go well later.
    Retry(Failure),
    /// It failed for good.
    Dead(Failure),
}

/// What went wrong, in the words of `x-error-type` and `x-error-message`.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error_type: &'static str,
    pub(crate) message: String,
}

/// Extracts the context, opens the span, decodes, handles under timeout and panic guard, classifies, and settles.
pub(crate) async fn process(worker: Arc<Worker>, delivery: Delivery) {
    let started = Instant::now();
    let telemetry = &worker.services.messaging.telemetry;
    let arrival = Arrival::read(&delivery, telemetry.propagator());
    let broker = &worker.services.messaging.broker;
    let metrics = telemetry.metrics();
    let _in_flight = telemetry.metrics().in_flight(&worker.label);
    let process = Process {
        broker: &worker.services.messaging.broker,
        delivery: &delivery,
        routing_key: &arrival.routing_key,
        queue: &worker.label,
        attempt: arrival.attempt,
        queue_wait_ms: arrival.queue_wait_ms,
        creation: arrival.creation(),
        previous_attempt: arrival.previous_attempt.clone(),
    };
    let destination = process.destination();
    metrics.consumed(broker.system, broker.address(), &destination);
    let span = arrival.scope(telemetry).into_span(|_| process.start());
    let outcome = worker.handle(&arrival, &span, &delivery).await;
    outcome.record(&span);
    let error_type = outcome.failure().map(|failure| failure.error_type);
    let settling = settle::Settling {
        worker: &worker,
        arrival: &arrival,
        span: &span,
        destination: &destination,
    };
    let outcome = span.scope().run(settling.settle(delivery, outcome)).await;
    span.set(KeyValue::new(keys::CHIMERA_OUTCOME, outcome));
    telemetry.metrics().processed(Processed {
        system: worker.services.messaging.broker.system,
        server: worker.services.messaging.broker.address(),
        queue: &worker.label,
        destination: &destination,
        outcome,
        error_type,
        duration: started.elapsed(),
        span: Some(&span),
    });
}

impl Outcome {
    /// Records what went wrong, once, and here: nobody above handles it.
    fn record(&self, span: &Span) {
        if let Some(failure) = self.failure() {
            span.fail(failure.error_type, &failure.message);
            if !matches!(self, Self::Expired(_)) {
                span.exception(failure.error_type, failure.message.clone());
            }
        }
    }

    fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Handled(_) => None,
            Self::Expired(failure) | Self::Retry(failure) | Self::Dead(failure) => Some(failure),
        }
    }

    fn expired(message: &str) -> Self {
        Self::Expired(Failure::new("expired", message))
    }

    fn dead(error_type: &'static str, message: &str) -> Self {
        Self::Dead(Failure::new(error_type, message))
    }
}

impl Failure {
    /// Its message is without credentials, for it leaves the process with the message, and cut to
    /// [`MAX_MESSAGE_BYTES`]: a panic or a decoder may quote a whole body.
    fn new(error_type: &'static str, message: &str) -> Self {
        let message = redact::text(message);
        let end = message.floor_char_boundary(MAX_MESSAGE_BYTES);
        let cut = if end < message.len() { "…" } else { "" };
        Self {
            error_type,
            message: format!("{}{cut}", &message[..end]),
        }
    }
}

/// How a handler ended.
enum Ended {
    Returned(Result<Bytes, HandleError>),
    Panicked(String),
    TookTooLong,
}

impl Worker {
    async fn handle(&self, arrival: &Arrival, span: &Span, delivery: &Delivery) -> Outcome {
        if arrival.is_late() {
            return Outcome::expired("the deadline passed before the work began");
        }
        let max = self.limits.max_attempts;
        if arrival.attempt > max {
            let message = format!(
                "attempt {} of at most {max}: those before were never settled",
                arrival.attempt
            );
            return Outcome::dead("delivery_limit", &message);
        }
        let Some(route) = self.route(&arrival.routing_key) else {
            let message = format!(
                "`{}` has no handler for `{}`",
                self.services.messaging.service, arrival.routing_key
            );
            return Outcome::dead("unroutable", &message);
        };
        self.classify(arrival, self.run(route, arrival, span, delivery).await)
    }

    fn route(&self, routing_key: &str) -> Option<&Route> {
        let key = RoutingKey::new(routing_key).ok()?;
        self.routes.iter().find(|route| route.key.matches(&key))
    }

    async fn run(
        &self,
        route: &Route,
        arrival: &Arrival,
        span: &Span,
        delivery: &Delivery,
    ) -> Ended {
        let message = Arc::new(delivery.message().clone());
        let body = message.body.clone();
        let attempts_left = self.limits.max_attempts.saturating_sub(arrival.attempt);
        let services = Arc::clone(&self.services);
        let context = Context::for_message(
            services,
            span.scope().clone(),
            message,
            arrival.deadline,
            attempts_left,
        );
        let limit = arrival
            .deadline
            .map_or(Duration::MAX, Deadline::remaining)
            .min(self.limits.handler_timeout);
        // The call itself is inside the guard: a handler may panic before its first await.
        let guarded = AssertUnwindSafe(async { route.call(context, body).await }).catch_unwind();
        match timeout(limit, span.scope().run(guarded)).await {
            Ok(Ok(returned)) => Ended::Returned(returned),
            Ok(Err(panic)) => Ended::Panicked(panic_message(&*panic)),
            Err(_) => Ended::TookTooLong,
        }
    }

    fn classify(&self, arrival: &Arrival, ended: Ended) -> Outcome {
        let error = match ended {
            Ended::Returned(Ok(reply)) => return Outcome::Handled(reply),
            Ended::Returned(Err(error)) => error,
            Ended::Panicked(message) => return Outcome::dead("panic", &message),
            Ended::TookTooLong if arrival.is_late() => {
                return Outcome::expired("the deadline passed before the work was done");
            }
            Ended::TookTooLong => {
                let limit = humantime::format_duration(self.limits.handler_timeout);
                HandleError::transient(anyhow::anyhow!("the handler took longer than {limit}"))
            }
        };
        let failure = Failure::new(error.error_type(), &error.to_string());
        let again = arrival.attempt < self.limits.max_attempts
            && self.failure == OnFailure::RetryThenDeadLetter;
        match error {
            HandleError::Transient(_) if again => Outcome::Retry(failure),
            _ => Outcome::Dead(failure),
        }
    }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!(
        "the handler panicked: {}",
        text.unwrap_or("without a message")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let failure = Failure::new("panic", &"ü".repeat(MAX_MESSAGE_BYTES));
        assert!(failure.message.len() <= MAX_MESSAGE_BYTES + "…".len());
        assert!(failure.message.ends_with("ü…"));
        assert_eq!(Failure::new("panic", "short").message, "short");
    }

    #[test]
    fn a_message_leaves_without_credentials() {
        let failure = Failure::new("refused", "asking http://ann:hush@host");
        assert_eq!(failure.message, "asking http://REDACTED:REDACTED@host");
    }
}
