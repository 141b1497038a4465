//! A whole stack in a directory of its own.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use chimera_bus::Bus;
use chimera_cli::stack;
use chimera_shared::{BaseAgent, config::Config, door, platform::Running};
use chimera_traces::{
    Store,
    tree::{Span, Trace, spans_from_otlp},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// How long a test waits for what is bound to happen before it fails.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Which servers a stack runs on. In this version: none.
#[derive(Debug, Clone, Default)]
pub struct Backends {}

/// A running stack. Its directory goes when it is dropped.
#[derive(Debug)]
pub struct Stack {
    running: Running,
    client: reqwest::Client,
    directory: TempDir,
}

/// Changes a configuration.
pub type Configure = Box<dyn FnOnce(&mut Config) + Send>;

/// What a test wants to be otherwise than by default.
#[derive(Default)]
pub struct Setup {
    /// Changes to the configuration.
    pub configure: Option<Configure>,
    /// Agents beside those of the application.
    pub agents: Vec<BaseAgent>,
    /// Agents in place of those of the application that have their names.
    pub replace: Vec<BaseAgent>,
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
    pub async fn start(backends: &Backends) -> Result<Self> {
        Self::start_with(backends, Setup::default()).await
    }

    /// A stack on `backends`, changed by `setup`.
    pub async fn start_with(backends: &Backends, setup: Setup) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        Self::start_in(backends, setup, directory).await
    }

    /// A stack on what an earlier one left in `directory`.
    pub async fn start_in(_backends: &Backends, setup: Setup, directory: TempDir) -> Result<Self> {
        let mut config = Config::for_test(directory.path());
        if let Some(configure) = setup.configure {
            configure(&mut config);
        }
        let running = stack::start_with(config, "a test", |agents| {
            agents.retain(|agent| {
                setup
                    .replace
                    .iter()
                    .all(|other| other.name() != agent.name())
            });
            agents.extend(setup.replace);
            agents.extend(setup.agents);
        })
        .await?;
        Ok(Self {
            running,
            client: client()?,
            directory,
        })
    }

    /// The running agents.
    pub fn running(&self) -> &Running {
        &self.running
    }

    /// Its directory.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// A URL of the HTTP API.
    pub fn url(&self, path: &str) -> String {
        let address = self
            .running
            .address("chimera-api", "api")
            .expect("the API listens");
        format!("http://{address}{path}")
    }

    /// The HTTP client of the test, which is not traced.
    pub fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// Asks `question` and waits for how it ends.
    pub async fn ask(&self, question: &str) -> Result<Value> {
        let request = self
            .client
            .post(self.url("/api/queries"))
            .header("prefer", "wait=30");
        let response = request.json(&json!({ "query": question })).send().await?;
        let status = response.status();
        response
            .json()
            .await
            .with_context(|| format!("reading the answer to a question, {status}"))
    }

    /// Posts JSON to the HTTP API.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        Ok(self
            .client
            .post(self.url(path))
            .json(body)
            .send()
            .await?
            .json()
            .await?)
    }

    /// Publishes an event as `chimera publish` does.
    pub async fn publish(&self, routing_key: &str, body: &Value) -> Result<Value> {
        self.command("/api/bus/messages", routing_key, body).await
    }

    /// Makes a request as `chimera request` does.
    pub async fn request(&self, routing_key: &str, body: &Value) -> Result<Value> {
        Ok(self.command("/api/bus/requests", routing_key, body).await?["reply"].take())
    }

    async fn command(&self, path: &str, routing_key: &str, body: &Value) -> Result<Value> {
        let address = self
            .running
            .address(door::SERVICE, door::PURPOSE)
            .context("the door is shut")?;
        let outgoing = json!({ "routing_key": routing_key, "body": body });
        let response = self
            .client
            .post(format!("http://{address}{path}"))
            .json(&outgoing)
            .send()
            .await?;
        Ok(response.error_for_status()?.json().await?)
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
        let store = self
            .running
            .platform()
            .traces()
            .context("the stack keeps no traces")?;
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
            anyhow::ensure!(
                Instant::now() < until,
                "no such span has ended within {PATIENCE:?}"
            );
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Stops everything, so that every span has ended, and returns every trace there is.
    pub async fn stop(self) -> Result<Stopped> {
        let store = self
            .running
            .platform()
            .traces()
            .cloned()
            .context("the stack keeps no traces")?;
        self.running.stop().await;
        Ok(Stopped {
            traces: traces(&store)?,
            directory: self.directory,
        })
    }
}

/// What a stack leaves.
#[derive(Debug)]
pub struct Stopped {
    /// Its traces, oldest first.
    pub traces: Vec<Trace>,
    /// Its directory.
    pub directory: TempDir,
}

impl Stopped {
    /// The trace with this id.
    ///
    /// # Panics
    /// When there is none.
    pub fn trace(&self, id: &str) -> &Trace {
        self.traces
            .iter()
            .find(|trace| trace.trace_id() == id)
            .expect("the trace is kept")
    }

    /// The only trace.
    ///
    /// # Panics
    /// When there is not exactly one.
    pub fn only_trace(&self) -> &Trace {
        let ids: Vec<_> = self.traces.iter().map(Trace::trace_id).collect();
        assert_eq!(ids.len(), 1, "one question is one trace, there are {ids:?}");
        &self.traces[0]
    }
}

/// A client for this machine.
fn client() -> Result<reqwest::Client> {
    chimera_shared::tls::install_crypto_provider();
    Ok(reqwest::Client::builder().no_proxy().build()?)
}

/// Every trace in `store`.
pub fn traces(store: &Store) -> Result<Vec<Trace>> {
    let all = chimera_traces::store::Query {
        limit: 1_000,
        ..chimera_traces::store::Query::default()
    };
    let mut traces = Vec::new();
    for id in store.search(&all)? {
        traces.push(Trace::from_spans(spans_from_otlp(&store.trace(id)?)));
    }
    traces.sort_by_key(Trace::start_ns);
    Ok(traces)
}
