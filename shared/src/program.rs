//! The program of an agent that runs in a process of its own.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Context as _;
use clap::Parser;

use crate::{
    BaseAgent, Platform,
    config::{self, Config, Flag, LoadOptions},
    door::Doorplate,
    edge,
};

/// The exit code of a program whose configuration was refused.
const EXIT_USAGE: u8 = 2;

#[derive(Debug, Parser)]
#[command(
    version,
    about = "An agent of Chimera",
    after_help = "Every setting: `chimera config`, or docs/configuration.md"
)]
struct Arguments {
    /// A configuration file, read after config/chimera.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the embedded parts keep their state
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

impl BaseAgent {
    /// Runs this agent in a process of its own, until SIGINT or SIGTERM; see [`main`].
    pub fn main(self) -> ExitCode {
        main(|_| Ok(self))
    }
}

/// Reads the configuration, builds an agent from it, and runs it in a process of its own until SIGINT or SIGTERM.
///
/// With the embedded bus, a process of its own has a bus of its own: its state is kept under the agent's name in the
/// data directory, beside that of `chimera up`. Commands reach it there: `chimera --data-dir …/agents/<name> publish …`.
///
/// Ends with 0 after a shutdown, 2 when the configuration was refused, and 1 when the agent could not be run.
pub fn main(build: impl FnOnce(&Config) -> anyhow::Result<BaseAgent>) -> ExitCode {
    let arguments = Arguments::parse();
    let data_dir = arguments.data_dir.map(|dir| Flag {
        key: "data_dir".to_owned(),
        value: dir.display().to_string(),
        name: "--data-dir".to_owned(),
    });
    let loaded = match config::load(&LoadOptions::from_process(
        arguments.config,
        data_dir.into_iter().collect(),
    )) {
        Ok(loaded) => loaded,
        Err(errors) => {
            complain(&errors);
            return ExitCode::from(EXIT_USAGE);
        }
    };
    for warning in &loaded.warnings {
        announce(&format_args!("warning: {warning}"));
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&format_args!("starting the runtime: {error}"));
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(loaded.config, build)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format_args!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(
    mut config: Config,
    build: impl FnOnce(&Config) -> anyhow::Result<BaseAgent>,
) -> anyhow::Result<()> {
    let stop = shutdown_signal().context("listening for SIGTERM")?;
    let agent = build(&config)?;
    config.data_dir.push("agents");
    config.data_dir.push(agent.name());
    let (name, data_dir) = (agent.name().to_owned(), config.data_dir.clone());
    let platform = Platform::open(config, &name).await?;
    let door = edge::listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), "commands").await?;
    let mut running = platform.start(vec![agent]).await?;
    running.open_door(door)?;
    Doorplate::write(&data_dir, running.addresses())?;
    for address in running.addresses() {
        announce(&format_args!(
            "{} {} on http://{}",
            address.service, address.purpose, address.address
        ));
    }
    stop.await;
    running.stop().await;
    Doorplate::remove(&data_dir);
    Ok(())
}

/// A future that resolves at SIGINT or SIGTERM. The handlers are in place when this returns.
///
/// # Errors
/// When the system refuses a handler.
pub fn shutdown_signal() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[expect(
    clippy::print_stderr,
    reason = "a program's last word before there is a logger, or after"
)]
fn complain(what: &dyn std::fmt::Display) {
    eprintln!("error: {what}");
}

#[expect(
    clippy::print_stderr,
    reason = "what a person who starts a program by hand wants to know"
)]
fn announce(what: &dyn std::fmt::Display) {
    eprintln!("{what}");
}
