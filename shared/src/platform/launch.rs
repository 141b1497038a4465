//! The beginning of a process, in steps, so that it answers for its health while it waits for its servers.

use std::{net::SocketAddr, path::Path};

use tracing::instrument::WithSubscriber as _;

use crate::{
    BaseAgent,
    config::Config,
    data_dir::DataDir,
    door, edge,
    health::Health,
    platform::{
        Address, OpenError, Platform, RunError, Running, Waits,
        crew::Crew,
        local::{Local, needs_data_dir},
    },
    telemetry::{Telemetry, TelemetryError},
};

/// A process that has its data directory to itself, if it needs one, and has opened nothing yet.
#[derive(Debug)]
pub struct Prepared {
    config: Config,
    data_dir: Option<DataDir>,
}

/// Agents about to run: their health routes are served, and say that they are not ready.
#[derive(Debug)]
pub struct Launching {
    local: Local,
    crew: Crew,
    agents: Vec<(BaseAgent, Health)>,
    waits: Waits,
    log: Telemetry,
}

impl Platform {
    /// Takes the data directory for `program`, unless everything that is kept is on servers.
    ///
    /// # Errors
    /// [`OpenError::DataDir`] when another process has it, or it cannot be used.
    pub fn prepare(config: Config, program: &str) -> Result<Prepared, OpenError> {
        let data_dir = match needs_data_dir(&config) {
            true => Some(DataDir::open(&config.data_dir, program)?),
            false => None,
        };
        Ok(Prepared { config, data_dir })
    }
}

impl Prepared {
    /// The data directory that the process has to itself; `None` where all it keeps is on servers.
    pub fn data_dir(&self) -> Option<&Path> {
        self.data_dir.as_ref().map(DataDir::path)
    }

    /// Opens the parts without running agents; see [`Platform::open`].
    pub(super) async fn open(self) -> Result<Platform, OpenError> {
        let local = Local::open(self.config, self.data_dir).await?;
        let log = local.telemetry(door::SERVICE)?;
        let waits = Waits::default();
        let connecting = local.connect(&waits, &log);
        connecting.with_subscriber(log.dispatch().clone()).await
    }

    /// Opens the embedded parts, and serves the health routes of `agents`.
    ///
    /// # Errors
    /// See [`RunError`].
    pub async fn listen(self, agents: Vec<BaseAgent>) -> Result<Launching, RunError> {
        let local = Local::open(self.config, self.data_dir).await?;
        let (mut crew, waits) = (Crew::default(), Waits::default());
        let listen = local.config.agent.health_listen;
        refuse_shared(listen, agents.len())?;
        let mut launched = Vec::new();
        for agent in agents {
            let telemetry = crew.telemetry(&local, agent.name())?;
            let health = Health::new(telemetry, waits.clone());
            let listener = edge::listen(listen, "agent.health_listen").await?;
            crew.serve((agent.name(), "health"), listener, health.clone().router());
            launched.push((agent, health));
        }
        let log = log_of(&mut crew, &local, &launched)?;
        Ok(Launching {
            local,
            crew,
            agents: launched,
            waits,
            log,
        })
    }
}

/// The log of the process itself: of its agent, or of all together where it has several.
fn log_of(
    crew: &mut Crew,
    local: &Local,
    agents: &[(BaseAgent, Health)],
) -> Result<Telemetry, TelemetryError> {
    let service = match agents {
        [(agent, _)] => agent.name(),
        _ => door::SERVICE,
    };
    crew.telemetry(local, service)
}

/// Several agents of one process cannot have one port.
fn refuse_shared(listen: SocketAddr, agents: usize) -> Result<(), RunError> {
    match listen.port() != 0 && agents > 1 {
        true => Err(RunError::SharedHealth { listen, agents }),
        false => Ok(()),
    }
}

impl Launching {
    /// Who listens already: the health routes.
    pub fn addresses(&self) -> &[Address] {
        &self.crew.addresses
    }

    /// Where the process itself logs.
    pub fn log(&self) -> &Telemetry {
        &self.log
    }

    /// Connects to the servers, waiting for those that cannot be reached, and starts the agents; see
    /// [`Platform::start`].
    ///
    /// # Errors
    /// See [`RunError`]; what had been started is stopped again.
    ///
    /// # Cancel safety
    /// Dropping the future ends what was begun.
    pub async fn launch(self) -> Result<Running, RunError> {
        let dispatch = self.log.dispatch().clone();
        let launching = async {
            let platform = self.local.connect(&self.waits, &self.log).await?;
            let mut running = Running {
                platform,
                crew: self.crew,
            };
            running.start_all(self.agents).await?;
            // What cannot be used from the beginning is told now, and not only when somebody asks.
            running.platform.checks.seen().await;
            Ok(running)
        };
        launching.with_subscriber(dispatch).await
    }
}
