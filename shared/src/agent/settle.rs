//! What is published and logged when a delivery has been worked on, before the bus may forget it.

use std::{error::Error, time::Duration};

use bytes::Bytes;
use chimera_bus::{
    Delivery, Exchange, Message, PublishError, QueueName, Routed, RoutingKey, headers::name,
};
use opentelemetry::KeyValue;
use tokio::time::{Instant, sleep};

use crate::{
    agent::{
        OnFailure, Worker,
        arrival::Arrival,
        messaging::{Failed, Messaging, unpublished},
        process::{Failure, Outcome},
        spans,
    },
    config::SettleSpans,
    deadline::now_ms,
    telemetry::{Span, keys, propagation},
};

/// A delivery that was worked on under `span`.
pub(crate) struct Settling<'a> {
    pub(crate) worker: &'a Worker,
    pub(crate) arrival: &'a Arrival,
    pub(crate) span: &'a Span,
    pub(crate) destination: &'a str,
}

impl Settling<'_> {
    /// Publishes what the outcome asks for, and acks once that is confirmed; else the delivery goes back to its queue.
    /// Returns what became of it, as `chimera.outcome` names it.
    pub(crate) async fn settle(&self, delivery: Delivery, outcome: Outcome) -> &'static str {
        let (done, published) = match outcome {
            Outcome::Handled(body) => ("ack", self.reply(&delivery, Ok(body)).await),
            Outcome::Expired(failure) => ("expired", self.expired(&delivery, &failure).await),
            Outcome::Retry(failure) => match self.retry_delay() {
                Some(delay) => ("retry", self.retry(&delivery, &failure, delay).await),
                None => ("dead_letter", self.dead_letter(&delivery, &failure).await),
            },
            Outcome::Dead(failure) if self.worker.failure == OnFailure::Drop => {
                ("drop", self.drop_message(&failure))
            }
            Outcome::Dead(failure) => ("dead_letter", self.dead_letter(&delivery, &failure).await),
        };
        let settled = match published {
            Ok(()) => {
                let all = self.worker.settle_spans == SettleSpans::All;
                let span = all.then(|| self.settle_span("ack", &delivery));
                let operation = self.operation("ack", span);
                let acked = delivery.ack();
                let failed = acked.as_ref().err();
                operation.end(failed.map(|error| ("ack", error as &dyn Error)));
                acked
            }
            Err(error) => {
                let error = format!("{:#}", anyhow::Error::new(error));
                tracing::warn!(
                    error,
                    "settling failed, the message goes back to its queue after a while"
                );
                // At once it would come again at once, and fail again for the same full disk.
                sleep(self.worker.limits.backoff.bound(self.arrival.attempt)).await;
                let operation = self.operation("nack", Some(self.settle_span("nack", &delivery)));
                // Its result is the bus's own business: a delivery that is no longer ours is given back anyway.
                let _ = delivery.requeue();
                operation.end(None);
                return "requeue";
            }
        };
        if let Err(error) = settled {
            tracing::warn!(%error, "the message was handled, and will be delivered again");
        }
        done
    }

    async fn expired(&self, delivery: &Delivery, failure: &Failure) -> Result<(), PublishError> {
        tracing::info!("{}", failure.message);
        self.reply(delivery, Err(failure)).await
    }

    /// How long the next attempt waits; `None` when its deadline would have passed by then.
    fn retry_delay(&self) -> Option<Duration> {
        let delay = self.worker.limits.backoff.after(self.arrival.attempt);
        let deadline = self.arrival.deadline;
        deadline
            .is_none_or(|deadline| delay <= deadline.remaining())
            .then_some(delay)
    }

    async fn retry(
        &self,
        delivery: &Delivery,
        failure: &Failure,
        delay: Duration,
    ) -> Result<(), PublishError> {
        tracing::warn!(
            error = failure.message,
            attempt = self.arrival.attempt,
            delay_ms = delay.as_secs_f64() * 1e3,
            "the handler failed, the message is retried"
        );
        let operation = self.operation("retry", Some(self.settle_span("retry", delivery)));
        let message = self.next_attempt(delivery.message(), delay);
        let kept = self.keep(message).await;
        operation.end(unpublished(&kept));
        kept
    }

    /// Publishes what must not be lost. A broker's queue may be deleted at any time: then the delivery stays what there is.
    async fn keep(&self, message: Message) -> Result<(), PublishError> {
        let routing_key = message.routing_key.clone();
        match self.worker.services.messaging.bus.publish(message).await? {
            Routed::ToQueue => Ok(()),
            Routed::Nowhere => Err(PublishError::Unroutable { routing_key }),
        }
    }

    /// The same message, for the next attempt: it keeps its trace parent, so that attempts stand side by side.
    fn next_attempt(&self, message: &Message, delay: Duration) -> Message {
        let mut next = self.republished(message, Exchange::DEFAULT);
        next.headers
            .set(name::ATTEMPT, u64::from(self.arrival.attempt) + 1);
        next.headers.set(
            name::PREVIOUS_ATTEMPT,
            propagation::format_traceparent(&self.span.scope().span_context()),
        );
        next.delay = Some(delay);
        next
    }

    /// News that could not be handled is of no use to anyone later.
    fn drop_message(&self, failure: &Failure) -> Result<(), PublishError> {
        tracing::error!(
            error = failure.message,
            error_type = failure.error_type,
            "the message is dropped"
        );
        Ok(())
    }

    async fn dead_letter(
        &self,
        delivery: &Delivery,
        failure: &Failure,
    ) -> Result<(), PublishError> {
        let span = self.settle_span("dead_letter", delivery);
        let operation = self.operation("dead_letter", Some(span));
        let mut letter = self.republished(delivery.message(), Exchange::DEAD_LETTERS);
        letter
            .headers
            .set(name::ATTEMPT, u64::from(self.arrival.attempt));
        letter.headers.set(
            name::PREVIOUS_ATTEMPT,
            propagation::format_traceparent(&self.span.scope().span_context()),
        );
        letter.headers.set(name::FAILED_AT, now_ms());
        self.describe(&mut letter, failure);
        let published = self.keep(letter).await;
        operation.end(unpublished(&published));
        if published.is_ok() {
            self.tell_dead(failure);
        }
        // A request lives in memory and in its asker's patience: whoever asked is told, though the letter was not kept.
        let told = self.reply(delivery, Err(failure)).await;
        let is_request = delivery.message().properties.reply_to.is_some();
        match published {
            Err(error) if !is_request || told.is_err() => Err(error),
            _ => told,
        }
    }

    /// A message that no handler could take is its sender's mistake; one that a handler failed at is ours.
    fn tell_dead(&self, failure: &Failure) {
        let (error, attempt) = (&failure.message, self.arrival.attempt);
        match failure.error_type {
            error_type @ ("undecodable" | "unroutable") => {
                tracing::warn!(%error, error_type, attempt, "the message cannot be read, and is dead-lettered");
            }
            error_type => {
                tracing::error!(%error, error_type, attempt, "the message is dead-lettered");
            }
        }
    }

    /// The message on its way to this agent's queue again, or to its dead letters, without what brokers added.
    fn republished(&self, message: &Message, exchange: Exchange) -> Message {
        let mut again = message.clone();
        again.exchange = exchange;
        again.routing_key = RoutingKey::from(&self.worker.queue);
        again
            .headers
            .retain(|name| !name.starts_with("x-death") && !name.starts_with("x-first-death"));
        again.headers.remove(name::READY_AT);
        again.headers.set(
            name::ORIGINAL_ROUTING_KEY,
            self.arrival.routing_key.as_str(),
        );
        self.keep_in_one_trace(&mut again);
        again
    }

    /// A message whose sender named no span gets this attempt's, under which all that come of it stand: else each attempt
    /// would begin a trace. Where telemetry is off there is none to name, and the message stays as it came.
    fn keep_in_one_trace(&self, message: &mut Message) {
        let own = self.span.scope();
        if !self.arrival.creation().is_valid() && own.span_context().is_valid() {
            let propagator = self.worker.services.messaging.telemetry.propagator();
            propagator.inject_message(own.context(), message);
        }
    }

    fn describe(&self, message: &mut Message, failure: &Failure) {
        message.headers.set(name::ERROR_TYPE, failure.error_type);
        message
            .headers
            .set(name::ERROR_MESSAGE, failure.message.as_str());
        message.headers.set(
            name::FAILED_AGENT,
            self.worker.services.messaging.service.as_str(),
        );
    }

    /// Sends the reply that the sender waits for, if it does.
    async fn reply(
        &self,
        delivery: &Delivery,
        result: Result<Bytes, &Failure>,
    ) -> Result<(), PublishError> {
        let request = &delivery.message().properties;
        let Some(queue) = request
            .reply_to
            .as_deref()
            .and_then(|name| QueueName::new(name).ok())
        else {
            return Ok(());
        };
        let services = &self.worker.services;
        let mut reply =
            Message::to_queue(&queue, result.as_ref().cloned().unwrap_or_default()).transient();
        services.messaging.sign(&mut reply);
        reply
            .properties
            .correlation_id
            .clone_from(&request.correlation_id);
        if let Err(failure) = result {
            self.describe(&mut reply, failure);
        }
        let answered = services.messaging.answer(self.span.scope(), reply);
        answered.await.map(|_| ())
    }

    /// An operation called `name`, which begins, in `span` where it has one.
    fn operation(&self, name: &'static str, span: Option<Span>) -> Operation<'_> {
        Operation {
            messaging: &self.worker.services.messaging,
            destination: self.destination,
            name,
            span,
            started: Instant::now(),
        }
    }

    fn settle_span(&self, operation: &'static str, delivery: &Delivery) -> Span {
        let services = &self.worker.services;
        let is_made_up = self.worker.label == spans::TEMPORARY;
        let made_up = is_made_up.then_some(true);
        self.span.scope().start_with(|| {
            spans::settle(
                operation,
                &services.messaging.broker,
                self.destination,
                delivery,
            )
            .with(KeyValue::new(
                keys::MESSAGING_RABBITMQ_DESTINATION_ROUTING_KEY,
                self.arrival.routing_key.clone(),
            ))
            .with_some(keys::MESSAGING_DESTINATION_ANONYMOUS, made_up)
            .with_some(keys::MESSAGING_DESTINATION_TEMPORARY, made_up)
            .with(KeyValue::new(
                keys::CHIMERA_ATTEMPT,
                i64::from(self.arrival.attempt),
            ))
        })
    }
}

/// A settlement under way, or what is published in its place.
struct Operation<'a> {
    messaging: &'a Messaging,
    destination: &'a str,
    name: &'static str,
    span: Option<Span>,
    started: Instant,
}

impl Operation<'_> {
    /// Measures it, and ends its span.
    fn end(self, failed: Option<Failed<'_>>) {
        if let (Some(span), Some((error_type, error))) = (&self.span, failed) {
            span.fail_with_causes(error_type, error);
        }
        let mut call = (self.messaging).call(self.name, self.destination, self.started);
        call.error_type = failed.map(|(error_type, _)| error_type);
        call.span = self.span.as_ref();
        self.messaging.telemetry.metrics().settled(call);
    }
}
