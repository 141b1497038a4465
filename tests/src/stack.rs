//! A whole stack in a directory of its own.

mod client;

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use chimera_bus::Bus;
use chimera_cli::stack;
use chimera_shared::{BaseAgent, config::Config, platform::Running};
use chimera_traces::{
    Store,
    tree::{Span, Trace},
};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::{
    backends::{Backends, Servers},
    process::{AGENTS, Otherwise, Process, Surroundings},
    receiver::Receiver,
    stopped::{Stopped, traces},
};

/// How long a test waits for what is bound to happen before it fails.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A running stack. Its directory goes when it is dropped, and its processes are killed.
#[derive(Debug)]
pub struct Stack {
    apart: Option<Apart>,
    running: Running,
    /// The stack's own traces, or a place for those of others where it keeps none.
    store: Store,
    client: reqwest::Client,
    directory: TempDir,
}

/// What runs in processes of its own.
#[derive(Debug)]
struct Apart {
    servers: Servers,
    surroundings: Surroundings,
    /// In the order in which they are stopped.
    processes: Vec<Process>,
    started: usize,
    receiver: Receiver,
}

/// Changes a configuration.
pub type Configure = Box<dyn FnOnce(&mut Config) + Send>;

/// Whether the agents of the application run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Application {
    /// All but those that are replaced.
    #[default]
    Runs,
    /// None of them.
    Absent,
}

/// What a test wants to be otherwise than by default.
#[derive(Default)]
pub struct Setup {
    /// Changes to the configuration.
    pub configure: Option<Configure>,
    /// Agents beside those of the application.
    pub agents: Vec<BaseAgent>,
    /// Agents in place of those of the application that have their names.
    pub replace: Vec<BaseAgent>,
    /// Whether the application runs beside them.
    pub application: Application,
    /// The servers of a stack that runs on servers, instead of some of its own.
    pub servers: Option<Servers>,
    /// What the processes of one agent are configured with otherwise.
    pub apart: Option<Otherwise>,
}

impl std::fmt::Debug for Setup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Setup")
            .field("agents", &self.agents)
            .finish_non_exhaustive()
    }
}

impl Stack {
    /// A stack on `backends` as it comes.
    pub async fn start(backends: Backends) -> Result<Self> {
        Self::start_with(backends, Setup::default()).await
    }

