//! Starting agents on a platform.

use std::sync::Arc;

use chimera_bus::{InvalidName, QueueKind, SubscribeError};

use crate::{
    BaseAgent,
    agent::{Limits, OnFailure, Services, Worker, consume::consume, spans},
    backoff::Backoff,
    config::AgentConfig,
    edge::{self, ListenError},
    health::{Health, Subscriptions},
    platform::{Platform, Running},
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
        let mut running = Running::new(self);
        for agent in agents.into_iter().rev() {
            running.start(agent).await?;
        }
        Ok(running)
    }
}

impl Running {
    async fn start(&mut self, agent: BaseAgent) -> Result<(), RunError> {
        let services = self.services(&agent.name)?;
        let subscriptions = self.consume(&agent, &services).await?;
        let health_listen = self.platform.config.agent.health_listen;
        let listener = edge::listen(health_listen, "agent.health_listen").await?;
        let health = Health::new(Arc::clone(&services), subscriptions);
        self.serve(&agent.name, "health", listener, health.router());
        if let Some(web) = agent.web {
            let listener = edge::listen(web.listen, web.setting).await?;
            let router = edge::traced(web.router, services);
            let stop = self.add_stage();
            let serving = self.listening((&agent.name, "api"), listener, router, stop);
            self.spawn(serving);
        }
        Ok(())
    }

    async fn consume(
        &mut self,
        agent: &BaseAgent,
        services: &Arc<Services>,
    ) -> Result<Subscriptions, RunError> {
        let queues = agent.queues(self.platform.config.bus.prefetch);
        let queues = queues.map_err(|source| RunError::Name {
            agent: agent.name.clone(),
            source,
        })?;
        let limits = limits(agent, &self.platform.config.agent);
        let mut states = Subscriptions::new();
        let stop = self.add_stage();
        for (queue, routes) in queues {
            let is_work = matches!(queue.kind, QueueKind::Work { .. });
            let (kind, label, failure) = if is_work {
                ("work", agent.name.as_str(), OnFailure::RetryThenDeadLetter)
            } else {
                ("instance", spans::TEMPORARY, OnFailure::Drop)
            };
            let subscription = services.bus.subscribe(queue).await?;
            states.insert(kind, subscription.state());
            let worker = Worker {
                services: Arc::clone(services),
                queue: subscription.queue().clone(),
                label: label.to_owned(),
                routes,
                limits,
                failure,
                settle_spans: self.platform.config.telemetry.settle_spans,
            };
            self.spawn(consume(Arc::new(worker), subscription, stop.clone()));
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
