//! From the command line to an exit code.

use std::{process::ExitCode, time::Duration};

use anyhow::Context as _;
use chimera_shared::{
    config::{self, Config, Flag, LoadOptions, Loaded, LogFilter, Origin},
    leftovers,
    telemetry::log_panics,
};
use clap::{CommandFactory as _, Parser as _};
use clap_complete::Shell;

use crate::{
    arguments::{Arguments, Command, Sources, SourcesCommand},
    ask, doctor, messages, settings, stack,
    terminal::{Terminal, remark, write},
    traces, up,
    with::{self, WithError},
};

/// Wrong usage, a refused configuration included.
const EXIT_USAGE: u8 = 2;
/// The command could not be carried out.
pub(crate) const EXIT_FAILED: u8 = 4;
/// It was interrupted before its end, as shells count it.
pub(crate) const EXIT_INTERRUPTED: u8 = 130;

/// How long what is left may take to end once the command has.
const LEFTOVERS: Duration = Duration::from_millis(200);

/// Runs the command that the command line names.
pub fn main() -> ExitCode {
    log_panics(None);
    let arguments = Arguments::parse();
    if let Command::Completions { shell } = arguments.command {
        return ended(completions(shell));
    }
    let options = match options(&arguments) {
        Ok(options) => options,
        Err(error) => {
            remark(&format!("error: {error}"));
            return ExitCode::from(EXIT_USAGE);
        }
    };
    let loaded = match config::load(&options) {
        Ok(loaded) => loaded,
        Err(errors) => {
            remark(&format!("error: {errors}"));
            return ExitCode::from(EXIT_USAGE);
        }
    };
    for warning in &loaded.warnings {
        remark(&format!("warning: {warning}"));
    }
    ended(run(arguments.command, &loaded))
}

fn ended(result: anyhow::Result<ExitCode>) -> ExitCode {
    result.unwrap_or_else(|error| {
        remark(&format!("error: {error:#}"));
        ExitCode::from(EXIT_FAILED)
    })
}

fn completions(shell: Shell) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "chimera", &mut script);
    write(&String::from_utf8(script).context("reading the script")?)?;
    Ok(ExitCode::SUCCESS)
}

fn options(arguments: &Arguments) -> Result<LoadOptions, WithError> {
    let flag = |key: &str, value: &str, name: &str| Flag {
        key: key.to_owned(),
        value: value.to_owned(),
        name: name.to_owned(),
    };
    let global = &arguments.global;
    let data_dir = global
        .data_dir
        .iter()
        .map(|directory| flag("data_dir", &directory.display().to_string(), "--data-dir"));
    let set = global.set.iter();
    let set = set.map(|(key, value)| flag(key, value, "--set"));
    let api = match &arguments.command {
        Command::Ask(ask) => ask.api.as_deref(),
        _ => None,
    };
    let api = api.map(|url| flag("api.url", url, "--api"));
    // What is set by its key is the more exact word, and so the last one.
    let with = with::flags(&global.with)?.into_iter();
    let flags = data_dir.chain(with).chain(set).chain(api).collect();
    let mut options = LoadOptions::from_process(global.config.clone(), flags);
    // One port for the metrics of a program: this one has several agents, each with a page of its own.
    options
        .environment
        .retain(|name, _| !name.starts_with("OTEL_EXPORTER_PROMETHEUS_"));
    Ok(options)
}

fn run(command: Command, loaded: &Loaded) -> anyhow::Result<ExitCode> {
    let terminal = Terminal::detect();
    let config = loaded.config.clone();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("starting the runtime")?;
    let code = runtime.block_on(async {
        match command {
            Command::Ask(ask) => ask::ask(quiet(loaded), ask, &of_agents(loaded), terminal).await,
            Command::Up => up::up(loaded, terminal).await,
            Command::Publish(publish) => messages::publish(&config, publish, terminal).await,
            Command::Request(request) => messages::request(&config, request).await,
            Command::Traces(traces) => traces::list(&config, traces, terminal).await,
            Command::Trace(trace) => traces::show(&config, trace, terminal).await,
            Command::Sources(Sources { command: None }) => stack::serve_sources(config).await,
            Command::Sources(Sources {
                command: Some(SourcesCommand::Healthcheck),
            }) => stack::check_sources(&config).await,
            Command::Doctor(wanted) => doctor::examine(loaded, &wanted, terminal).await,
            Command::Config => settings::show(loaded, terminal),
            Command::Completions { .. } => {
                unreachable!("written before the configuration was read")
            }
        }
    });
    if code.is_err() {
        // What failed may have left something in its middle.
        runtime.block_on(leftovers());
    }
    runtime.shutdown_timeout(LEFTOVERS);
    code
}

/// The settings that flags give to the agents, which only those started by this command hear of.
fn of_agents(loaded: &Loaded) -> Vec<String> {
    let is_flag = |origin: &Origin| matches!(origin, Origin::Flag(name) if name != "--data-dir");
    let is_ours = |key: &str| key.starts_with("traces.") || key.ends_with(".listen");
    let settings = loaded.explain();
    let given = settings.filter(|setting| is_flag(&setting.source) && !is_ours(&setting.key));
    given.map(|setting| setting.key).collect()
}

/// The configuration for a person who asks: what is merely worth knowing is logged when that is asked for.
fn quiet(loaded: &Loaded) -> Config {
    let mut config = loaded.config.clone();
    if loaded.origin("log.filter") == Origin::Default {
        config.log.filter = LogFilter::warnings();
    }
    config
}
