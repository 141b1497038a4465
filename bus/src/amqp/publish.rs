//! The way of a message to its lane.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::{Semaphore, oneshot, watch};

use super::{
    AmqpBus, Connectivity, Options, Retry,
    error::BrokerError,
    lane::Lane,
    link::Link,
    replies::DIRECT,
    topology::{self, Declaration},
    window::{Order, Route},
    wire,
};
use crate::{Exchange, Message, PublishError, Routed};

/// How much may be under way at a time, KiB. Beyond it, publishing waits.
const ROOM_KIB: u32 = 32 << 10;

/// What a message takes besides its body, KiB: at most 4,096 small messages are under way.
const OVERHEAD_KIB: u32 = 8;

/// Publishes for all handles of a bus.
pub(super) struct Publisher {
    lane: Lane,
    /// By the name of the reply queue.
    reply_lanes: Mutex<HashMap<String, Lane>>,
    /// Retry queues that are known to be there.
    retry_queues: Mutex<HashSet<String>>,
    room: Arc<Semaphore>,
    /// Declares retry queues: this connection is not held back when publishing is.
    consume_link: Link,
    connectivity: watch::Receiver<Connectivity>,
    retry: Retry,
    patience: Duration,
}

impl Publisher {
    pub(super) fn new(
        lane: Lane,
        consume_link: Link,
        connectivity: watch::Receiver<Connectivity>,
        options: &Options,
    ) -> Self {
        Self {
            lane,
            reply_lanes: Mutex::default(),
            retry_queues: Mutex::default(),
            room: Arc::new(Semaphore::new(ROOM_KIB as usize)),
            consume_link,
            connectivity,
            retry: options.retry,
            patience: options.patience,
        }
    }

    pub(super) async fn publish(&self, message: Message) -> Result<Routed, PublishError> {
        check(&message)?;
        let routing_key = message.routing_key.clone();
        let began = Instant::now();
        match tokio::time::timeout(self.patience, self.route(message)).await {
            Ok(Ok(routed)) => Ok(routed),
            Ok(Err(Some(source))) => Err(broker_error(routing_key, source)),
            Ok(Err(None)) => Err(PublishError::Closed),
            Err(_) => Err(broker_error(routing_key, self.why_not(began.elapsed()))),
        }
    }

    /// The error is `None` when the bus was closed.
    async fn route(&self, mut message: Message) -> Result<Routed, Option<BrokerError>> {
        let delay = message.delay.take().unwrap_or_default();
        wire::stamp(&mut message, delay);
        if delay < Duration::from_millis(1) {
            let route = self.plain_route(&message)?;
            let lane = self.lane_of(&message);
            let route = Route {
                reply_to: lane.is_some().then_some(DIRECT),
                ..route
            };
            return self
                .order(lane.as_ref().unwrap_or(&self.lane), message, route)
                .await;
        }
        self.delayed(message, delay).await
    }

    fn plain_route(&self, message: &Message) -> Result<Route, BrokerError> {
        let is_reply = message.exchange == Exchange::DEFAULT
            && message.routing_key.as_str().starts_with(DIRECT);
        Ok(Route {
            exchange: wire::short("the exchange", message.exchange.as_str())?,
            routing_key: wire::short("the routing key", message.routing_key.as_str())?,
            // RabbitMQ knows no queue of a requester's: it would send every reply back.
            mandatory: !is_reply,
            reply_to: None,
            expires: None,
        })
    }

    /// Puts the message where it waits, and tells the broker first to have that place.
    async fn delayed(
        &self,
        message: Message,
        delay: Duration,
    ) -> Result<Routed, Option<BrokerError>> {
        let queue = Declaration::retry(message.routing_key.as_str(), delay);
        let route = Route {
            exchange: "".into(),
            routing_key: wire::short("the name of the retry queue", &queue.name)?,
            mandatory: true,
            reply_to: None,
            expires: Some(delay),
        };
        self.declare_retry(&queue).await?;
        match self
            .order(&self.lane, message.clone(), route.clone())
            .await?
        {
            Routed::ToQueue => Ok(Routed::ToQueue),
            Routed::Nowhere => {
                // Somebody deleted it since.
                self.lock_retry_queues().remove(&queue.name);
                self.declare_retry(&queue).await?;
                self.order(&self.lane, message, route).await
            }
        }
    }

