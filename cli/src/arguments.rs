//! The command line.

use std::path::PathBuf;

use chimera_shared::control::MAX_TIMEOUT;
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use opentelemetry::TraceId;

/// Agents on a message bus, and one trace for each question they answer.
#[derive(Debug, Parser)]
#[command(
    name = "chimera",
    version,
    max_term_width = 100,
    subcommand_required = true,
    arg_required_else_help = true
)]
#[command(
    after_help = "Examples:  chimera ask \"How did the ZEC price trend in January 2019?\"\n           chimera up"
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What holds for every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// A configuration file, read after config/chimera.toml
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Where the embedded state is kept [default: `chimera` in the platform's data directory]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// A server to use: amqp:// is the bus, mongodb:// documents, redis:// the cache, influxdb:// time series, http:// takes
    /// spans by OTLP: over gRPC where its port is 4317, else over HTTP. May be given several times
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) with: Vec<String>,
    /// Any other setting, as in `--set api.listen=127.0.0.1:8081`; `chimera config` lists them
    #[arg(long, global = true, value_name = "KEY=VALUE", value_parser = key_and_value)]
    pub(crate) set: Vec<(String, String)>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Ask a question and see the answer and its trace
    ///
    /// Runs everything it needs in this process, or uses a running `chimera up`, or the API that --api names.
    /// Ends with 0 answered, 2 wrong usage, 3 needs clarification, 4 failed.
    #[command(after_help = "Example:  chimera ask \"What was the highest BTC price ever?\"")]
    Ask(Ask),
    /// Run all agents in this process until Ctrl-C
    #[command(
        after_help = "Example:  chimera up\n          curl -s localhost:8080/api/queries -H 'prefer: wait=10' --json '{\"query\":\"ZEC price\"}'\n          chimera up --with amqp://guest:guest@localhost --with http://localhost:4317"
    )]
    Up,
    /// Publish test messages
    #[command(
        after_help = "Example:  chimera publish --follow \\\n              query.cancelled '{\"query_id\":\"01978e1c-0000-7000-8000-000000000000\"}'"
    )]
    Publish(Publish),
    /// Publish a message and wait for its reply
    #[command(after_help = "Example:  chimera request data_retrieval.catalog '{}'")]
    Request(Request),
    /// List traces, newest first
    #[command(
        after_help = "Example:  chimera traces --service query_agent --min-duration 50ms --errors"
    )]
    Traces(Traces),
    /// Show one trace as a waterfall
    #[command(after_help = "Example:  chimera trace 0af7651916cd43dd8448eb211c80319c")]
    Trace(Trace),
    /// Serve the recorded data in the wire formats of the real sources
    #[command(
        after_help = "Example:  chimera sources\n          curl -s 'localhost:8090/coinmetrics/v4/timeseries/asset-metrics?assets=zec&metrics=PriceUSD&end_time=2019-03-28&page_size=1'"
    )]
    Sources(Sources),
    /// Look at the usual causes of a trace that is not to be seen
    ///
    /// Looks at settings, backends, the broker and what runs, sends one span, and says for each cause what was seen and what
    /// to do. Ends with 0 when nothing is bad, else with 4.
    #[command(after_help = "Example:  chimera doctor --with http://localhost:4317")]
    Doctor(Doctor),
    /// Show every setting, its value and where that comes from
    #[command(after_help = "Example:  CHIMERA__API__LISTEN=127.0.0.1:9000 chimera config")]
    Config,
    /// Write a completion script for a shell
    #[command(
        after_help = "Example:  chimera completions bash > ~/.local/share/bash-completion/completions/chimera"
    )]
    Completions {
        /// The shell
        shell: Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Sources {
    #[command(subcommand)]
    pub(crate) command: Option<SourcesCommand>,
}

#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum SourcesCommand {
    /// Ask the one that listens on sources.listen whether it is well: ends with 0 if so, else with 1
    Healthcheck,
}

#[derive(Debug, Args)]
pub(crate) struct Ask {
    /// The question, in plain English
    pub(crate) question: String,
    /// Ask the `chimera-api` there, as in http://localhost:8080 [default: api.url]
    #[arg(long, value_name = "URL")]
    pub(crate) api: Option<String>,
    /// Print the answer and its trace as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Show span names in full
    #[arg(long)]
    pub(crate) wide: bool,
}

/// What is published.
#[derive(Debug, Args)]
pub(crate) struct Outgoing {
    /// Where it goes, as in `query.request`
    pub(crate) routing_key: String,
    /// The body
    #[arg(value_parser = json)]
    pub(crate) json: serde_json::Value,
    /// A header of the message, as a long string; may be given several times. With `traceparent` it joins a trace
    #[arg(long = "header", value_name = "K=V", value_parser = key_and_value)]
    pub(crate) headers: Vec<(String, String)>,
}

#[derive(Debug, Args)]
pub(crate) struct Publish {
    #[command(flatten)]
    pub(crate) outgoing: Outgoing,
    /// How many messages
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: u64,
    /// How many a second at most
    #[arg(long, value_name = "R", value_parser = positive)]
    pub(crate) rate: Option<f64>,
    /// Show for each message which agent handled it, attempts, outcome and trace
    #[arg(long)]
    pub(crate) follow: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Request {
    #[command(flatten)]
    pub(crate) outgoing: Outgoing,
    /// How long to wait for the reply
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = patience)]
    pub(crate) timeout: std::time::Duration,
}

#[derive(Debug, Args)]
pub(crate) struct Traces {
    /// Only traces with a span of this service
    #[arg(long, value_name = "S")]
    pub(crate) service: Option<String>,
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1_500))]
    pub(crate) limit: u16,
    /// Only traces with a span that took at least this long, as in 50ms
    #[arg(long, value_name = "D", value_parser = humantime::parse_duration)]
    pub(crate) min_duration: Option<std::time::Duration>,
    /// Only traces with a span that failed
    #[arg(long)]
    pub(crate) errors: bool,
    /// Only traces that began within this time, as in 2h [default: all that are kept; with Jaeger 7 days]
    #[arg(long, value_name = "D", value_parser = humantime::parse_duration)]
    pub(crate) since: Option<std::time::Duration>,
    /// Print them as JSON, one list of spans each
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Trace {
    /// The trace's id, 32 hex digits
    #[arg(value_parser = trace_id)]
    pub(crate) id: TraceId,
    /// Print its spans as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Show span names in full
    #[arg(long)]
    pub(crate) wide: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Print what was seen as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

fn key_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("give it as KEY=VALUE".to_owned()),
    }
}

fn trace_id(text: &str) -> Result<TraceId, String> {
    let id = TraceId::from_hex(text).ok().filter(|_| text.len() == 32);
    id.ok_or_else(|| {
        "it is not a trace id, which has 32 hex digits; `chimera traces` lists them".to_owned()
    })
}

fn json(text: &str) -> Result<serde_json::Value, String> {
    serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}"))
}

fn patience(text: &str) -> Result<std::time::Duration, String> {
    let patience = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    match patience > MAX_TIMEOUT {
        true => Err(format!(
            "a reply is waited for {} at most",
            humantime::format_duration(MAX_TIMEOUT)
        )),
        false => Ok(patience),
    }
}

fn positive(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|rate: &f64| rate.is_finite() && *rate > 0.0)
        .ok_or_else(|| "give a number above 0".to_owned())
}
