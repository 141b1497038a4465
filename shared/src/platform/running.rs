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

/// What became of the work of agents that were stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped {
    /// Messages that were not ended within the grace period, and went back to their queues.
    pub given_back: usize,
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.given_back {
            0 => f.write_str("all messages in flight were finished"),
            1 => f.write_str("a message was not finished in time and went back to its queue"),
            messages => write!(
                f,
                "{messages} messages were not finished in time and went back to their queues"
            ),
        }
    }
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

    /// How many messages are worked on now.
    pub fn in_flight(&self) -> usize {
        self.crew.in_flight.now()
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
    pub async fn stop(self) -> Stopped {
        let grace = self.platform.config().agent.grace;
        let in_flight = self.crew.in_flight.clone();
        self.crew.end(grace).await;
        self.platform.close().await;
        Stopped {
            given_back: in_flight.given_back(),
        }
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

#[cfg(test)]
mod tests {
    use std::{future::pending, time::Duration};

    use chimera_bus::{Message, RoutingKey};
    use serde_json::Value;
    use tokio::sync::mpsc;

    use super::*;
    use crate::{BaseAgent, Context, HandleError, config::Config};

    #[tokio::test]
    async fn what_does_not_end_in_time_is_counted() {
        let directory = tempfile::tempdir().unwrap();
        let mut config = Config::for_test(directory.path());
        config.agent.grace = Duration::ZERO;
        let (began, mut begun) = mpsc::channel(1);
        let never = move |_: Context, _: Value| {
            let began = began.clone();
            async move {
                began.send(()).await.expect("the test listens");
                pending::<Result<(), HandleError>>().await
            }
        };
        let agent = BaseAgent::new("slow_agent").on("slow.work", never);
        let platform = Platform::open(config, "a test").await.unwrap();
        let running = platform.start(vec![agent]).await.unwrap();
        assert_eq!(running.in_flight(), 0);
        let bus = running.platform().bus();
        for _ in 0..2 {
            let work = Message::event(RoutingKey::from_static("slow.work"), "{}");
            let _routed = bus.publish(work).await.unwrap();
            begun.recv().await.unwrap();
        }
        drop(bus);
        assert_eq!(running.in_flight(), 2);
        let stopped = running.stop().await;
        assert_eq!(stopped, Stopped { given_back: 2 });
        assert!(stopped.to_string().starts_with("2 messages"), "{stopped}");
    }
}
