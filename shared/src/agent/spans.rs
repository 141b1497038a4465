//! The spans of messaging, by the semantic conventions for RabbitMQ.
//!
//! Source: <https://opentelemetry.io/docs/specs/semconv/messaging/rabbitmq/>.

use chimera_bus::{Delivery, Exchange, Message, headers::name};
use opentelemetry::{
    KeyValue,
    trace::{SpanContext, SpanKind},
};

use crate::{
    platform::{Broker, Way},
    telemetry::{SpanStart, keys},
};

/// What the conventions call a destination that is neither an exchange nor a routing key.
const DEFAULT_EXCHANGE: &str = "amq.default";

/// What stands for a destination whose name is made up at run time.
pub(crate) const TEMPORARY: &str = "(temporary)";

/// Where a message goes: `exchange:routing key`.
pub(crate) fn sent_to(message: &Message) -> String {
    destination(&message.exchange, message.routing_key.as_str())
}

/// An event being published.
pub(crate) fn publish(broker: &Broker, message: &Message) -> SpanStart {
    sending(
        SpanKind::Producer,
        "publish",
        broker,
        sent_to(message),
        message,
    )
}

/// A request that waits for its reply.
pub(crate) fn request(broker: &Broker, message: &Message) -> SpanStart {
    sending(
        SpanKind::Client,
        "request",
        broker,
        sent_to(message),
        message,
    )
}

/// A reply being sent, to a queue whose name says nothing to anyone.
pub(crate) fn reply(broker: &Broker, message: &Message) -> SpanStart {
    let destination = destination(&Exchange::DEFAULT, TEMPORARY);
    sending(SpanKind::Producer, "publish", broker, destination, message)
        .with(KeyValue::new(keys::MESSAGING_DESTINATION_ANONYMOUS, true))
        .with(KeyValue::new(keys::MESSAGING_DESTINATION_TEMPORARY, true))
}

/// A delivery being settled in another way than by an ack.
pub(crate) fn settle(
    operation: &'static str,
    broker: &Broker,
    destination: &str,
    delivery: &Delivery,
) -> SpanStart {
    let tag = i64::try_from(delivery.tag()).unwrap_or(i64::MAX);
    broker
        .describe(SpanStart::new(SpanKind::Client, operation), Way::In)
        .with(KeyValue::new(keys::MESSAGING_OPERATION_NAME, operation))
        .with(KeyValue::new(keys::MESSAGING_OPERATION_TYPE, "settle"))
        .with(KeyValue::new(
            keys::MESSAGING_DESTINATION_NAME,
            destination.to_owned(),
        ))
        .with(KeyValue::new(
            keys::MESSAGING_RABBITMQ_MESSAGE_DELIVERY_TAG,
            tag,
        ))
        .with_some(
            keys::MESSAGING_MESSAGE_ID,
            delivery.message().properties.message_id.clone(),
        )
        .with_some(
            keys::MESSAGING_MESSAGE_CONVERSATION_ID,
            delivery.message().properties.correlation_id.clone(),
        )
}

/// A delivery being handled: child of the sender's span, and linked to it.
pub(crate) struct Process<'a> {
    pub(crate) broker: &'a Broker,
    pub(crate) delivery: &'a Delivery,
    pub(crate) routing_key: &'a str,
    /// The queue's name, or what stands for one that was made up.
    pub(crate) queue: &'a str,
    pub(crate) attempt: u32,
    /// `None` where it is not known.
    pub(crate) queue_wait_ms: Option<f64>,
    pub(crate) creation: SpanContext,
    pub(crate) previous_attempt: Option<SpanContext>,
}

