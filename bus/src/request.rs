//! Request and reply over any bus: one reply queue per process, replies told apart by correlation id.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokio::{
    sync::{OnceCell, oneshot},
    task::JoinHandle,
};
use uuid::Uuid;

use crate::{
    Bus, Delivery, Message, Queue, QueueName, RequestError, Routed, State, Subscription,
    headers::name,
};

/// Sends requests and waits for their replies. A cheap clone; the reply queue is made with the first request.
#[derive(Clone)]
pub struct Requester {
    bus: Arc<dyn Bus>,
    replies: Arc<OnceCell<Replies>>,
}

struct Replies {
    queue: QueueName,
    waiting: Waiting,
    pump: JoinHandle<()>,
}

#[derive(Clone, Default)]
struct Waiting(Arc<Mutex<HashMap<String, oneshot::Sender<Message>>>>);

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
    /// The request gets a correlation id of its own, as AMQP's request-reply pattern has it: one conversation may ask
    /// several things at once.
    ///
    /// # Errors
    /// See [`RequestError`].
    ///
    /// # Cancel safety
    /// Dropping the future gives the reply up; the request may be worked on all the same.
    pub async fn request(
        &self,
        mut request: Message,
        timeout: Duration,
    ) -> Result<Message, RequestError> {
        let routing_key = request.routing_key.clone();
        let exchange = async {
            let replies = self
                .replies
                .get_or_try_init(|| Replies::subscribe(&*self.bus))
                .await?;
            let id = Uuid::now_v7().to_string();
            request.properties.correlation_id = Some(id.clone());
            request.properties.reply_to = Some(replies.queue.to_string());
            let mut reply = replies.waiting.expect(id);
            match self.bus.publish(request).await? {
                Routed::Nowhere => Err(RequestError::Unroutable {
                    routing_key: routing_key.clone(),
                }),
                Routed::ToQueue => {
                    let reply = (&mut reply.receiver).await;
                    reply.map_err(|_| RequestError::Interrupted {
                        routing_key: routing_key.clone(),
                    })
                }
            }
        };
        let reply = tokio::time::timeout(timeout, exchange)
            .await
            .map_err(|_| RequestError::Timeout {
                routing_key: routing_key.clone(),
                waited: timeout,
            })??;
        match reply.headers.get_str(name::ERROR_TYPE) {
            None => Ok(reply),
            Some(error_type) => Err(RequestError::Failed {
                agent: reply
                    .headers
                    .get_str(name::FAILED_AGENT)
                    .unwrap_or("an agent")
                    .to_owned(),
                error_type: error_type.to_owned(),
                message: reply
                    .headers
                    .get_str(name::ERROR_MESSAGE)
                    .unwrap_or("without a message")
                    .to_owned(),
                routing_key,
                reply: Box::new(reply),
            }),
        }
    }
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
        let queue = subscription.queue().clone();
        let pump = tokio::spawn(pump(subscription, waiting.clone()));
        Ok(Self {
            queue,
            waiting,
            pump,
        })
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
    let mut was_served = true;
    loop {
        tokio::select! {
            // Replies that came before an interruption are handed on before it.
            biased;
            delivery = replies.next() => match delivery {
                Some(delivery) => hand_on(delivery, &waiting),
                None => break,
            },
            Ok(()) = state.changed() => {
                let is_served = *state.borrow_and_update() == State::Consuming;
                // Served as before, and changed all the same: the interruption was over before anybody looked.
                if !is_served || was_served {
                    waiting.give_up();
                }
                was_served = is_served;
            }
        }
    }
    waiting.give_up();
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
    fn expect(&self, id: String) -> Awaited {
        let (sender, receiver) = oneshot::channel();
        self.lock().insert(id.clone(), sender);
        Awaited {
            id,
            waiting: self.clone(),
            receiver,
        }
    }

    fn take(&self, id: &str) -> Option<oneshot::Sender<Message>> {
        self.lock().remove(id)
    }

    /// Tells everybody that no reply will come.
    fn give_up(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, oneshot::Sender<Message>>> {
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