    /// Declares it again where the connection ends meanwhile, as a message is published again.
    async fn declare_retry(&self, queue: &Declaration) -> Result<(), Option<BrokerError>> {
        let mut failures = 0;
        let mut link = self.consume_link.clone();
        while !self.lock_retry_queues().contains(&queue.name) {
            let live = link.up().await.ok_or(None)?;
            let declared = topology::declare(&link, &live, std::slice::from_ref(queue)).await;
            match declared.map_err(topology::DeclareError::into_broker) {
                Ok(()) => drop(self.lock_retry_queues().insert(queue.name.clone())),
                Err(BrokerError::Lost { .. }) => {
                    failures += 1;
                    tokio::time::sleep(self.retry.pause(failures)).await;
                }
                Err(error) => return Err(Some(error)),
            }
        }
        Ok(())
    }

    async fn order(
        &self,
        lane: &Lane,
        message: Message,
        route: Route,
    ) -> Result<Routed, Option<BrokerError>> {
        let body_kib = u32::try_from(message.body.len() >> 10).unwrap_or(ROOM_KIB);
        let need = body_kib.saturating_add(OVERHEAD_KIB).min(ROOM_KIB);
        let room = self.room.clone().acquire_many_owned(need).await;
        let (answer, answered) = oneshot::channel();
        lane.put(Order {
            message,
            route,
            answer,
            room: Some(room.map_err(|_| None)?),
        });
        match answered.await {
            Ok(result) => result.map_err(Some),
            Err(_) => Err(None),
        }
    }

    /// The lane that the reply to `message` comes on, if it asks for one of ours.
    fn lane_of(&self, message: &Message) -> Option<Lane> {
        let reply_to = message.properties.reply_to.as_deref()?;
        self.lock_reply_lanes().get(reply_to).cloned()
    }

    pub(super) fn add_reply_lane(&self, queue: String, lane: Lane) {
        self.lock_reply_lanes().insert(queue, lane);
    }

    pub(super) fn remove_reply_lane(&self, queue: &str) {
        self.lock_reply_lanes().remove(queue);
    }

    /// Why nothing happened for so long.
    fn why_not(&self, waited: Duration) -> BrokerError {
        match &*self.connectivity.borrow() {
            Connectivity::Connected => BrokerError::Silent { waited },
            Connectivity::Blocked { reason } => BrokerError::Blocked {
                waited,
                reason: reason.clone(),
            },
            Connectivity::Disconnected { why } => BrokerError::NotConnected {
                waited,
                why: why.clone(),
            },
        }
    }

    fn lock_reply_lanes(&self) -> MutexGuard<'_, HashMap<String, Lane>> {
        self.reply_lanes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_retry_queues(&self) -> MutexGuard<'_, HashSet<String>> {
        self.retry_queues
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn check(message: &Message) -> Result<(), PublishError> {
    let limit = AmqpBus::FEATURES.max_body_bytes;
    if message.body.len() > limit {
        return Err(PublishError::TooLarge {
            routing_key: message.routing_key.clone(),
            size: message.body.len(),
            limit,
        });
    }
    if message.delay.is_some() && message.exchange != Exchange::DEFAULT {
        return Err(PublishError::DelayedEvent {
            routing_key: message.routing_key.clone(),
        });
    }
    Ok(())
}

fn broker_error(routing_key: crate::RoutingKey, source: BrokerError) -> PublishError {
    PublishError::Broker {
        routing_key,
        source: Arc::new(source),
    }
}
