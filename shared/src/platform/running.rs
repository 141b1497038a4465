//! Agents that run.

use std::{fmt, net::SocketAddr, path::Path, sync::Arc};

use axum::Router;
use tokio::net::TcpListener;

use crate::{
    agent::Services,
    edge,
    platform::{Address, Platform, crew::Crew},
    telemetry::{Telemetry, TelemetryError},
};

/// Agents on their platform. They run until [`Running::stop`].
pub struct Running {
    pub(super) platform: Platform,
    pub(super) crew: Crew,
}

impl Running {
    /// The platform underneath.
    pub fn platform(&self) -> &Platform {
        &self.platform
    }

    /// The data directory that the process has to itself; `None` where all it keeps is on servers.
    pub fn data_dir(&self) -> Option<&Path> {
        self.platform.local.data_dir()
    }

    /// Who listens where.
    pub fn addresses(&self) -> &[Address] {
        &self.crew.addresses
    }

    /// Where `service` serves `purpose`.
    pub fn address(&self, service: &str, purpose: &str) -> Option<SocketAddr> {
        let is_it = |address: &&Address| address.service == service && address.purpose == purpose;
        self.addresses()
            .iter()
            .find(is_it)
            .map(|address| address.address)
    }

    /// The telemetry of `service`: that of its agent, if there is one.
    ///
    /// # Errors
    /// [`TelemetryError`] when it cannot be set up.
    pub fn telemetry(&mut self, service: &str) -> Result<Telemetry, TelemetryError> {
        self.crew.telemetry(&self.platform.local, service)
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
        self.crew.serve((service, purpose), listener, router);
    }

    /// Stops the agents in the order they were given: each takes no more work, finishes what it has while those after
    /// it still work for it, and settles. What is not done within the configured grace period is given up. Then
    /// telemetry is flushed, and the platform closed.
    pub async fn stop(self) {
        let grace = self.platform.config().agent.grace;
        self.crew.end(grace).await;
        self.platform.close().await;
    }

    pub(super) fn services(&mut self, agent: &str) -> Result<Arc<Services>, TelemetryError> {
        let telemetry = self.telemetry(agent)?;
        Ok(self.platform.services(telemetry, agent))
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running")
            .field("addresses", &self.crew.addresses)
            .finish_non_exhaustive()
    }
}
