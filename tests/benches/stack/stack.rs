//! A full stack: servers, and the programs of the agents as processes.

use std::{net::SocketAddr, time::Duration};

use chimera_shared::config::{Config, RedactedUrl};
use chimera_tests::{
    Servers,
    process::{AGENTS, Process, Surroundings},
};
use futures_util::future::try_join_all;
use tempfile::TempDir;

use crate::{
    load::{self, QUESTION, lasting},
    measure::Latencies,
    surroundings::{Server, Sink, recorded_sources},
};

/// Where agents can be started: a virtual host, a database and a prefix of keys of their own, and the recorded sources.
#[derive(Debug)]
pub(crate) struct Place {
    surroundings: Surroundings,
    sink: Option<Sink>,
    _sources: Server,
    _directory: TempDir,
}

impl Place {
    /// The configuration as it comes, changed by `configure`, with spans sent as OTLP to somebody who counts them.
    pub(crate) async fn new(configure: impl FnOnce(&mut Config)) -> Self {
        let sink = Sink::start().await;
        let place = Self::with_spans_to(&sink.url(), configure).await;
        Self {
            sink: Some(sink),
            ..place
        }
    }

    /// The same with spans sent to `endpoint`.
    pub(crate) async fn with_spans_to(endpoint: &str, configure: impl FnOnce(&mut Config)) -> Self {
        let directory = tempfile::tempdir().expect("the temporary directory can be written");
        let sources = recorded_sources().await;
        let servers = Servers::fresh().await.expect("the servers run");
        let mut config = Config::for_test(directory.path());
        servers.write_into(&mut config).expect("they have URLs");
        let recorded = RedactedUrl::parse(&sources.url(), &["http"]).expect("it is a URL");
        config.sources.recorded_url = Some(recorded);
        configure(&mut config);
        let surroundings = Surroundings::new(config, directory.path(), endpoint, None);
        Self {
            surroundings: surroundings.expect("the endpoint is a URL"),
            sink: None,
            _sources: sources,
            _directory: directory,
        }
    }

    /// Starts `agent`, and returns when it says that it is ready.
    pub(crate) async fn start(&self, agent: &'static str, instance: usize) -> Process {
        let started = Process::start(agent, instance, &self.surroundings).await;
        started.expect("the agent starts")
    }
}

/// All agents in a place.
#[derive(Debug)]
pub(crate) struct Stack {
    place: Place,
    processes: Vec<Process>,
}

impl Stack {
    /// A stack with as many `instances` of each agent.
    pub(crate) async fn start(instances: usize, configure: impl FnOnce(&mut Config)) -> Self {
        Self::start_in(Place::new(configure).await, instances).await
    }

    /// The same in a given place.
    pub(crate) async fn start_in(place: Place, instances: usize) -> Self {
        let mut processes = Vec::new();
        // One that asks others is started after them, and stopped before.
        for agent in AGENTS.into_iter().rev() {
            let starting = (0..instances).map(|instance| {
                let surroundings = &place.surroundings;
                Process::start(agent, instance, surroundings)
            });
            let started = try_join_all(starting).await;
            processes.splice(0..0, started.expect("the agents start"));
        }
        Self { place, processes }
    }

    pub(crate) fn processes(&self) -> &[Process] {
        &self.processes
    }

    fn addresses(&self) -> Vec<SocketAddr> {
        let apis = self.processes.iter();
        apis.filter_map(|process| process.address("api")).collect()
    }

    /// Has `clients` ask, each one after the other, for as long as said.
    pub(crate) async fn ask(&self, clients: usize, time: Duration) -> Latencies {
        load::ask(&self.addresses(), QUESTION, clients, lasting(time)).await
    }

    /// Has each of `clients` ask `count` times.
    pub(crate) async fn ask_each(&self, clients: usize, count: u64) -> Latencies {
        load::ask(&self.addresses(), QUESTION, clients, move |asked| {
            asked >= count
        })
        .await
    }

    /// Fills caches and connections, and sees that the answer is one.
    pub(crate) async fn warm(&self) {
        load::warm(&self.addresses(), QUESTION).await;
    }

    /// Stops it, and says what became of the spans.
    pub(crate) async fn stop(mut self) {
        let mut dropped = 0;
        for process in &self.processes {
            dropped += dropped_by(process).await;
        }
        for process in &mut self.processes {
            process.terminate().expect("it can be asked");
            process.ended().await.expect("it ends as asked");
        }
        let received = self.place.sink.as_ref().map_or(0, Sink::bytes);
        let mib = received as f64 / 1024.0 / 1024.0;
        println!("\nSpans: {mib:.1} MiB counted, {dropped} dropped");
    }
}

/// How many spans the agent could not get rid of, by its metrics.
async fn dropped_by(process: &Process) -> u64 {
    const DROPPED: &str = "chimera_telemetry_exporter_dropped";
    let health = process.address("health").expect("it has health routes");
    chimera_shared::tls::install_crypto_provider();
    let client = reqwest::Client::builder().no_proxy().build();
    let client = client.expect("a client is made");
    let metrics = client.get(format!("http://{health}/metrics")).send().await;
    let text = metrics.expect("it answers").text().await;
    let text = text.expect("it is text");
    let counts = text.lines().filter(|line| line.starts_with(DROPPED));
    let counts = counts.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
    counts.sum()
}
