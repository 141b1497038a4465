//! Consuming a queue, on a channel of its own that is opened again whenever it ends.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::StreamExt;
use lapin::{
    Channel, Consumer,
    options::{BasicCancelOptions, BasicConsumeOptions, BasicQosOptions},
    types::FieldTable,
};
use tokio::sync::{mpsc, watch};

use super::{
    Retry,
    error::BrokerError,
    held::Held,
    link::{Link, Live},
    topology::{self, DeclareError},
    wire,
};
use crate::{Delivery, Queue, QueueKind, subscription::State};

/// How long the broker may take to confirm that nothing more is delivered.
const CANCEL_IN: Duration = Duration::from_secs(5);

/// A subscription, seen from the bus.
pub(super) struct Consuming {
    pub(super) queue: Queue,
    pub(super) link: Link,
    pub(super) retry: Retry,
    /// The consumer's name, as the management page shows it.
    pub(super) tag: String,
    pub(super) deliveries: mpsc::Sender<Delivery>,
    pub(super) state: watch::Sender<State>,
    pub(super) stopping: Arc<AtomicBool>,
    /// How many channels there were.
    pub(super) sessions: u64,
}

/// Ends the subscription when it is dropped: from now on, what it had not handed out is not given back one by one. The
/// task sees the end by its channel.
pub(super) struct Ends(pub(super) Arc<AtomicBool>);

/// One channel that delivers.
pub(super) struct Session {
    live: Arc<Live>,
    channel: Channel,
    consumer: Consumer,
    held: Arc<Held>,
}

enum End {
    /// The subscription was dropped.
    Dropped,
    Lost {
        why: String,
    },
}

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

impl Consuming {
    /// Declares the queue and consumes it.
    pub(super) async fn open(&mut self, live: Arc<Live>) -> Result<Session, DeclareError> {
        self.sessions += 1;
        let name = match (self.queue.kind, self.sessions) {
            (QueueKind::Instance, 2..) => format!("{}.{}", self.queue.name, self.sessions),
            _ => self.queue.name.to_string(),
        };
        let declarations = topology::declarations(&self.queue, &name);
        topology::declare(&self.link, &live, &declarations).await?;
        let session = live.answer(self.consume(live.clone(), &name)).await;
        session.map_err(|error| DeclareError::Broker(self.link.explain(&error)))
    }

    async fn consume(&self, live: Arc<Live>, name: &str) -> lapin::Result<Session> {
        let channel = live.channel().await?;
        let prefetch = self.queue.prefetch.get();
        channel
            .basic_qos(prefetch, BasicQosOptions::default())
            .await?;
        let options = BasicConsumeOptions::default();
        let tag = self.tag.as_str().into();
        let consumer = channel.basic_consume(name.into(), tag, options, FieldTable::default());
        let consumer = consumer.await?;
        let held = Arc::new(Held::new(channel.clone(), self.stopping.clone()));
        Ok(Session {
            live,
            channel,
            consumer,
            held,
        })
    }

    /// Until the subscription is dropped and all that it was handed is settled.
    pub(super) async fn run(mut self, first: Session) {
        let mut session = first;
        loop {
            match session.pump(&self.deliveries).await {
                End::Dropped => return session.finish().await,
                End::Lost { why } => {
                    if session.live.is_up() {
                        tracing::warn!(queue = %self.queue.name, why, "RabbitMQ stopped delivering, the queue is consumed again");
                    }
                    self.interrupted(why);
                }
            }
            // What is held on it can no longer be settled.
            drop(session);
            session = match self.reopen().await {
                Some(session) => session,
                None => return,
            };
            self.state.send_replace(State::Consuming {
                session: self.sessions,
            });
        }
    }

    fn interrupted(&self, reason: String) {
        let session = self.sessions;
        self.state
            .send_replace(State::Interrupted { session, reason });
    }

    /// `None` when the subscription was dropped meanwhile.
    async fn reopen(&mut self) -> Option<Session> {
        let deliveries = self.deliveries.clone();
        tokio::select! {
            () = deliveries.closed() => None,
            session = self.open_again() => session,
        }
    }

    async fn open_again(&mut self) -> Option<Session> {
        let mut failures = 0;
        let mut told = None;
        loop {
            let live = self.link.up().await?;
            let error = match self.open(live).await {
                Ok(session) => return Some(session),
                Err(error) => error.into_broker(),
            };
            let reason = error.to_string();
            if !matches!(error, BrokerError::Lost { .. }) && told.as_ref() != Some(&reason) {
                tracing::error!(queue = %self.queue.name, error = reason, "the queue cannot be consumed, it is tried again");
                told = Some(reason.clone());
            }
            self.interrupted(reason);
            failures += 1;
            tokio::time::sleep(self.retry.pause(failures)).await;
        }
    }
}

impl Session {
    async fn pump(&mut self, deliveries: &mpsc::Sender<Delivery>) -> End {
        let live = self.live.clone();
        let mut ended = pin!(live.ended());
        loop {
            let delivery = tokio::select! {
                biased;
                () = deliveries.closed() => return End::Dropped,
                delivery = self.consumer.next() => delivery,
                error = &mut ended => Some(Err(error)),
            };
            match delivery {
                Some(Ok(delivery)) => {
                    let delivery = self.hold(delivery);
                    if let Err(mpsc::error::SendError(unsent)) = deliveries.send(delivery).await {
                        // It stays among what is held, and goes back with the rest.
                        drop(unsent);
                        return End::Dropped;
                    }
                }
                Some(Err(error)) => {
                    return End::Lost {
                        why: error.to_string(),
                    };
                }
                None => {
                    return End::Lost {
                        why: "the consumer was cancelled: was its queue deleted?".to_owned(),
                    };
                }
            }
        }
    }

    fn hold(&self, delivery: lapin::message::Delivery) -> Delivery {
        let tag = delivery.delivery_tag;
        self.held.add(tag);
        let (message, count) = wire::message(delivery);
        Delivery::new(message, tag, count, self.held.clone())
    }

    /// Stops consuming, gives back what nobody saw, and waits until the rest is settled.
    async fn finish(mut self) {
        let tag = self.consumer.tag();
        let cancel = async {
            let cancelled = self
                .channel
                .basic_cancel(tag, BasicCancelOptions::default());
            let rest = async {
                while let Some(Ok(delivery)) = self.consumer.next().await {
                    self.held.add(delivery.delivery_tag);
                }
            };
            let _ = futures_util::join!(cancelled, rest);
        };
        // When the broker does not answer, its connection ends soon, and gives everything back.
        let _ = tokio::time::timeout(CANCEL_IN, cancel).await;
        self.held.give_back_unseen();
        while !self.held.is_empty() && self.live.is_up() {
            // The connection's end is not told here.
            let _ = tokio::time::timeout(CANCEL_IN, self.held.settled.notified()).await;
        }
        let farewell = self.channel.close(200, "the subscription ended".into());
        // It may be gone already.
        let _ = self.live.answer(farewell).await;
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.held.die();
    }
}