    /// A stack on `backends`, changed by `setup`.
    pub async fn start_with(backends: Backends, setup: Setup) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let mut config = Config::for_test(directory.path());
        let servers = match (backends, setup.servers) {
            (Backends::Embedded, _) => None,
            (Backends::Servers, Some(servers)) => Some(servers),
            (Backends::Servers, None) => Some(Servers::fresh().await?),
        };
        if let Some(servers) = &servers {
            servers.write_into(&mut config)?;
        }
        if let Some(configure) = setup.configure {
            configure(&mut config);
        }
        let replaced: Vec<_> = setup
            .replace
            .iter()
            .map(|agent| agent.name().to_owned())
            .collect();
        let is_wanted = |name: &str| {
            setup.application == Application::Runs && replaced.iter().all(|other| other != name)
        };
        let running = stack::start_with(config, "a test", |agents| {
            agents.retain(|agent| servers.is_none() && is_wanted(agent.name()));
            agents.extend(setup.replace);
            agents.extend(setup.agents);
        })
        .await?;
        let store = match running.platform().traces() {
            Some(store) => store.clone(),
            None => Store::open(&directory.path().join("traces-of-others"))?,
        };
        let mut stack = Self {
            apart: None,
            running,
            store,
            client: client::client()?,
            directory,
        };
        if let Some(servers) = servers {
            stack.apart = Some(stack.apart(servers, setup.apart).await?);
            let wanted = AGENTS.into_iter().filter(|agent| is_wanted(agent));
            stack.start_processes(wanted).await?;
        }
        Ok(stack)
    }

    async fn apart(&self, servers: Servers, apart: Option<Otherwise>) -> Result<Apart> {
        let receiver = Receiver::start(self.store.clone()).await?;
        // Where the recorded sources listen is known by now.
        let mut config = self.running.platform().config().clone();
        // Tests look at spans while a question is on its way.
        config.telemetry.batch.schedule_delay = Duration::from_millis(20);
        let endpoint = receiver.endpoint();
        Ok(Apart {
            surroundings: Surroundings::new(config, self.directory.path(), &endpoint, apart)?,
            servers,
            processes: Vec::new(),
            started: 0,
            receiver,
        })
    }

    /// Starts a process for each of `agents`, all at once.
    ///
    /// # Errors
    /// When one does not come up, or the stack has no processes.
    pub async fn start_processes(
        &mut self,
        agents: impl IntoIterator<Item = &'static str>,
    ) -> Result<()> {
        let apart = self.apart.as_mut().context("the stack is one process")?;
        let starting: Vec<_> = agents
            .into_iter()
            .map(|agent| {
                apart.started += 1;
                Process::start(agent, apart.started, &apart.surroundings)
            })
            .collect();
        let started = futures_util::future::try_join_all(starting).await?;
        apart.processes.extend(started);
        // Who asks others is stopped before them.
        apart
            .processes
            .sort_by_key(|process| AGENTS.iter().position(|agent| *agent == process.agent()));
        Ok(())
    }

    /// The process of `agent`; the first, where there are several.
    ///
    /// # Panics
    /// When there is none.
    pub fn process(&mut self, agent: &str) -> &mut Process {
        let mut processes = self.apart.iter_mut().flat_map(|apart| &mut apart.processes);
        processes
            .find(|process| process.agent() == agent)
            .expect("it is a process")
    }

    /// Kills the process of `agent`, the first where there are several, as `kill -9` does.
    ///
    /// # Errors
    /// When there is none, and when the system refuses.
    pub fn kill(&mut self, agent: &str) -> Result<()> {
        let processes = &mut self
            .apart
            .as_mut()
            .context("the stack is one process")?
            .processes;
        let index = processes
            .iter()
            .position(|process| process.agent() == agent);
        processes.remove(index.context("no such process")?).kill()
    }

    /// The running agents of the test's own process.
    pub fn running(&self) -> &Running {
        &self.running
    }

    /// What its servers are, where it runs on servers.
    pub fn servers(&self) -> Option<&Servers> {
        self.apart.as_ref().map(|apart| &apart.servers)
    }

    /// Where other programs send their spans, where it runs on servers.
    pub fn endpoint(&self) -> Option<String> {
        self.apart.as_ref().map(|apart| apart.receiver.endpoint())
    }

    /// Its directory.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Where `service` serves `purpose`; the first, where there are several.
    pub fn address(&self, service: &str, purpose: &str) -> Option<SocketAddr> {
        self.addresses(service, purpose).into_iter().next()
    }

    /// Where each instance of `service` serves `purpose`.
    pub fn addresses(&self, service: &str, purpose: &str) -> Vec<SocketAddr> {
        let processes = self.apart.iter().flat_map(|apart| &apart.processes);
        let processes = processes.filter(|process| process.agent() == service);
        let apart = processes.filter_map(|process| process.address(purpose));
        let here = self.running.address(service, purpose);
        here.into_iter().chain(apart).collect()
    }

    /// The bus underneath, for messages that no agent of ours would send.
    pub fn bus(&self) -> Arc<dyn Bus> {
        self.running.platform().bus()
    }

    /// Waits until a span that `is_it` has ended, and returns it.
    ///
    /// # Errors
    /// When there is none within [`PATIENCE`].
    pub async fn ended(&self, is_it: impl Fn(&Span) -> bool) -> Result<Span> {
        let store = &self.store;
        let until = Instant::now() + PATIENCE;
        loop {
            let traces = traces(store)?;
            if let Some(span) = traces
                .iter()
                .flat_map(Trace::spans)
                .find(|span| is_it(span))
            {
                return Ok(span.clone());
            }
            ensure!(
                Instant::now() < until,
                "no such span has ended within {PATIENCE:?}"
            );
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Stops everything, so that every span has ended, and returns every trace there is.
    pub async fn stop(mut self) -> Result<Stopped> {
        let store = self.store.clone();
        if let Some(mut apart) = self.apart.take() {
            for process in &mut apart.processes {
                process.terminate()?;
                process.ended().await?;
            }
        }
        self.running.stop().await;
        Ok(Stopped {
            traces: traces(&store)?,
            directory: self.directory,
        })
    }
}
