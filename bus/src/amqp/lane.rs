//! A channel that messages are published on, with many of them under way at a time.
//!
//! One task owns the channel: confirms are numbered by the order of publishing, which two tasks could disturb. When the
//! channel ends, what was not confirmed is published again on the next one, in its order. When the broker closed the
//! channel over one of them (no permission, too large), nothing tells which one it was: they are then sent one by one,
//! and the one that the channel is closed over again fails, alone.

use std::{pin::pin, sync::Arc};

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
    window::{Confirm, Identity, Order, Window},
    wire,
};

/// How many orders are taken at once.
const BATCH: usize = 64;

type Outcome = (u64, lapin::Result<Confirmation>);

type Sent = FuturesUnordered<BoxFuture<'static, Outcome>>;

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
                Ok(channel) => match self.session(&live, channel, &mut failures).await {
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
        let opening = async {
            let channel = live.channel().await?;
            channel
                .confirm_select(ConfirmSelectOptions::default())
                .await?;
            if let Some(replies) = &mut self.replies {
                replies.consume(&channel).await?;
            }
            Ok(Arc::new(channel))
        };
        live.answer(opening).await
    }

    async fn session(&mut self, live: &Live, channel: Arc<Channel>, failures: &mut u32) -> End {
        let mut sent = Sent::new();
        let mut ended = pin!(live.ended());
        for id in self.window.unconfirmed() {
            self.send(&channel, id, &mut sent);
            if self.suspicious
                && let Err(error) = live.answer(self.alone(&mut sent)).await
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
                Some(first) = sent.next(), if !sent.is_empty() => {
                    match self.take_in(Some(first), &mut sent) {
                        None => *failures = 0,
                        Some(error) => return self.end(error),
                    }
                }
                more = Replies::pump(&mut self.replies) => match more {
                    Some(Ok(())) => {}
                    Some(Err(error)) => {
                        let other = self.take_in(None, &mut sent);
                        return self.end(cause(other, error));
                    }
                    None => return End::Finished,
                },
                error = &mut ended => {
                    let other = self.take_in(None, &mut sent);
                    return self.end(cause(other, error));
                }
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
            self.window.confirm(vec![Confirm::new(id, &outcome?)]);
        }
        Ok(())
    }

    /// Takes in everything that has come, after `first`: when the channel ended, what was confirmed before that need not be
    /// sent again.
    fn take_in(&mut self, first: Option<Outcome>, sent: &mut Sent) -> Option<lapin::Error> {
        let mut confirms = Vec::new();
        let mut error = None;
        let ready = std::iter::from_fn(|| sent.next().now_or_never().flatten());
        for (id, outcome) in first.into_iter().chain(ready) {
            match outcome {
                Ok(confirmation) => confirms.push(Confirm::new(id, &confirmation)),
                Err(other) => error = Some(cause(error, other)),
            }
        }
        self.window.confirm(confirms);
        error
    }

    /// A channel that was closed over a message was closed over one of those left.
    fn end(&mut self, error: lapin::Error) -> End {
        if error.is_amqp_soft_error() {
            match self.window.only() {
                Some(guilty) => self.window.finish(guilty, Err(self.link.explain(&error))),
                None => self.suspicious = true,
            }
        }
        End::Lost(error)
    }
}

impl Confirm {
    fn new(id: u64, confirmation: &Confirmation) -> Self {
        let (acked, returned) = match confirmation {
            Confirmation::Ack(returned) => (true, returned.as_ref()),
            Confirmation::Nack(returned) => (false, returned.as_ref()),
            Confirmation::NotRequested => (true, None),
        };
        Self {
            id,
            acked,
            returned: returned.map(Identity::from),
        }
    }
}

/// Which of two errors ended the channel: what the broker said may come after its first consequence.
fn cause(first: Option<lapin::Error>, other: lapin::Error) -> lapin::Error {
    match first {
        Some(first) if first.is_amqp_error() || !other.is_amqp_error() => first,
        _ => other,
    }
}
