//! How an agent is written: a name, and a handler for each routing key.

use std::{net::SocketAddr, num::NonZeroU16, time::Duration};

use axum::Router;
use chimera_bus::{BindingKey, InvalidName, Queue, QueueName};
use serde::{Serialize, de::DeserializeOwned};

use crate::agent::handler::{Handler, Route};

/// An agent to be run: by [`crate::main()`] in a process of its own, or by a [`crate::Platform`] among others.
///
/// ```
/// use chimera_shared::{BaseAgent, Context, HandleError};
///
/// async fn on_tick(cx: Context, price: f64) -> Result<(), HandleError> {
///     if price > 100.0 {
///         cx.publish("alert.raised", &price).await?;
///     }
///     Ok(())
/// }
///
/// let agent = BaseAgent::new("tick_agent").on("market.tick.*", on_tick);
/// ```
#[derive(Debug)]
#[must_use = "an agent does nothing until it is run"]
pub struct BaseAgent {
    pub(crate) name: String,
    pub(crate) routes: Vec<Route>,
    pub(crate) instance_routes: Vec<Route>,
    pub(crate) web: Option<Web>,
    pub(crate) prefetch: Option<NonZeroU16>,
    pub(crate) concurrency: Option<usize>,
    pub(crate) handler_timeout: Option<Duration>,
    pub(crate) uses_timeseries: bool,
    invalid: Option<InvalidName>,
}

/// HTTP routes of an agent, and where they are served.
#[derive(Debug)]
pub(crate) struct Web {
    pub(crate) setting: &'static str,
    pub(crate) listen: SocketAddr,
    pub(crate) router: Router,
}

impl BaseAgent {
    /// An agent called `name`: the name of its service, and of its queue.
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        let invalid = QueueName::new(name.clone()).err();
        Self {
            name,
            routes: Vec::new(),
            instance_routes: Vec::new(),
            web: None,
            prefetch: None,
            concurrency: None,
            handler_timeout: None,
            uses_timeseries: false,
            invalid,
        }
    }

    /// The agent's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Handles messages whose routing key matches `key` (`*` is one word, `#` any number). All instances of the
    /// agent share the work. A message that several keys match goes to the handler registered first.
    pub fn on<I, O>(mut self, key: &str, handler: impl Handler<I, O>) -> Self
    where
        I: DeserializeOwned + Send + 'static,
        O: Serialize + Send + 'static,
    {
        if let Some(key) = self.key(key) {
            self.routes.push(Route::new(key, handler));
        }
        self
    }

    /// Handles messages whose routing key matches `key` in each instance of the agent: news rather than work. They
    /// are neither kept while no instance runs nor retried.
    pub fn on_each_instance<I, O>(mut self, key: &str, handler: impl Handler<I, O>) -> Self
    where
        I: DeserializeOwned + Send + 'static,
        O: Serialize + Send + 'static,
    {
        if let Some(key) = self.key(key) {
            self.instance_routes.push(Route::new(key, handler));
        }
        self
    }

    /// Serves `router` on `listen`, which `setting` says: the key that is named when somebody else listens there. Each
    /// request is a SERVER span; handlers take their [`crate::Context`] as an extractor.
    pub fn serve(mut self, setting: &'static str, listen: SocketAddr, router: Router) -> Self {
        self.web = Some(Web {
            setting,
            listen,
            router,
        });
        self
    }

    /// How many deliveries may be unsettled at a time, instead of the configured number.
    pub fn prefetch(mut self, prefetch: NonZeroU16) -> Self {
        self.prefetch = Some(prefetch);
        self
    }

    /// How many handlers may run at a time, instead of the configured number.
    pub fn concurrency(mut self, concurrency: usize) -> Self {
        self.concurrency = Some(concurrency.max(1));
        self
    }

    /// How long one attempt of a handler may take, instead of the configured time. A message's deadline still bounds it.
    pub fn handler_timeout(mut self, timeout: Duration) -> Self {
        self.handler_timeout = Some(timeout);
        self
    }

    /// Opens the embedded time series beside the start of the agent. Otherwise whoever uses them first waits for their
    /// files.
    pub fn uses_timeseries(mut self) -> Self {
        self.uses_timeseries = true;
        self
    }

    /// The queue whose messages the agent's instances share; `None` for an agent that consumes none, or has no valid name.
    pub fn work_queue(&self) -> Option<QueueName> {
        match self.routes.is_empty() {
            true => None,
            false => QueueName::new(self.name.clone()).ok(),
        }
    }

    /// The queues the agent consumes, with the routes that each feeds.
    ///
    /// # Errors
    /// [`InvalidName`] when the agent's name or one of its keys cannot be a name of AMQP.
    pub(crate) fn queues(
        &self,
        default_prefetch: NonZeroU16,
    ) -> Result<Vec<(Queue, Vec<Route>)>, InvalidName> {
        if let Some(invalid) = &self.invalid {
            return Err(invalid.clone());
        }
        let prefetch = self.prefetch.unwrap_or(default_prefetch);
        let bound = |queue: Queue, routes: &[Route]| {
            let queue = routes
                .iter()
                .fold(queue, |queue, route| queue.bind(route.key.clone()));
            (queue.prefetch(prefetch), routes.to_vec())
        };
        let mut queues = Vec::new();
        if !self.routes.is_empty() {
            queues.push(bound(
                Queue::work(QueueName::new(self.name.clone())?),
                &self.routes,
            ));
        }
        if !self.instance_routes.is_empty() {
            queues.push(bound(Queue::instance(&self.name), &self.instance_routes));
        }
        Ok(queues)
    }

    fn key(&mut self, key: &str) -> Option<BindingKey> {
        BindingKey::new(key)
            .map_err(|invalid| self.invalid.get_or_insert(invalid).clone())
            .ok()
    }
}
