//! Agents that run: started together, stopped together.

use std::{fmt, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use chimera_bus::{InvalidName, QueueKind, SubscribeError};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    BaseAgent,
    agent::{Limits, OnFailure, Services, Worker, consume::consume, spans},
    backoff::Backoff,
    edge::{self, ListenError},
    health::{Health, Subscriptions},
    platform::Platform,
    telemetry::{Telemetry, TelemetryError},
};

/// Agents on their platform. They run until [`Running::stop`].
pub struct Running {
    platform: Platform,
    addresses: Vec<Address>,
    telemetries: Vec<Telemetry>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

/// Where something listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The agent, or the part of the platform.
    pub service: String,
    /// What is served there: `api` for an agent's own routes, `health` for its health routes, or as it was named.
    pub purpose: &'static str,
    /// The address, with the port the system chose where 0 was asked for.
    pub address: SocketAddr,
}

/// An agent could not be started.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A name that the bus cannot carry.
    #[error("agent `{agent}`")]
    Name {
        /// The agent.
        agent: String,
        /// What is wrong with it.
        #[source]
        source: InvalidName,
    },
    /// Its queue could not be had.
    #[error(transparent)]
    Subscribe(#[from] SubscribeError),
    /// Its address could not be had.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// Its telemetry could not be set up.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
}

impl Platform {
    /// Starts `agents`. When this returns, each consumes its queue and listens where it should.
    ///
    /// # Errors
    /// See [`RunError`]; agents that had been started are stopped again.
    pub async fn start(self, agents: Vec<BaseAgent>) -> Result<Running, RunError> {
        let mut running = Running {
            platform: self,
            addresses: Vec::new(),
            telemetries: Vec::new(),
            stop: CancellationToken::new(),
            tasks: JoinSet::new(),
        };
        for agent in agents {
            running.start(agent).await?;
        }
        Ok(running)
    }
}

impl Running {
    /// The platform underneath.
    pub fn platform(&self) -> &Platform {
        &self.platform
    }

    /// Who listens where.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// Where `service` serves `purpose`.
    pub fn address(&self, service: &str, purpose: &str) -> Option<SocketAddr> {
        let is_it = |address: &&Address| address.service == service && address.purpose == purpose;
        self.addresses
            .iter()
            .find(is_it)
            .map(|address| address.address)
    }

    /// `router` with a span and a [`crate::Context`] for each request, as the service `service`.
    ///
    /// # Errors
    /// [`TelemetryError`] when its telemetry cannot be set up.
    pub fn traced(&mut self, service: &str, router: Router) -> Result<Router, TelemetryError> {
        let services = self.services(service)?;
        Ok(edge::traced(router, services))
    }

    /// Serves `router` on `listener` until the platform stops, as `purpose` of `service`.
    pub fn serve(
        &mut self,
        service: &str,
        purpose: &'static str,
        listener: TcpListener,
        router: Router,
    ) {
        self.listen(service, purpose, listener, router);
    }

    /// Stops consuming and listening, lets what is in flight finish within the configured grace period, flushes
    /// telemetry, and closes the platform.
    pub async fn stop(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
        for telemetry in std::mem::take(&mut self.telemetries) {
            // Exporters flush on threads of their own, and this waits for them.
            let flushed =
                tokio::task::spawn_blocking(move || telemetry.shutdown(FLUSH_LIMIT)).await;
            debug_assert!(flushed.is_ok(), "flushing telemetry panicked");
        }
        self.platform.bus.close().await;
        self.platform.documents.close().await;
    }

    fn services(&mut self, agent: &str) -> Result<Arc<Services>, TelemetryError> {
        let services = self.platform.services(agent)?;
        self.telemetries.push(services.telemetry.clone());
        Ok(services)
    }

    async fn start(&mut self, agent: BaseAgent) -> Result<(), RunError> {
        let services = self.services(&agent.name)?;
        let subscriptions = self.consume(&agent, &services).await?;
        if let Some(web) = agent.web {
            let listener = edge::listen(web.listen, web.setting).await?;
            self.listen(
                &agent.name,
                "api",
                listener,
                edge::traced(web.router, Arc::clone(&services)),
            );
        }
        let listener = edge::listen(
            self.platform.config.agent.health_listen,
            "agent.health_listen",
        )
        .await?;
        let health = Health::new(services, subscriptions);
        self.listen(&agent.name, "health", listener, health.router());
        Ok(())
    }

    async fn consume(
        &mut self,
        agent: &BaseAgent,
        services: &Arc<Services>,
    ) -> Result<Subscriptions, RunError> {
        let config = &self.platform.config;
        let queues = agent
            .queues(config.bus.prefetch)
            .map_err(|source| RunError::Name {
                agent: agent.name.clone(),
                source,
            })?;
        let limits = Limits {
            concurrency: agent.concurrency.unwrap_or(config.agent.concurrency.get()),
            max_attempts: config.agent.max_attempts.get(),
            handler_timeout: agent
                .handler_timeout
                .unwrap_or(config.agent.handler_timeout),
            backoff: Backoff {
                base: config.agent.backoff_base,
                max: config.agent.backoff_max,
            },
        };
        let grace = config.agent.grace;
        let mut states = Subscriptions::new();
        for (queue, routes) in queues {
            let failure = match queue.kind {
                QueueKind::Work { .. } => OnFailure::RetryThenDeadLetter,
                QueueKind::DeadLetters | QueueKind::Instance | QueueKind::Replies => {
                    OnFailure::Drop
                }
            };
            let kind = if failure == OnFailure::Drop {
                "instance"
            } else {
                "work"
            };
            let subscription = services.bus.subscribe(queue).await?;
            states.insert(kind, subscription.state());
            let worker = Arc::new(Worker {
                services: Arc::clone(services),
                label: if failure == OnFailure::Drop {
                    spans::TEMPORARY.to_owned()
                } else {
                    agent.name.clone()
                },
                queue: subscription.queue().clone(),
                routes,
                limits,
                failure,
            });
            self.tasks
                .spawn(consume(worker, subscription, self.stop.clone(), grace));
        }
        Ok(states)
    }

    fn listen(
        &mut self,
        service: &str,
        purpose: &'static str,
        listener: TcpListener,
        router: Router,
    ) {
        // A listener that is bound has an address; one without could not be reached by anybody anyway.
        let Ok(address) = listener.local_addr() else {
            return;
        };
        self.addresses.push(Address {
            service: service.to_owned(),
            purpose,
            address,
        });
        let (stop, grace) = (self.stop.clone(), self.platform.config.agent.grace);
        let service = service.to_owned();
        self.tasks.spawn(async move {
            let serving = edge::serve(listener, router, stop.clone());
            let limit = async {
                stop.cancelled().await;
                tokio::time::sleep(grace).await;
            };
            tokio::select! {
                served = serving => if let Err(error) = served {
                    tracing::error!(service, %error, "listening ended");
                },
                () = limit => tracing::warn!(service, "the grace period is over, open requests are cut"),
            }
        });
    }
}

/// How long telemetry may take to export what is left.
const FLUSH_LIMIT: Duration = Duration::from_secs(5);

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running")
            .field("addresses", &self.addresses)
            .finish_non_exhaustive()
    }
}
