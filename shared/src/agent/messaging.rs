//! What a service sends: each message in a span of its own, with that span's context in its headers.

use std::{error::Error, sync::Arc, time::Duration};

use chimera_bus::{
    Bus, Message, PublishError, RequestError, Requester, Routed, RoutingKey, headers::name,
};
use serde::Serialize;
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    agent::spans,
    context::{SendError, error_type},
    deadline::{Deadline, now_ms},
    platform::{Broker, PlatformBus},
    telemetry::{KeyValue, MessagingCall, Scope, Span, Telemetry, keys},
};

/// The bus, as one service uses it.
pub(crate) struct Messaging {
    /// Who sends.
    pub(crate) service: String,
    pub(crate) telemetry: Telemetry,
    pub(crate) bus: Arc<dyn Bus>,
    /// What spans and metrics call the bus.
    pub(crate) broker: Broker,
    requester: Requester,
}

impl Messaging {
    pub(crate) fn new(service: &str, telemetry: Telemetry, bus: &PlatformBus) -> Self {
        Self {
            service: service.to_owned(),
            telemetry,
            bus: bus.bus(),
            broker: bus.broker(),
            requester: Requester::new(bus.bus()),
        }
    }

    /// An event with a JSON body, signed by this service.
    pub(crate) fn event<T: Serialize>(
        &self,
        routing_key: &str,
        body: &T,
    ) -> Result<Message, SendError> {
        let routing_key = RoutingKey::new(routing_key)?;
        let body = serde_json::to_vec(body).map_err(|source| SendError::Encode {
            routing_key: routing_key.clone(),
            source: Arc::new(source),
        })?;
        let mut message = Message::event(routing_key, body);
        self.sign(&mut message);
        Ok(message)
    }

    /// Says who sent a message and when.
    pub(crate) fn sign(&self, message: &mut Message) {
        let now_ms = now_ms();
        message.properties.app_id = Some(self.service.clone());
        message.properties.timestamp = Some(now_ms / 1_000);
        message
            .properties
            .content_type
            .get_or_insert_with(|| "application/json".to_owned());
        message.headers.set(name::FIRST_PUBLISHED, now_ms);
    }

    /// Publishes `message` in a span under `scope`.
    pub(crate) async fn send(
        &self,
        scope: &Scope,
        mut message: Message,
    ) -> Result<Routed, PublishError> {
        let (destination, routing_key) = (spans::sent_to(&message), message.routing_key.clone());
        let started = Instant::now();
        let span = scope.start_with(|| spans::publish(&self.broker, &message));
        let propagator = self.telemetry.propagator();
        propagator.inject_message(span.scope().context(), &mut message);
        let routed = self.bus.publish(message).await;
        match &routed {
            Ok(Routed::ToQueue) => {}
            Ok(Routed::Nowhere) => {
                self.telemetry.metrics().unrouted(routing_key.as_str());
                span.set(KeyValue::new(keys::CHIMERA_UNROUTED, true));
            }
            Err(_) => {}
        }
        let call = self.call("publish", &destination, started);
        self.sent(&span, call, unpublished(&routed));
        routed
    }

    /// Sends `message` as a request in a span under `scope`, and waits for its reply.
    pub(crate) async fn ask(
        &self,
        scope: &Scope,
        mut message: Message,
        timeout: Duration,
    ) -> Result<Message, RequestError> {
        let destination = spans::sent_to(&message);
        let started = Instant::now();
        // One of its own, whatever conversation it is part of, and before the span, which has it from the start.
        message.properties.correlation_id = Some(Uuid::now_v7().to_string());
        let span = scope.start_with(|| spans::request(&self.broker, &message));
        message
            .headers
            .set(name::DEADLINE, Deadline::after(timeout).epoch_ms());
        let propagator = self.telemetry.propagator();
        propagator.inject_message(span.scope().context(), &mut message);
        let reply = self.requester.request(message, timeout).await;
        let failed = reply.as_ref().err();
        let failed = failed.map(|error| (error_type(error), error as &dyn Error));
        let call = self.call("request", &destination, started);
        self.sent(&span, call, failed);
        reply
    }

    /// Sends `reply` to whoever asked, in a span under `scope`.
    ///
    /// A requester that is gone has no use for it: nowhere is as good as its queue.
    pub(crate) async fn answer(
        &self,
        scope: &Scope,
        mut reply: Message,
    ) -> Result<Routed, PublishError> {
        let started = Instant::now();
        let span = scope.start_with(|| spans::reply(&self.broker, &reply));
        let propagator = self.telemetry.propagator();
        propagator.inject_message(span.scope().context(), &mut reply);
        let routed = self.bus.publish(reply).await;
        let call = self.call("publish", spans::TEMPORARY, started);
        self.sent(&span, call, unpublished(&routed));
        routed
    }

    /// Something was sent in `span`, or `failed`.
    fn sent<'a>(&self, span: &'a Span, mut call: MessagingCall<'a>, failed: Option<Failed<'_>>) {
        if let Some((error_type, error)) = failed {
            span.fail_with_causes(error_type, error);
        }
        call.error_type = failed.map(|(error_type, _)| error_type);
        call.span = Some(span);
        self.telemetry.metrics().sent(call);
    }

    /// What is measured of `operation`, which went well since it `started`, in no span.
    pub(crate) fn call<'a>(
        &'a self,
        operation: &'static str,
        destination: &'a str,
        started: Instant,
    ) -> MessagingCall<'a> {
        MessagingCall {
            system: self.broker.system,
            server: self.broker.address(),
            operation,
            destination,
            error_type: None,
            duration: started.elapsed(),
            span: None,
        }
    }
}

/// The `error.type` of what failed, and why.
pub(crate) type Failed<'a> = (&'static str, &'a dyn Error);

/// Why something was not published, if it was not.
pub(crate) fn unpublished<T>(result: &Result<T, PublishError>) -> Option<Failed<'_>> {
    let error = result.as_ref().err()?;
    Some(("publish", error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Platform, config::Config};

    #[tokio::test]
    async fn an_event_that_nobody_takes_is_counted_by_its_routing_key() {
        let directory = tempfile::tempdir().unwrap();
        let config = Config::for_test(directory.path());
        let platform = Platform::open(config, "a test").await.unwrap();
        let (telemetry, _) = Telemetry::for_test("svc");
        let services = platform.services(telemetry.clone(), "svc");
        let messaging = &services.messaging;
        let event = messaging.event("nobody.cares", &()).unwrap();
        let routed = messaging.send(&telemetry.root(), event).await.unwrap();
        assert_eq!(routed, Routed::Nowhere);
        let page = telemetry.prometheus();
        let counted = "chimera_message_unrouted_total{\
            messaging_rabbitmq_destination_routing_key=\"nobody.cares\"";
        assert!(page.contains(counted), "{page}");
    }
}
