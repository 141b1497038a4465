//! Request and reply over any bus: one reply queue per process, replies told apart by correlation id.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokio::{
    sync::{OnceCell, oneshot, watch},
    task::JoinHandle,
};
use uuid::Uuid;

use crate::{
    Bus, Delivery, Message, Queue, QueueName, RequestError, Routed, RoutingKey, State,
    Subscription, headers::name,
};

/// Sends requests and waits for their replies. A cheap clone; the reply queue is made with the first request.
#[derive(Clone)]
pub struct Requester {
    bus: Arc<dyn Bus>,
    replies: Arc<OnceCell<Replies>>,
}

struct Replies {
    queue: QueueName,
    state: watch::Receiver<State>,
    waiting: Waiting,
    pump: JoinHandle<()>,
}

#[derive(Clone, Default)]
struct Waiting(Arc<Mutex<HashMap<String, Asked>>>);

/// A request whose reply has not come.
struct Asked {
    /// The session that it was asked in: when that ends, no reply comes.
    session: u64,
    reply: oneshot::Sender<Message>,
}

impl Requester {
    /// A requester on `bus`.
    pub fn new(bus: Arc<dyn Bus>) -> Self {
        Self {
            bus,
            replies: Arc::default(),
        }
    }

    /// Publishes `request` with a reply address and waits at most `timeout` for the reply.
    ///
    /// A request without a correlation id gets one. One that has it already MUST have it to itself, as AMQP's request-reply
    /// pattern wants: one conversation may ask several things at once.
    ///
    /// # Errors
    /// See [`RequestError`].
    ///
    /// # Cancel safety
    /// Dropping the future gives the reply up; the request may be worked on all the same.
    pub async fn request(
        &self,
        request: Message,
        timeout: Duration,
    ) -> Result<Message, RequestError> {
        let routing_key = request.routing_key.clone();
        let exchange = tokio::time::timeout(timeout, self.exchange(request));
        match exchange.await {
            Ok(replied) => succeeded(replied?, routing_key),
            Err(_) => Err(RequestError::Timeout {
                routing_key,
                waited: timeout,
            }),
        }
    }

    /// Asks, and waits for the reply.
    async fn exchange(&self, mut request: Message) -> Result<Message, RequestError> {
        let routing_key = request.routing_key.clone();
        let subscribing = || Replies::subscribe(&*self.bus);
        let replies = self.replies.get_or_try_init(subscribing).await?;
        let id = request
            .properties
            .correlation_id
            .get_or_insert_with(|| Uuid::now_v7().to_string())
            .clone();
        request.properties.reply_to = Some(replies.queue.to_string());
        let mut reply = replies.expect(id);
        match self.bus.publish(request).await? {
            Routed::Nowhere => Err(RequestError::Unroutable { routing_key }),
            Routed::ToQueue => {
                let reply = (&mut reply.receiver).await;
                reply.map_err(|_| RequestError::Interrupted { routing_key })
            }
        }
    }
}

/// The reply, unless it says that whoever was asked failed.
fn succeeded(reply: Message, routing_key: RoutingKey) -> Result<Message, RequestError> {
    let header = |name| reply.headers.get_str(name).map(str::to_owned);
    let Some(error_type) = header(name::ERROR_TYPE) else {
        return Ok(reply);
    };
    let said = |name, otherwise: &str| header(name).unwrap_or_else(|| otherwise.to_owned());
    Err(RequestError::Failed {
        routing_key,
        agent: said(name::FAILED_AGENT, "an agent"),
        error_type,
        message: said(name::ERROR_MESSAGE, "without a message"),
        reply: Box::new(reply),
    })
}

impl fmt::Debug for Requester {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requester")
            .field("bus", &self.bus)
            .finish_non_exhaustive()
    }
}

impl Replies {
    async fn subscribe(bus: &dyn Bus) -> Result<Self, RequestError> {
        let subscription = bus.subscribe(Queue::replies()).await?;
        let waiting = Waiting::default();
        Ok(Self {
            queue: subscription.queue().clone(),
            state: subscription.state(),
            waiting: waiting.clone(),
            pump: tokio::spawn(pump(subscription, waiting)),
        })
    }

    /// Waits for the reply to request `id` from now on, which is before it is published.
    fn expect(&self, id: String) -> Awaited {
        let (reply, receiver) = oneshot::channel();
        let mut waiting = self.waiting.lock();
        // Under the lock: an interruption after this is seen by the pump after the request is there.
        let session = self.state.borrow().session();
        waiting.insert(id.clone(), Asked { session, reply });
        drop(waiting);
        Awaited {
            id,
            waiting: self.waiting.clone(),
            receiver,
        }
    }
}

impl Drop for Replies {
    fn drop(&mut self) {
        self.pump.abort();
    }
}

