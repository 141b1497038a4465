//! One delivery, from its arrival to its settlement.

use std::{panic::AssertUnwindSafe, sync::Arc};

use bytes::Bytes;
use chimera_bus::Delivery;
use futures_util::FutureExt as _;
use opentelemetry::KeyValue;
use tokio::time::{Instant, timeout};

use crate::{
    Context, HandleError,
    agent::{OnFailure, Worker, arrival::Arrival, settle, spans::Process},
    telemetry::{Processed, Span, keys},
};

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
    let arrival = Arrival::read(&delivery);
    let telemetry = &worker.services.telemetry;
    telemetry
        .metrics()
        .consumed(worker.services.bus_system, &worker.label);
    let _in_flight = telemetry.metrics().in_flight(&worker.label);
    let process = Process {
        system: worker.services.bus_system,
        delivery: &delivery,
        routing_key: &arrival.routing_key,
        queue: &worker.label,
        attempt: arrival.attempt,
        queue_wait_ms: arrival.queue_wait_ms,
        creation: arrival.creation(),
        previous_attempt: arrival.previous_attempt.clone(),
    };
    let destination = process.destination();
    let span = arrival.scope(telemetry).start(process.start());
    let outcome = worker.handle(&arrival, &span, &delivery).await;
    if let Some(failure) = outcome.failure() {
        span.fail(failure.error_type, &failure.message);
    }
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
        system: worker.services.bus_system,
        queue: &worker.label,
        outcome,
        error_type,
        duration: started.elapsed(),
    });
}

impl Outcome {
    fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Handled(_) => None,
            Self::Expired(failure) | Self::Retry(failure) | Self::Dead(failure) => Some(failure),
        }
    }

    fn expired(message: &str) -> Self {
        Self::Expired(Failure {
            error_type: "expired",
            message: message.to_owned(),
        })
    }
}

impl Worker {
    async fn handle(&self, arrival: &Arrival, span: &Span, delivery: &Delivery) -> Outcome {
        if arrival
            .deadline
            .is_some_and(|deadline| deadline.has_passed())
        {
            return Outcome::expired("the deadline passed before the work began");
        }
        if arrival.attempt > self.limits.max_attempts {
            let message = format!(
                "delivered {} times without being settled",
                delivery.deliveries()
            );
            return Outcome::Dead(Failure {
                error_type: "delivery_limit",
                message,
            });
        }
        let routing_key = chimera_bus::RoutingKey::new(arrival.routing_key.clone());
        let route = routing_key
            .ok()
            .and_then(|key| self.routes.iter().find(|route| route.key.matches(&key)));
        let Some(route) = route else {
            let message = format!(
                "`{}` has no handler for `{}`",
                self.services.agent, arrival.routing_key
            );
            return Outcome::Dead(Failure {
                error_type: "unroutable",
                message,
            });
        };
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
            .map_or(self.limits.handler_timeout, |deadline| {
                deadline.remaining().min(self.limits.handler_timeout)
            });
        // The call itself is inside the guard: a handler may panic before its first await.
        let guarded = AssertUnwindSafe(async { route.call(context, body).await }).catch_unwind();
        let result = timeout(limit, span.scope().run(guarded)).await;
        self.classify(
            arrival,
            result.map(|caught| caught.map_err(|panic| panic_message(&*panic))),
        )
    }

    fn classify(
        &self,
        arrival: &Arrival,
        result: Result<Result<Result<Bytes, HandleError>, String>, tokio::time::error::Elapsed>,
    ) -> Outcome {
        let error = match result {
            Ok(Ok(Ok(reply))) => return Outcome::Handled(reply),
            Ok(Ok(Err(error))) => error,
            Ok(Err(message)) => {
                return Outcome::Dead(Failure {
                    error_type: "panic",
                    message,
                });
            }
            Err(_)
                if arrival
                    .deadline
                    .is_some_and(|deadline| deadline.has_passed()) =>
            {
                return Outcome::expired("the deadline passed before the work was done");
            }
            Err(_) => HandleError::transient(anyhow::anyhow!(
                "the handler took longer than {}",
                humantime::format_duration(self.limits.handler_timeout)
            )),
        };
        let failure = Failure {
            error_type: error.error_type(),
            message: error.to_string(),
        };
        match error {
            HandleError::Transient(_)
                if arrival.attempt < self.limits.max_attempts
                    && self.failure == OnFailure::RetryThenDeadLetter =>
            {
                Outcome::Retry(failure)
            }
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
