//! Starting agents on a platform.

use std::{net::SocketAddr, sync::Arc};

use chimera_bus::{InvalidName, QueueKind, SubscribeError};
use tracing::instrument::WithSubscriber as _;

use crate::{
    BaseAgent,
    agent::{Limits, OnFailure, Services, Worker, consume::consume, spans},
    backoff::Backoff,
    config::AgentConfig,
    edge::{self, ListenError},
    health::{Health, Needs, Subscriptions},
    platform::{OpenError, Platform, Running, Waits, crew::Crew},
    telemetry::TelemetryError,
};

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
    /// What it runs on could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Several agents of one process are to answer for their health on one port.
    #[error(
        "agent.health_listen is {listen}, and this process has {agents} agents: give it port 0, \
         so that each takes one of its own"
    )]
    SharedHealth {
        /// What the setting says.
        listen: SocketAddr,
        /// How many agents there are.
        agents: usize,
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
    /// Starts `agents`, which stand in the way of the work: one that asks others comes before them. They are started
    /// from the last to the first, so that nobody asks where nobody listens, and stopped the other way round. When this
    /// returns, each consumes its queue and listens where it should.
    ///
    /// # Errors
    /// See [`RunError`]; agents that had been started are stopped again.
    pub async fn start(self, agents: Vec<BaseAgent>) -> Result<Running, RunError> {
        let mut running = Running {
            platform: self,
            crew: Crew::default(),
        };
        let mut listening = Vec::new();
        for agent in agents {
            let health = Health::new(running.telemetry(&agent.name)?, Waits::default());
            let health_listen = running.platform.config().agent.health_listen;
            let listener = edge::listen(health_listen, "agent.health_listen").await?;
            running.serve(&agent.name, "health", listener, health.clone().router());
            listening.push((agent, health));
        }
        running.start_all(listening).await?;
        Ok(running)
    }
}

impl Running {
    /// Starts agents from the last to the first, and watches what they need.
    pub(super) async fn start_all(
        &mut self,
        agents: Vec<(BaseAgent, Health)>,
    ) -> Result<(), RunError> {
        for (agent, health) in agents.into_iter().rev() {
            self.start(agent, &health).await?;
        }
        let checks = self.platform.checks.clone();
        self.crew.attend(|stop| checks.watch(stop.finish));
        Ok(())
    }

    async fn start(&mut self, agent: BaseAgent, health: &Health) -> Result<(), RunError> {
        let services = self.services(&agent.name)?;
        if agent.uses_timeseries {
            self.open_timeseries(&services);
        }
        let subscriptions = self.consume(&agent, &services).await?;
        let bus_url = self.platform.config().bus.url.server();
        let broker = bus_url.zip(self.platform.bus.connectivity());
        health.running(Needs {
            broker: broker.map(|(url, state)| (url.place(), state)),
            subscriptions,
            checks: self.platform.checks.clone(),
        });
        if let Some(web) = agent.web {
            let listener = edge::listen(web.listen, web.setting).await?;
            let router = edge::traced(web.router, services);
            let stop = self.crew.add_stage();
            let serving = self
                .crew
                .listening((&agent.name, "api"), listener, router, stop);
            self.crew.spawn(serving);
        }
        Ok(())
    }

    /// Beside everything else, for nobody has asked yet.
    fn open_timeseries(&mut self, services: &Arc<Services>) {
        let timeseries = services.timeseries.clone();
        let opening = async move {
            if let Err(error) = timeseries.open_files().await {
                let error = format!("{:#}", anyhow::Error::new(error));
                tracing::warn!(
                    error,
                    "the time series cannot be opened: it is tried again when they are used"
                );
            }
        };
        let dispatch = services.messaging.telemetry.dispatch().clone();
        self.crew.attend(|_| opening.with_subscriber(dispatch));
    }

    async fn consume(
        &mut self,
        agent: &BaseAgent,
        services: &Arc<Services>,
    ) -> Result<Subscriptions, RunError> {
        let queues = agent.queues(self.platform.config().bus.prefetch);
        let queues = queues.map_err(|source| RunError::Name {
            agent: agent.name.clone(),
            source,
        })?;
        let limits = limits(agent, &self.platform.config().agent);
        let mut states = Subscriptions::new();
        let stop = self.crew.add_stage();
        for (queue, routes) in queues {
            let is_work = matches!(queue.kind, QueueKind::Work { .. });
            let (kind, label, failure) = if is_work {
                ("work", agent.name.as_str(), OnFailure::RetryThenDeadLetter)
            } else {
                ("instance", spans::TEMPORARY, OnFailure::Drop)
            };
            let subscription = services.messaging.bus.subscribe(queue).await?;
            states.insert(kind, subscription.state());
            if let Some(depth) = self.platform.bus.depth(subscription.queue()) {
                let metrics = services.messaging.telemetry.metrics();
                metrics.watch_queue(label, depth);
            }
            let worker = Worker {
                services: Arc::clone(services),
                queue: subscription.queue().clone(),
                label: label.to_owned(),
                routes,
                limits,
                failure,
                settle_spans: self.platform.config().telemetry.settle_spans,
            };
            let consuming = consume(Arc::new(worker), subscription, stop.clone());
            let dispatch = services.messaging.telemetry.dispatch().clone();
            self.crew.spawn(consuming.with_subscriber(dispatch));
        }
        Ok(states)
    }
}

fn limits(agent: &BaseAgent, config: &AgentConfig) -> Limits {
    Limits {
        concurrency: agent.concurrency.unwrap_or(config.concurrency.get()),
        max_attempts: config.max_attempts.get(),
        handler_timeout: agent.handler_timeout.unwrap_or(config.handler_timeout),
        backoff: Backoff {
            base: config.backoff_base,
            max: config.backoff_max,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[tokio::test]
    async fn only_an_agent_that_uses_them_has_time_series_opened() {
        async fn check(agent: BaseAgent, expected: bool) {
            let directory = tempfile::tempdir().unwrap();
            let config = Config::for_test(directory.path());
            let platform = Platform::open(config, "a test").await.unwrap();
            let running = platform.start(vec![agent]).await.unwrap();
            // The end waits for what was begun.
            running.stop().await;
            let files = directory.path().join("timeseries");
            assert_eq!(files.is_dir(), expected);
        }
        check(BaseAgent::new("plain"), false).await;
        check(BaseAgent::new("with_series").uses_timeseries(), true).await;
    }
}
