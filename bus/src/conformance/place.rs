//! Where a case takes place: a bus, and names that nobody else uses.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use uuid::Uuid;

use super::Harness;
use crate::{
    BindingKey, Bus, Delivery, Message, Queue, QueueName, Routed, RoutingKey, Subscription,
};

/// How long a case waits for what has to come. Nothing is measured with it: it only ends a case that has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a case looks for what must not come.
const QUIET: Duration = Duration::from_millis(300);

/// A bus, with names of its own for everything on it.
pub struct Place<H> {
    pub(super) harness: H,
    prefix: String,
}

impl<H: Harness> Place<H> {
    /// A place on the harness's bus.
    pub fn new(harness: H) -> Self {
        let prefix = format!("t{}", Uuid::now_v7().simple());
        Self { harness, prefix }
    }

    /// The bus.
    pub fn bus(&self) -> Arc<dyn Bus> {
        self.harness.bus()
    }

    /// The queue that this case calls `name`.
    pub fn queue(&self, name: &str) -> QueueName {
        QueueName::new(self.text(name)).expect("a short name is a queue's name")
    }

    /// The key that this case calls `key`.
    pub fn key(&self, key: &str) -> RoutingKey {
        RoutingKey::new(self.text(key)).expect("a short key is a routing key")
    }

    /// A work queue, bound to `keys`.
    pub fn work(&self, name: &str, keys: &[&str]) -> Queue {
        self.bound(Queue::work(self.queue(name)), keys)
    }

    /// `queue`, bound to `keys`.
    pub fn bound(&self, queue: Queue, keys: &[&str]) -> Queue {
        keys.iter().fold(queue, |queue, key| {
            queue.bind(BindingKey::new(self.text(key)).expect("a short key is a binding key"))
        })
    }

    /// Subscribes to `queue`, which has to succeed.
    pub async fn subscribe(&self, queue: Queue) -> Subscription {
        self.bus()
            .subscribe(queue)
            .await
            .expect("subscribing succeeds")
    }

    /// Publishes `message`, which has to succeed.
    pub async fn publish(&self, message: Message) -> Routed {
        self.bus()
            .publish(message)
            .await
            .expect("publishing succeeds")
    }

    /// Publishes an event, which has to reach a queue.
    pub async fn event(&self, key: &str, body: impl Into<Bytes>) {
        let routed = self.publish(Message::event(self.key(key), body)).await;
        assert_eq!(routed, Routed::ToQueue, "no queue takes {key}");
    }

    /// Stops the bus and starts it again.
    pub async fn restart(&mut self) {
        self.harness.stop().await;
        self.harness.start().await;
    }

    fn text(&self, name: &str) -> String {
        format!("{}.{name}", self.prefix)
    }
}

impl<H> fmt::Debug for Place<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place")
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

/// The next delivery, which has to come.
pub(super) async fn next(subscription: &mut Subscription) -> Delivery {
    tokio::time::timeout(PATIENCE, subscription.next())
        .await
        .expect("a message is delivered in time")
        .expect("the subscription is served")
}

/// The text of the next delivery, which is acked.
pub(super) async fn next_text(subscription: &mut Subscription) -> String {
    let delivery = next(subscription).await;
    let body = text(&delivery);
    delivery.ack().expect("what is held can be settled");
    body
}

/// The body of a delivery as text.
pub(super) fn text(delivery: &Delivery) -> String {
    String::from_utf8_lossy(&delivery.message().body).into_owned()
}

/// Checks that nothing is delivered.
pub(super) async fn assert_quiet(subscription: &mut Subscription) {
    if let Ok(unexpected) = tokio::time::timeout(QUIET, subscription.next()).await {
        panic!("nothing should be delivered, but there is {unexpected:?}");
    }
}
