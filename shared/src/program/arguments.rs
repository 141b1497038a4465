//! The command line of an agent's own program.

use std::path::{Path, PathBuf};

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::config::{Flag, LoadOptions};

/// What `--help` says at its end.
const AFTER: &str = "\
Configuration: config/chimera.toml, then --config, then variables (CHIMERA__BUS__URL), then --set.
The keys most often wanted:
  bus.url, documents.url, cache.url  where the servers are; `embedded:` is a part of this process
  bus.password_file and its like     a file with the password of the user in the URL beside it
  agent.health_listen                where /healthz, /readyz and /metrics are served
  telemetry.exporters                where spans go: otlp, embedded, console, or none
`chimera config` lists all of them; docs/configuration.md explains them.

Ends with 0 after SIGINT or SIGTERM, 1 when the agent cannot be run, 2 when its configuration is
refused.";

/// An agent of Chimera in a process of its own.
///
/// It takes its work from the bus that bus.url names. Servers that are not there yet are waited for.
#[derive(Debug, Parser)]
#[command(version, after_help = AFTER)]
struct Arguments {
    /// A configuration file, read after config/chimera.toml
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the embedded parts keep their state, if there are any
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Any other setting, as in `--set bus.url=amqp://localhost`; may be given several times
    #[arg(long, global = true, value_name = "KEY=VALUE", value_parser = key_and_value)]
    set: Vec<(String, String)>,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What the program does instead of running its agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub(super) enum Command {
    /// Ask the agent on agent.health_listen whether it is ready: ends with 0 if so, else 1
    Healthcheck,
}

/// What the command line gives.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) command: Option<Command>,
    pub(super) options: LoadOptions,
}

/// Reads the command line of this process; wrong ones, `--help` and `--version` end it.
pub(super) fn parse() -> Given {
    // The program is the agent's, whatever this crate is called.
    let program = std::env::args_os().next().unwrap_or_default();
    let name = Path::new(&program).file_name().unwrap_or_default();
    let matches = Arguments::command()
        .display_name(name.to_string_lossy())
        .get_matches();
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let flag = |key: String, value: String, name: &str| Flag {
        key,
        value,
        name: name.to_owned(),
    };
    let data_dir = arguments.data_dir.map(|dir| {
        flag(
            "data_dir".to_owned(),
            dir.display().to_string(),
            "--data-dir",
        )
    });
    let set = arguments
        .set
        .into_iter()
        .map(|(key, value)| flag(key, value, "--set"));
    let flags = data_dir.into_iter().chain(set).collect();
    Given {
        command: arguments.command,
        options: LoadOptions::from_process(arguments.config, flags),
    }
}

fn key_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("give it as KEY=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_holds_together() {
        Arguments::command().debug_assert();
        let given = ["agent", "healthcheck", "--set", "bus.url=amqp://h?a=b"];
        let arguments = Arguments::try_parse_from(given).unwrap();
        assert_eq!(arguments.command, Some(Command::Healthcheck));
        let set = ("bus.url".to_owned(), "amqp://h?a=b".to_owned());
        assert_eq!(arguments.set, [set]);
    }
}
