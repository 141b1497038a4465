//! RabbitMQ.
//!
//! A bus has two connections, one to publish and one to consume: a broker that is short of memory or disk stops reading
//! from those that publish, and acknowledgements on the same connection would wait with them. Each is kept up by a task
//! that tries the hosts of the URL in turn, and knows nothing of what the connection is used for. Above it, each channel
//! has a task of its own that opens it again, declares again what it needs, and goes on: one to publish, one for each
//! requester's replies, one for each subscription. The client's own recovery is not used: it does not repeat what was
//! under way, and it does not come back from a cancelled consumer or a closed channel. Nor does it answer all that it is asked
//! as a connection ends, so that every question here ends with its connection.
//!
//! # Publishing
//! Many messages are under way at a time (at most 32 MiB of them), each waiting for its own confirm. When the connection
//! ends, what was not confirmed is published again. While the broker cannot be reached or takes no messages, publishing
//! waits as long as [`Options::patience`] says.
//!
//! # Queues
//! Work queues and dead letters are quorum queues; those of instances live as long as their connection. A queue's retries
//! wait in queues beside it, each for waits of similar length, declared when they are first needed. Replies use
//! RabbitMQ's direct reply-to; when the connection ends, what was asked on it fails at once, since no reply can come.

mod address;
mod connect;
mod connectivity;
mod consume;
mod dead_letter;
mod error;
mod held;
mod inspect;
mod lane;
mod link;
mod options;
mod publish;
mod replies;
mod subscribe;
mod topology;
mod window;
mod wire;

use std::{
    fmt,
    future::Future,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64},
};

use futures_util::{FutureExt, future::BoxFuture};
use tokio::{sync::watch, task::JoinSet};
use tracing::instrument::WithSubscriber;

use crate::{Bus, Features, Message, PublishError, Queue, Routed, SubscribeError, Subscription};

pub use connectivity::Connectivity;
pub use error::{BrokerError, ConnectError};
pub use inspect::QueueState;
pub use options::{Options, Retry};

use connect::{Connector, Purpose};
use connectivity::Reporter;
use lane::Lane;
use link::{Keeper, Link};
use publish::Publisher;

/// A bus on RabbitMQ. A cheap clone; when the last one is dropped, the connections end.
#[derive(Clone)]
pub struct AmqpBus {
    shared: Arc<Shared>,
}

struct Shared {
    /// `agent@host:pid`
    name: String,
    retry: Retry,
    patience: std::time::Duration,
    publish_link: Link,
    consume_link: Link,
    publisher: Publisher,
    connectivity: watch::Receiver<Connectivity>,
    /// Numbers consumers.
    consumers: AtomicU64,
    /// `None` when the bus was closed.
    tasks: Mutex<Option<JoinSet<()>>>,
}

impl AmqpBus {
    /// What this bus guarantees.
    pub const FEATURES: Features = Features {
        virtual_time: false,
        durable_delivery_count: true,
        counts_what_was_seen: false,
        bounded_queues: false,
        // What RabbitMQ 4 takes unless configured otherwise.
        max_body_bytes: 16 << 20,
    };

