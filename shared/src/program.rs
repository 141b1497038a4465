//! The program of an agent that runs in a process of its own.

mod arguments;
mod healthcheck;

use std::{
    net::{Ipv4Addr, SocketAddr},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context as _;
use tokio::{
    net::TcpListener,
    time::{Instant, sleep},
};

use crate::{
    BaseAgent, Platform,
    config::{self, BusUrl, Config, Loaded},
    door::Doorplate,
    edge,
    platform::{Address, Launching, Prepared, Running},
    telemetry::{Telemetry, log_panics},
};
use arguments::{Command, Given};

pub use healthcheck::{HealthcheckError, healthcheck};

/// The exit code of a program whose configuration was refused.
const EXIT_USAGE: u8 = 2;

/// How long what is left may take to end once the work has.
const LEFTOVERS: Duration = Duration::from_millis(200);
const LOOK_EVERY: Duration = Duration::from_millis(5);

impl BaseAgent {
    /// Runs this agent in a process of its own, until SIGINT or SIGTERM; see [`main`].
    pub fn main(self) -> ExitCode {
        main(|_| Ok(self))
    }
}

/// Reads the configuration, builds an agent from it, and runs it in a process of its own until SIGINT or SIGTERM.
///
/// Servers that cannot be reached yet are waited for, which `/readyz` and one log line say. With the embedded bus, a
/// process of its own has a bus of its own: its state is kept under the agent's name in the data directory, beside that
/// of `chimera up`. Commands reach it there: `chimera --data-dir …/agents/<name> publish …`. Where bus, documents and
/// traces are all on servers, nothing is kept on this machine, and any number of the same agent can run beside each other.
///
/// With the argument `healthcheck` it asks the agent that runs with the same configuration whether it is ready.
///
/// Ends with 0 after a shutdown, 2 when the configuration was refused, and 1 when the agent could not be run or is
/// not ready.
pub fn main(build: impl FnOnce(&Config) -> anyhow::Result<BaseAgent>) -> ExitCode {
    log_panics(None);
    let Given { command, options } = arguments::parse();
    let loaded = match config::load(&options) {
        Ok(loaded) => loaded,
        Err(errors) => {
            complain(&errors);
            return ExitCode::from(EXIT_USAGE);
        }
    };
    let done = match command {
        Some(Command::Healthcheck) => in_runtime(async {
            healthcheck(
                "agent.health_listen",
                loaded.config.agent.health_listen,
                "/readyz",
            )
            .await?;
            Ok(())
        }),
        None => in_runtime(run(loaded, build)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format_args!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn in_runtime(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("starting the runtime")?;
    let done = runtime.block_on(work);
    runtime.block_on(leftovers());
    done
}

/// Lets what is still under way come to its end, for a moment: clients of servers have tasks of their own, and MongoDB's
/// panics when what such a task waits for is dropped under it.
pub async fn leftovers() {
    let tasks = tokio::runtime::Handle::current().metrics();
    let until = Instant::now() + LEFTOVERS;
    while tasks.num_alive_tasks() > 0 && Instant::now() < until {
        sleep(LOOK_EVERY).await;
    }
}

async fn run(
    loaded: Loaded,
    build: impl FnOnce(&Config) -> anyhow::Result<BaseAgent>,
) -> anyhow::Result<()> {
    let stop = shutdown_signal().context("listening for SIGTERM")?;
    tokio::pin!(stop);
    let Loaded {
        mut config,
        warnings,
        ..
    } = loaded;
    let agent = build(&config)?;
    let name = agent.name().to_owned();
    config.data_dir.push("agents");
    config.data_dir.push(&name);
    let has_own_bus = config.bus.url == BusUrl::Embedded;
    let prepared = Platform::prepare(config, &name)?;
    let door = bind_door(&prepared).await?;
    let launching = prepared.listen(vec![agent]).await?;
    let log = launching.log().clone();
    log_panics(Some(&log));
    log_start(&log, &launching, &warnings, has_own_bus);
    let mut running = tokio::select! {
        running = launching.launch() => running?,
        // Whoever waits has taken no work that it would have to finish.
        () = &mut stop => {
            say(&log, || tracing::info!("stopped before its servers were there"));
            return Ok(());
        }
    };
    open_door(&mut running, door)?;
    log_ready(&log, &running);
    stop.await;
    end(running, &log).await;
    Ok(())
}

/// Stops the agent, and says what becomes of its work.
async fn end(running: Running, log: &Telemetry) {
    let (in_flight, grace) = (running.in_flight(), running.platform().config().agent.grace);
    let grace = humantime::format_duration(grace);
    say(log, || {
        tracing::info!(
            in_flight,
            "stopping: messages in flight: {in_flight}, which may take {grace} more"
        );
    });
    let data_dir = running.data_dir().map(ToOwned::to_owned);
    let stopped = running.stop().await;
    if let Some(data_dir) = data_dir {
        Doorplate::remove(&data_dir);
    }
    let given_back = stopped.given_back;
    say(log, || tracing::info!(given_back, "stopped: {stopped}"));
}

/// Logs as the process itself.
fn say(log: &Telemetry, line: impl FnOnce()) {
    tracing::dispatcher::with_default(log.dispatch(), line);
}

/// What is worth knowing before the agent has its servers.
fn log_start(log: &Telemetry, launching: &Launching, warnings: &[String], has_own_bus: bool) {
    say(log, || {
        for warning in warnings {
            tracing::warn!("{warning}");
        }
        if has_own_bus {
            tracing::warn!(
                "bus.url is `embedded:`, so that this process has a bus of its own, which no other process sees; \
                 agents work together through a broker, as in --set bus.url=amqp://localhost"
            );
        }
    });
    launching
        .addresses()
        .iter()
        .for_each(|address| log_address(log, address));
}

/// That the agent works, and where it listens beside its health routes, which were told before.
fn log_ready(log: &Telemetry, running: &Running) {
    let own = |address: &&Address| address.purpose != "health";
    running
        .addresses()
        .iter()
        .filter(own)
        .for_each(|address| log_address(log, address));
    say(log, || tracing::info!("ready"));
}

fn log_address(log: &Telemetry, address: &Address) {
    say(log, || {
        tracing::info!("{} on http://{}", address.purpose, address.address);
    });
}

/// Binds the door for commands, where there will be something to be reached behind it.
async fn bind_door(prepared: &Prepared) -> anyhow::Result<Option<TcpListener>> {
    let Some(_) = prepared.data_dir() else {
        return Ok(None);
    };
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    Ok(Some(edge::listen(any, "commands").await?))
}

/// Opens the door for commands, where there is something to be reached behind it.
fn open_door(running: &mut Running, door: Option<TcpListener>) -> anyhow::Result<()> {
    let Some(door) = door else { return Ok(()) };
    running.open_door(door)?;
    if let Some(data_dir) = running.data_dir() {
        Doorplate::write(data_dir, running.addresses())?;
    }
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
