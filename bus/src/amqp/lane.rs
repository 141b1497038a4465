//! A channel that messages are published on, with many of them under way at a time.
//!
//! One task owns the channel: confirms are numbered by the order of publishing, which two tasks could disturb. When the
//! channel ends, what was not confirmed is published again on the next one, in its order. When the broker closed the
//! channel over one of them (no permission, too large), nothing tells which one it was: they are then sent one by one,
//! and the one that the channel is closed over again fails, alone.

use std::sync::Arc;

use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use lapin::{
    Channel, Confirmation,
    options::{BasicPublishOptions, ConfirmSelectOptions},
};
use tokio::sync::mpsc;

use super::{
    Retry,
    link::{Link, Live},
    replies::Replies,
    topology,
    window::{Identity, Order, Window},
    wire,
};

/// How many orders are taken at once.
const BATCH: usize = 64;

type Sent = FuturesUnordered<BoxFuture<'static, (u64, lapin::Result<Confirmation>)>>;

/// Where orders for a channel are put.
#[derive(Clone)]
pub(super) struct Lane {
    orders: mpsc::UnboundedSender<Order>,
}

/// The task behind a [`Lane`].
pub(super) struct Publishing {
    link: Link,
    retry: Retry,
    orders: mpsc::UnboundedReceiver<Order>,
    window: Window,
    /// Replies come on the channel that their request was published on.
    replies: Option<Replies>,
    /// Whether one of those under way closes channels.
    suspicious: bool,
}

enum End {
    /// Nobody publishes here any more.
    Finished,
    Lost(lapin::Error),
}

impl Lane {
    pub(super) fn new(link: Link, retry: Retry, replies: Option<Replies>) -> (Self, Publishing) {
        let (sender, orders) = mpsc::unbounded_channel();
        let publishing = Publishing {
            link,
            retry,
            orders,
            window: Window::default(),
            replies,
            suspicious: false,
        };
        (Self { orders: sender }, publishing)
    }

    /// Puts an order in. It is dropped, and its answer with it, when the bus was closed.
    pub(super) fn put(&self, order: Order) {
        // What is refused is dropped, and who waits for its answer is told by that.
        let _ = self.orders.send(order);
    }
}

impl Publishing {
    /// Until nobody can publish here any more.
    pub(super) async fn run(mut self) {
        let mut failures = 0;
        while let Some(live) = self.link.up().await {
            let error = match self.open(&live).await {
                Ok(channel) => match self.session(channel, &mut failures).await {
                    End::Finished => return,
                    End::Lost(error) => error,
                },
                Err(error) => error,
            };
            let why = self.link.explain(&error);
            if error.is_amqp_soft_error() && live.is_up() {
                tracing::warn!(error = %why, "RabbitMQ closed a channel that messages are published on");
            }
            if let Some(replies) = &mut self.replies {
                // What was asked on the old channel cannot be answered on the new one.
                self.window.fail_all(&why);
                replies.interrupt(&why);
            }
            failures += 1;
            tokio::time::sleep(self.retry.pause(failures)).await;
        }
    }

    async fn open(&mut self, live: &Arc<Live>) -> lapin::Result<Arc<Channel>> {
        topology::declare_exchanges(live).await?;
        let channel = live.channel().await?;
        channel
            .confirm_select(ConfirmSelectOptions::default())
            .await?;
        if let Some(replies) = &mut self.replies {
            replies.consume(&channel).await?;
        }
        Ok(Arc::new(channel))
    }

    async fn session(&mut self, channel: Arc<Channel>, failures: &mut u32) -> End {
        let mut sent = Sent::new();
        for id in self.window.unconfirmed() {
            self.send(&channel, id, &mut sent);
            if self.suspicious
                && let Err(error) = self.alone(&mut sent).await
            {
                if error.is_amqp_soft_error() {
                    self.window.finish(id, Err(self.link.explain(&error)));
                }
                return End::Lost(error);
            }
        }
        self.suspicious = false;
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                biased;
                taken = self.orders.recv_many(&mut batch, BATCH) => {
                    if taken == 0 {
                        return End::Finished;
                    }
                    for order in batch.drain(..) {
                        let id = self.window.insert(order);
                        self.send(&channel, id, &mut sent);
                    }
                }
                Some((id, outcome)) = sent.next(), if !sent.is_empty() => match outcome {
                    Ok(confirmation) => {
                        *failures = 0;
                        self.confirm(id, &confirmation);
                    }
                    Err(error) => return self.end(error, &mut sent),
                },
                more = Replies::pump(&mut self.replies) => match more {
                    Some(Ok(())) => {}
                    Some(Err(error)) => return self.end(error, &mut sent),
                    None => return End::Finished,
                },
            }
        }
    }

    /// Puts a message into the client's hands. Nothing is awaited here, so that messages go in the order of their ids.
    fn send(&mut self, channel: &Arc<Channel>, id: u64, sent: &mut Sent) {
        let Some(Order { message, route, .. }) = self.window.get(id) else {
            return;
        };
        let properties = match wire::properties(message, route.reply_to, route.expires) {
            Ok(properties) => properties,
            Err(error) => return self.window.finish(id, Err(error)),
        };
        let (channel, route, body) = (channel.clone(), route.clone(), message.body.clone());
        let options = BasicPublishOptions {
            mandatory: route.mandatory,
            ..BasicPublishOptions::default()
        };
        let mut transmit = async move {
            let published = channel.basic_publish(
                route.exchange,
                route.routing_key,
                options,
                &body,
                properties,
            );
            match published.await {
                Ok(confirm) => (id, confirm.await),
                Err(error) => (id, Err(error)),
            }
        }
        .boxed();
        // The first look gives it to the client; that it is confirmed already cannot be.
        match transmit.as_mut().now_or_never() {
            Some((id, outcome)) => sent.push(std::future::ready((id, outcome)).boxed()),
            None => sent.push(transmit),
        }
    }

    /// Waits for the one message that is under way.
    async fn alone(&mut self, sent: &mut Sent) -> lapin::Result<()> {
        while let Some((id, outcome)) = sent.next().await {
            self.confirm(id, &outcome?);
        }
        Ok(())
    }

    /// Takes in what was confirmed before the channel ended, which need not be sent again; and the reason, which may come
    /// after its first consequence. A channel that was closed over a message was closed over one of those left.
    fn end(&mut self, first: lapin::Error, sent: &mut Sent) -> End {
        let mut error = first;
        while let Some(Some((id, outcome))) = sent.next().now_or_never() {
            match outcome {
                Ok(confirmation) => self.confirm(id, &confirmation),
                Err(other) if other.is_amqp_error() && !error.is_amqp_error() => error = other,
                Err(_) => {}
            }
        }
        if error.is_amqp_soft_error() {
            match self.window.only() {
                Some(guilty) => self.window.finish(guilty, Err(self.link.explain(&error))),
                None => self.suspicious = true,
            }
        }
        End::Lost(error)
    }

    fn confirm(&mut self, id: u64, confirmation: &Confirmation) {
        let (acked, returned) = match confirmation {
            Confirmation::Ack(returned) => (true, returned.as_ref()),
            Confirmation::Nack(returned) => (false, returned.as_ref()),
            Confirmation::NotRequested => (true, None),
        };
        self.window
            .confirm(id, acked, returned.map(Identity::from).as_ref());
    }
}