    /// Connects to the first host of `options` that takes the connection, trying each once.
    ///
    /// # Errors
    /// See [`ConnectError`]; [`ConnectError::is_transient`] says whether waiting may help.
    ///
    /// # Cancel safety
    /// Nothing is left behind when the future is dropped.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn connect(options: Options) -> Result<Self, ConnectError> {
        let connector = Connector::new(&options)?;
        let reporter = Arc::new(Reporter::new(connector.login().places));
        let open =
            |purpose| Keeper::open(purpose, connector.clone(), options.retry, reporter.clone());
        // Both to their end, also where one fails: what is half open would be left behind.
        let (publish, consume) =
            futures_util::join!(open(Purpose::Publish), open(Purpose::Consume));
        let ((publish_keeper, publish_link), (consume_keeper, consume_link)) = (publish?, consume?);
        let (lane, publishing) = Lane::new(publish_link.clone(), options.retry, None);
        let publisher = Publisher::new(lane, consume_link.clone(), reporter.watch(), &options);
        let bus = Self {
            shared: Arc::new(Shared {
                name: connector.name().to_owned(),
                retry: options.retry,
                patience: options.patience,
                publish_link,
                consume_link,
                publisher,
                connectivity: reporter.watch(),
                consumers: AtomicU64::new(0),
                tasks: Mutex::new(Some(JoinSet::new())),
            }),
        };
        bus.shared.spawn(publish_keeper.keep());
        bus.shared.spawn(consume_keeper.keep());
        if let Some(live) = bus.shared.publish_link.now() {
            let declared = topology::declare_exchanges(&live).await;
            declared.map_err(|error| connector.refused(&error))?;
        }
        bus.shared.spawn(publishing.run());
        Ok(bus)
    }

    /// Connects, and waits for the broker where it cannot be reached yet. `on_wait` is called once, with the reason, when
    /// the wait begins.
    ///
    /// # Errors
    /// See [`ConnectError`]; those that waiting may mend are waited for.
    ///
    /// # Cancel safety
    /// Nothing is left behind when the future is dropped.
    pub async fn connect_when_ready(
        options: Options,
        on_wait: impl Fn(&ConnectError),
    ) -> Result<Self, ConnectError> {
        let mut failures = 0;
        loop {
            match Self::connect(options.clone()).await {
                Err(error) if error.is_transient() => {
                    if failures == 0 {
                        on_wait(&error);
                    }
                    failures += 1;
                    tokio::time::sleep(options.retry.pause(failures)).await;
                }
                ended => return ended,
            }
        }
    }

    /// Whether the broker is there, now and as it changes.
    pub fn state(&self) -> watch::Receiver<Connectivity> {
        self.shared.connectivity.clone()
    }

    /// Which address the connection that publishes has reached; `None` while there is none.
    pub fn publish_peer(&self) -> Option<SocketAddr> {
        self.shared.publish_link.peer()
    }

    /// Which address the connection that consumes has reached; `None` while there is none.
    pub fn consume_peer(&self) -> Option<SocketAddr> {
        self.shared.consume_link.peer()
    }

    /// Ends all subscriptions and the connections. What is not settled is delivered again, to whoever consumes then;
    /// publishing and subscribing fail from now on.
    pub async fn close(&self) {
        let tasks = self.shared.lock_tasks().take();
        if let Some(mut tasks) = tasks {
            tasks.shutdown().await;
        }
        futures_util::join!(
            self.shared.publish_link.close(),
            self.shared.consume_link.close()
        );
    }
}

impl Bus for AmqpBus {
    fn publish(&self, message: Message) -> BoxFuture<'_, Result<Routed, PublishError>> {
        self.shared.publisher.publish(message).boxed()
    }

    fn subscribe(&self, queue: Queue) -> BoxFuture<'_, Result<Subscription, SubscribeError>> {
        subscribe::subscribe(&self.shared, queue).boxed()
    }
}

impl Shared {
    /// Runs `task` until it ends or the bus does. `false` when the bus was closed.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> bool {
        let mut tasks = self.lock_tasks();
        let Some(tasks) = tasks.as_mut() else {
            return false;
        };
        while let Some(ended) = tasks.try_join_next() {
            if let Err(error) = ended {
                tracing::error!(%error, "a task of the bus panicked");
            }
        }
        // A service's subscriber is attached to its futures: this one's log lines are that service's too.
        tasks.spawn(task.with_current_subscriber());
        true
    }

    fn lock_tasks(&self) -> std::sync::MutexGuard<'_, Option<JoinSet<()>>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for AmqpBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AmqpBus")
            .field("name", &self.shared.name)
            .field("state", &*self.shared.connectivity.borrow())
            .finish_non_exhaustive()
    }
}
