//! Everything in one process: the agents, the recorded sources, and the door for commands.

use std::{
    net::{Ipv4Addr, SocketAddr},
    process::ExitCode,
};

use anyhow::{Context as _, ensure};
use axum::Router;
use chimera_retrieval::recorded::{self, Recording};
use chimera_shared::{
    BaseAgent, Platform,
    config::{Config, SourceUrl, SourcesConfig},
    control, edge,
    platform::Running,
    shutdown_signal,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::terminal::print;

/// The service whose door commands use: what they publish is traced under this name.
pub const CHIMERA: &str = "chimera";

/// What is served at the door.
pub const DOOR: &str = "traces and commands";

/// The path under which the recorded server answers for each source, in the order `recorded_sources` lists them.
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
    let door = edge::listen(viewer, "viewer.listen").await?;
    let mut agents = agents(&config);
    change(&mut agents);
    let mut running = Platform::open(config, program).await?.start(agents).await?;
    if let Some((listener, router)) = sources {
        running.serve("sources", "recorded data", listener, router);
    }
    let commands = running.traced(CHIMERA, control::router())?;
    let traces = running
        .platform()
        .traces()
        .cloned()
        .map(chimera_traces::api::router);
    running.serve(
        CHIMERA,
        DOOR,
        door,
        commands.merge(traces.unwrap_or_default()),
    );
    Ok(running)
}

/// `chimera sources`: serves the recording until Ctrl-C.
pub(crate) async fn serve_sources(config: Config) -> anyhow::Result<ExitCode> {
    let interrupted = shutdown_signal().context("listening for SIGTERM")?;
    let recording = recording(&config.sources)?;
    let listener = edge::listen(config.sources.listen, "sources.listen").await?;
    let address = listener.local_addr()?;
    print(&format!(
        "Recorded data until {}, in the wire formats of its sources:",
        recording.last_day()
    ))?;
    for prefix in PREFIXES {
        print(&format!(
            "  sources.{prefix}.url = \"http://{address}/{prefix}\""
        ))?;
    }
    let stop = CancellationToken::new();
    let serving = edge::serve(listener, recorded::router(recording), stop.clone());
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

/// Where a source is to answer from the recording: binds the local server for it, and points the source there.
async fn recorded_sources(
    sources: &mut SourcesConfig,
) -> anyhow::Result<Option<(TcpListener, Router)>> {
    let urls = [
        &sources.coinmetrics.url,
        &sources.coinbase.url,
        &sources.zcash.source.url,
    ];
    if urls.iter().all(|url| **url != SourceUrl::Recorded) {
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
    let urls = [
        &mut sources.coinmetrics.url,
        &mut sources.coinbase.url,
        &mut sources.zcash.source.url,
    ];
    for (url, prefix) in urls.into_iter().zip(PREFIXES) {
        if *url == SourceUrl::Recorded {
            *url = SourceUrl::http(&format!("http://{address}/{prefix}"))?;
        }
    }
    Ok(Some((listener, recorded::router(recording))))
}

fn recording(sources: &SourcesConfig) -> anyhow::Result<Recording> {
    match &sources.recorded_dir {
        Some(directory) => Recording::load(directory).context("reading sources.recorded_dir"),
        None => Ok(Recording::bundled()),
    }
}
