//! Agents that run: where they listen, and how they are stopped together.

use std::{fmt, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use tokio::{net::TcpListener, task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    agent::Services,
    edge,
    platform::Platform,
    telemetry::{Telemetry, TelemetryError},
};

/// How long telemetry may take to export what is left.
const FLUSH_LIMIT: Duration = Duration::from_secs(5);

/// Agents on their platform. They run until [`Running::stop`].
pub struct Running {
    pub(super) platform: Platform,
    addresses: Vec<Address>,
    telemetries: Vec<Telemetry>,
    /// In the order they were started; each may need those before it.
    stages: Vec<Stage>,
    /// What all stages may need until they have ended.
    background: Stage,
    give_up: CancellationToken,
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

/// Tasks that are stopped together.
#[derive(Debug, Default)]
struct Stage {
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

/// How a task learns that it is to end.
#[derive(Debug, Clone)]
pub(crate) struct Stop {
    /// Take no more work, and finish what is there.
    pub(crate) finish: CancellationToken,
    /// The grace period is over: end now.
    pub(crate) give_up: CancellationToken,
}

impl Stage {
    async fn end(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

impl Running {
    pub(super) fn new(platform: Platform) -> Self {
        Self {
            platform,
            addresses: Vec::new(),
            telemetries: Vec::new(),
            stages: Vec::new(),
            background: Stage::default(),
            give_up: CancellationToken::new(),
        }
    }

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

    /// Serves `router` on `listener` as `purpose` of `service`, until every agent has stopped.
    pub fn serve(
        &mut self,
        service: &str,
        purpose: &'static str,
        listener: TcpListener,
        router: Router,
    ) {
        let stop = self.stop_of(&self.background);
        let serving = self.listening((service, purpose), listener, router, stop);
        self.background.tasks.spawn(serving);
    }

    /// Stops the agents in the order they were given: each takes no more work, finishes what it has while those after
    /// it still work for it, and settles. What is not done within the configured grace period is given up. Then
    /// telemetry is flushed, and the platform closed.
    pub async fn stop(mut self) {
        let (give_up, grace) = (self.give_up.clone(), self.platform.config.agent.grace);
        let mut limit = JoinSet::new();
        limit.spawn(async move {
            sleep(grace).await;
            give_up.cancel();
        });
        while let Some(stage) = self.stages.pop() {
            stage.end().await;
        }
        self.background.end().await;
        limit.abort_all();
        let mut flushing = JoinSet::new();
        for telemetry in self.telemetries {
            // Exporters flush on threads of their own, and this waits for them.
            flushing.spawn_blocking(move || telemetry.shutdown(FLUSH_LIMIT));
        }
        while flushing.join_next().await.is_some() {}
        self.platform.bus.close().await;
        self.platform.documents.close().await;
    }

    pub(super) fn services(&mut self, agent: &str) -> Result<Arc<Services>, TelemetryError> {
        let services = self.platform.services(agent)?;
        self.telemetries.push(services.telemetry.clone());
        Ok(services)
    }

    /// Begins a stage; it will be stopped before those that are there.
    pub(super) fn add_stage(&mut self) -> Stop {
        let stage = Stage::default();
        let stop = self.stop_of(&stage);
        self.stages.push(stage);
        stop
    }

    /// Runs `task` in the stage that was begun last.
    pub(super) fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        let stage = self.stages.last_mut().unwrap_or(&mut self.background);
        stage.tasks.spawn(task);
    }

    /// Writes down where `listener` listens, and returns what serves it.
    pub(super) fn listening(
        &mut self,
        place: (&str, &'static str),
        listener: TcpListener,
        router: Router,
        stop: Stop,
    ) -> impl Future<Output = ()> + Send + use<> {
        let (service, purpose) = (place.0.to_owned(), place.1);
        // A listener that is bound has an address; one without could not be reached by anybody anyway.
        if let Ok(address) = listener.local_addr() {
            self.addresses.push(Address {
                service: service.clone(),
                purpose,
                address,
            });
        }
        async move {
            tokio::select! {
                served = edge::serve(listener, router, stop.finish) => if let Err(error) = served {
                    tracing::error!(service, %error, "listening ended");
                },
                () = stop.give_up.cancelled() => {
                    tracing::warn!(service, "the grace period is over, open requests are cut");
                }
            }
        }
    }

    fn stop_of(&self, stage: &Stage) -> Stop {
        Stop {
            finish: stage.stop.clone(),
            give_up: self.give_up.clone(),
        }
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running")
            .field("addresses", &self.addresses)
            .finish_non_exhaustive()
    }
}
