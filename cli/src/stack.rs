//! Everything in one process: the agents, the recorded sources, and the door for commands.

use std::{
    net::{Ipv4Addr, SocketAddr},
    process::ExitCode,
};

use anyhow::{Context as _, ensure};
use axum::{Router, routing::get};
use chimera_retrieval::recorded::{self, Recording};
use chimera_shared::{
    BaseAgent, Platform,
    config::{Config, SourceConfig, SourceUrl, SourcesConfig},
    edge, healthcheck,
    platform::Running,
    shutdown_signal,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::terminal::{print, remark};

/// The name under which the recorded data is served.
pub const SOURCES: &str = "sources";

/// What is served there.
pub const RECORDED: &str = "recorded data";

/// Where `chimera sources` says that it is well.
pub(crate) const HEALTH: &str = "/healthz";

/// The path under which the recorded server answers for each source, in the order of [`each_source`].
const PREFIXES: [&str; 3] = ["coinmetrics", "coinbase", "zcash"];

/// The agents that `chimera up` runs. A new agent is one more line here.
pub fn agents(config: &Config) -> Vec<BaseAgent> {
    vec![
        chimera_api::agent(&config.api),
        chimera_query::agent(),
        chimera_retrieval::agent(&config.sources),
        chimera_analysis::agent(),
    ]
}

/// Starts the agents and what they need. When this returns, all of it is ready.
///
/// # Errors
/// What cannot be opened or listened on, in one line that says what to do.
pub async fn start(config: Config, program: &str) -> anyhow::Result<Running> {
    start_with(config, program, |_| ()).await
}

/// The same, with the agents that `change` leaves: a program of one's own adds its agents here.
///
/// # Errors
/// As [`start`].
pub async fn start_with(
    mut config: Config,
    program: &str,
    change: impl FnOnce(&mut Vec<BaseAgent>),
) -> anyhow::Result<Running> {
    let viewer = config.viewer.listen;
    ensure!(
        viewer.ip().is_loopback(),
        "viewer.listen is {viewer}: whoever reaches it can publish messages, and it asks for no key; \
         give it an address of this machine only, such as 127.0.0.1:16686"
    );
    let sources = recorded_sources(&mut config.sources).await?;
    let mut agents = agents(&config);
    change(&mut agents);
    // Before anything listens: who starts a second one is to hear of the first, and not of a port that it has.
    let prepared = Platform::prepare(config, program)?;
    // Without a directory of its own it has neither traces to show, nor a place where commands would find it.
    let door = match prepared.data_dir() {
        Some(_) => Some(edge::listen(viewer, "viewer.listen").await?),
        None => None,
    };
    let mut running = prepared.listen(agents).await?.launch().await?;
    if let Some((listener, router)) = sources {
        running.serve(SOURCES, RECORDED, listener, router);
    }
    if let Some(door) = door {
        running.open_door(door)?;
    }
    Ok(running)
}

/// `chimera sources`: serves the recording until Ctrl-C.
pub(crate) async fn serve_sources(config: Config) -> anyhow::Result<ExitCode> {
    let interrupted = shutdown_signal().context("listening for SIGTERM")?;
    let recording = recording(&config.sources)?;
    let listener = edge::listen(config.sources.listen, "sources.listen").await?;
    let address = listener.local_addr()?;
    print(&format!(
        "Recorded data until {}, in the wire formats of its sources. Ctrl-C stops it.\n",
        recording.last_day()
    ))?;
    for prefix in PREFIXES {
        print(&format!("  http://{address}/{prefix}"))?;
    }
    print(&format!(
        "\nAgents in other processes ask it with  --set sources.recorded_url=http://{address}"
    ))?;
    let stop = CancellationToken::new();
    let router = recorded::router(recording).route(HEALTH, get(async || "ok\n"));
    let serving = edge::serve(listener, router, stop.clone());
    tokio::pin!(serving);
    tokio::select! {
        served = &mut serving => served?,
        () = interrupted => {
            stop.cancel();
            serving.await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// `chimera sources healthcheck`: whether the one that was started with the same settings is well.
pub(crate) async fn check_sources(config: &Config) -> anyhow::Result<ExitCode> {
    match healthcheck("sources.listen", config.sources.listen, HEALTH).await {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => {
            remark(&format!("error: {:#}", anyhow::Error::from(error)));
            // What container engines take for ill; they reserve other codes.
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Where a source is to answer from the recording: binds the local server for it, and points the source there.
async fn recorded_sources(
    sources: &mut SourcesConfig,
) -> anyhow::Result<Option<(TcpListener, Router)>> {
    let is_recorded = |source: &SourceConfig| source.url == SourceUrl::Recorded;
    let is_asked = each_source(sources)
        .iter()
        .any(|source| is_recorded(source));
    if !is_asked || sources.recorded_url.is_some() {
        return Ok(None);
    }
    let recording = recording(sources)?;
    let listener = edge::listen(
        SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        "the recorded server",
    )
    .await?;
    let address = listener
        .local_addr()
        .context("asking where the recorded sources listen")?;
    for (source, prefix) in each_source(sources).into_iter().zip(PREFIXES) {
        if is_recorded(source) {
            source.url = SourceUrl::http(&format!("http://{address}/{prefix}"))?;
            // The limit is for the live source that the setting is about; this server is our own.
            source.requests_per_second = 0.0;
        }
    }
    Ok(Some((listener, recorded::router(recording))))
}

/// The sources, in the order of [`PREFIXES`].
fn each_source(sources: &mut SourcesConfig) -> [&mut SourceConfig; 3] {
    [
        &mut sources.coinmetrics,
        &mut sources.coinbase,
        &mut sources.zcash.source,
    ]
}

fn recording(sources: &SourcesConfig) -> anyhow::Result<Recording> {
    match &sources.recorded_dir {
        Some(directory) => Recording::load(directory).context("reading sources.recorded_dir"),
        None => Ok(Recording::bundled()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_recording_is_asked_as_fast_as_it_answers() {
        let directory = std::path::Path::new("unused");
        let mut sources = Config::for_test(directory).sources;
        sources.coinbase.url = SourceUrl::http("https://api.example.org").unwrap();
        assert!(recorded_sources(&mut sources).await.unwrap().is_some());
        assert_eq!(sources.coinmetrics.rate_limit(), None);
        assert_eq!(sources.coinbase.rate_limit(), Some(10.0));
    }
}