impl Process<'_> {
    /// `exchange:routing key:queue`. A retried message comes through the default exchange; what it was published to
    /// names the work better.
    pub(crate) fn destination(&self) -> String {
        let message = self.delivery.message();
        let original = message
            .headers
            .get(name::ORIGINAL_ROUTING_KEY)
            .map(|_| Exchange::EVENTS);
        let sent = destination(
            original.as_ref().unwrap_or(&message.exchange),
            self.routing_key,
        );
        if self.routing_key == self.queue {
            sent
        } else {
            format!("{sent}:{}", self.queue)
        }
    }

    pub(crate) fn start(self) -> SpanStart {
        let destination = self.destination();
        let made_up = (self.queue == TEMPORARY).then_some(true);
        let tag = i64::try_from(self.delivery.tag()).unwrap_or(i64::MAX);
        let start = SpanStart::new(SpanKind::Consumer, format!("process {destination}"))
            .with(KeyValue::new(keys::MESSAGING_OPERATION_NAME, "process"))
            .with(KeyValue::new(keys::MESSAGING_OPERATION_TYPE, "process"))
            .with(KeyValue::new(keys::MESSAGING_DESTINATION_NAME, destination))
            .with(KeyValue::new(
                keys::MESSAGING_RABBITMQ_MESSAGE_DELIVERY_TAG,
                tag,
            ))
            .with(KeyValue::new(
                keys::CHIMERA_ATTEMPT,
                i64::from(self.attempt),
            ))
            .with_some(keys::CHIMERA_QUEUE_WAIT_MS, self.queue_wait_ms)
            .with_some(keys::MESSAGING_DESTINATION_ANONYMOUS, made_up)
            .with_some(keys::MESSAGING_DESTINATION_TEMPORARY, made_up)
            .linked(
                self.creation,
                vec![KeyValue::new(keys::CHIMERA_LINK, "creation")],
            );
        let start = with_message(
            start,
            (self.broker, Way::In),
            self.delivery.message(),
            self.routing_key,
        );
        match self.previous_attempt {
            Some(previous) => start.linked(
                previous,
                vec![KeyValue::new(keys::CHIMERA_LINK, "previous_attempt")],
            ),
            None => start,
        }
    }
}

fn sending(
    kind: SpanKind,
    operation: &'static str,
    broker: &Broker,
    destination: String,
    message: &Message,
) -> SpanStart {
    let start = SpanStart::new(kind, format!("{operation} {destination}"))
        .with(KeyValue::new(keys::MESSAGING_OPERATION_NAME, operation))
        .with(KeyValue::new(keys::MESSAGING_OPERATION_TYPE, "send"))
        .with(KeyValue::new(keys::MESSAGING_DESTINATION_NAME, destination));
    with_message(
        start,
        (broker, Way::Out),
        message,
        message.routing_key.as_str(),
    )
}

fn with_message(
    start: SpanStart,
    (broker, way): (&Broker, Way),
    message: &Message,
    routing_key: &str,
) -> SpanStart {
    let body_bytes = i64::try_from(message.body.len()).unwrap_or(i64::MAX);
    broker
        .describe(start, way)
        .with(KeyValue::new(
            keys::MESSAGING_RABBITMQ_DESTINATION_ROUTING_KEY,
            routing_key.to_owned(),
        ))
        .with(KeyValue::new(keys::MESSAGING_MESSAGE_BODY_SIZE, body_bytes))
        .with_some(
            keys::MESSAGING_MESSAGE_ID,
            message.properties.message_id.clone(),
        )
        .with_some(
            keys::MESSAGING_MESSAGE_CONVERSATION_ID,
            message.properties.correlation_id.clone(),
        )
}

/// What is empty is left out, as the conventions want it: the default exchange has no name.
fn destination(exchange: &Exchange, routing_key: &str) -> String {
    match (*exchange == Exchange::DEFAULT, routing_key) {
        (true, "") => DEFAULT_EXCHANGE.to_owned(),
        (true, _) => routing_key.to_owned(),
        (false, "") => exchange.as_str().to_owned(),
        (false, _) => format!("{exchange}:{routing_key}"),
    }
}

#[cfg(test)]
mod tests;
