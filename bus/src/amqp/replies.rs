//! Replies, by RabbitMQ's direct reply-to: they come on the channel that their request was published on, without a
//! queue that would have to be declared.

use std::{future::pending, sync::Arc};

use futures_util::StreamExt;
use lapin::{Channel, Consumer, options::BasicConsumeOptions, types::FieldTable};
use tokio::sync::{mpsc, watch};

use super::{error::BrokerError, wire};
use crate::{Delivery, Settle, SettleError, Settlement, subscription};

/// What `reply_to` says in a request; RabbitMQ puts the address of the channel in its place.
pub(super) const DIRECT: &str = "amq.rabbitmq.reply-to";

/// The replies of one subscriber.
pub(super) struct Replies {
    deliveries: mpsc::Sender<Delivery>,
    state: watch::Sender<subscription::State>,
    consumer: Option<Consumer>,
    tag: String,
    /// How many channels there were.
    sessions: u64,
}

impl Replies {
    pub(super) fn new(
        deliveries: mpsc::Sender<Delivery>,
        state: watch::Sender<subscription::State>,
        tag: String,
    ) -> Self {
        Self {
            deliveries,
            state,
            consumer: None,
            tag,
            sessions: 0,
        }
    }

    pub(super) async fn consume(&mut self, channel: &Channel) -> lapin::Result<()> {
        let options = BasicConsumeOptions {
            no_ack: true,
            ..BasicConsumeOptions::default()
        };
        let tag = self.tag.as_str().into();
        let consumer = channel.basic_consume(DIRECT.into(), tag, options, FieldTable::default());
        self.consumer = Some(consumer.await?);
        self.sessions += 1;
        let now = subscription::State::Consuming {
            session: self.sessions,
        };
        self.state.send_replace(now);
        Ok(())
    }

    /// No reply to what was asked so far will come.
    pub(super) fn interrupt(&mut self, why: &BrokerError) {
        self.consumer = None;
        let now = subscription::State::Interrupted {
            session: self.sessions,
            reason: why.to_string(),
        };
        self.state.send_replace(now);
    }

    /// Hands one reply on. `None` when its subscriber is gone; never, where there are no replies.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub(super) async fn pump(replies: &mut Option<Self>) -> Option<lapin::Result<()>> {
        let Some(replies) = replies else {
            return pending().await;
        };
        let Some(consumer) = &mut replies.consumer else {
            return pending().await;
        };
        let delivery = tokio::select! {
            delivery = consumer.next() => delivery,
            () = replies.deliveries.closed() => return None,
        };
        match delivery {
            Some(Ok(delivery)) => {
                let tag = delivery.delivery_tag;
                let (message, _) = wire::message(delivery);
                let delivery = Delivery::new(message, tag, 1, Arc::new(Settled));
                // Without an await that could lose it: who does not read replies does not get them.
                match replies.deliveries.try_send(delivery) {
                    Err(mpsc::error::TrySendError::Closed(_)) => None,
                    Err(mpsc::error::TrySendError::Full(_)) => {
                        tracing::warn!("a reply is dropped: too many wait to be read");
                        Some(Ok(()))
                    }
                    Ok(()) => Some(Ok(())),
                }
            }
            Some(Err(error)) => Some(Err(error)),
            None => Some(Err(lapin::ErrorKind::InvalidChannelState(
                lapin::ChannelState::Closed,
                "the consumer of replies was cancelled",
            )
            .into())),
        }
    }
}

/// RabbitMQ forgets a reply as it delivers it.
struct Settled;

impl Settle for Settled {
    fn settle(&self, _tag: u64, _settlement: Settlement) -> Result<(), SettleError> {
        Ok(())
    }
}