/// Hands each reply to whoever waits for it. A reply that came after its requester gave up is dropped.
async fn pump(mut replies: Subscription, waiting: Waiting) {
    let mut state = replies.state();
    loop {
        tokio::select! {
            // Replies that came before an interruption are handed on before it.
            biased;
            delivery = replies.next() => match delivery {
                Some(delivery) => hand_on(delivery, &waiting),
                None => break,
            },
            Ok(()) = state.changed() => {
                let session = state.borrow_and_update().session();
                waiting.give_up_before(session);
            }
        }
    }
    waiting.give_up_before(u64::MAX);
}

fn hand_on(delivery: Delivery, waiting: &Waiting) {
    let reply = delivery.message().clone();
    // The process that asked is the only one that could use the reply, so that a lost settlement costs nothing.
    let _ = delivery.ack();
    let Some(sender) = reply
        .properties
        .correlation_id
        .as_deref()
        .and_then(|id| waiting.take(id))
    else {
        tracing::debug!(messaging.message.conversation_id = ?reply.properties.correlation_id, "a reply nobody waits for");
        return;
    };
    let _ = sender.send(reply);
}

/// A reply that is waited for; dropping it stops waiting.
struct Awaited {
    id: String,
    waiting: Waiting,
    receiver: oneshot::Receiver<Message>,
}

impl Waiting {
    fn take(&self, id: &str) -> Option<oneshot::Sender<Message>> {
        self.lock().remove(id).map(|asked| asked.reply)
    }

    /// Tells everybody who asked before `session` that no reply will come.
    fn give_up_before(&self, session: u64) {
        self.lock().retain(|_, asked| asked.session >= session);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Asked>> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        self.waiting.take(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, future::BoxFuture};
    use tokio::sync::mpsc;

    use super::*;
    use crate::{PublishError, Settle, SettleError, Settlement, SubscribeError};

    const LIMIT: Duration = Duration::from_secs(20);

    /// A bus that takes every request, and whose replies and interruptions the test makes.
    #[derive(Debug)]
    struct ByHand {
        asked: mpsc::UnboundedSender<Message>,
        replies: Mutex<Option<mpsc::Receiver<Delivery>>>,
        state: watch::Sender<State>,
    }

    impl Bus for ByHand {
        fn publish(&self, message: Message) -> BoxFuture<'_, Result<Routed, PublishError>> {
            self.asked.send(message).unwrap();
            std::future::ready(Ok(Routed::ToQueue)).boxed()
        }

        fn subscribe(&self, queue: Queue) -> BoxFuture<'_, Result<Subscription, SubscribeError>> {
            let replies = self.replies.lock().unwrap().take().unwrap();
            let state = self.state.subscribe();
            let subscription = Subscription::new(queue.name, replies, state, ());
            std::future::ready(Ok(subscription)).boxed()
        }
    }

    struct Settled;

    impl Settle for Settled {
        fn settle(&self, _tag: u64, _settlement: Settlement) -> Result<(), SettleError> {
            Ok(())
        }
    }

    fn reply_to(asked: &Message) -> Delivery {
        let mut reply = Message::event(RoutingKey::from_static("reply"), "1");
        reply.properties.correlation_id = asked.properties.correlation_id.clone();
        Delivery::new(reply, 1, 1, Arc::new(Settled))
    }

    /// The connection drops and is back before anybody looks.
    #[tokio::test]
    async fn only_what_was_asked_before_an_interruption_fails() {
        let (asked, mut requests) = mpsc::unbounded_channel();
        let (replies, receiver) = mpsc::channel(4);
        let state = watch::Sender::new(State::FIRST);
        let requester = Requester::new(Arc::new(ByHand {
            asked,
            replies: Mutex::new(Some(receiver)),
            state: state.clone(),
        }));
        let request = || {
            let message = Message::event(RoutingKey::from_static("agent.ask"), "1");
            requester.request(message, LIMIT).boxed()
        };
        let mut old = request();
        assert!((&mut old).now_or_never().is_none());
        let interrupted = State::Interrupted {
            session: 1,
            reason: "cut".to_owned(),
        };
        state.send_replace(interrupted);
        let mut meanwhile = request();
        assert!((&mut meanwhile).now_or_never().is_none());
        state.send_replace(State::Consuming { session: 2 });
        let mut new = request();
        assert!((&mut new).now_or_never().is_none());

        let lost = old.await.map(drop);
        assert!(
            matches!(lost, Err(RequestError::Interrupted { .. })),
            "{lost:?}"
        );
        let _old = requests.recv().await;
        for waiting in [meanwhile, new] {
            let asked = requests.recv().await.unwrap();
            replies.send(reply_to(&asked)).await.unwrap();
            waiting.await.unwrap();
        }
    }
}
