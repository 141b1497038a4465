//! `chimera ask`: a question, its answer, and the trace of how that came to be.

mod answer;
mod chart;
mod progress;

use std::process::ExitCode;

use anyhow::Context as _;
use chimera_questions::{Status, StoredQuery};
use chimera_shared::config::Config;
use chimera_traces::{tree::Trace, waterfall};
use serde_json::Value;

use crate::{
    arguments::Ask,
    door::{Api, Door},
    program::EXIT_FAILED,
    stack,
    terminal::{Terminal, print},
    traces,
};
use progress::Progress;

/// A question back is neither an answer nor a failure.
const EXIT_NEEDS_CLARIFICATION: u8 = 3;

/// Asks, prints the answer as soon as it is there, and then its trace.
pub(crate) async fn ask(config: Config, ask: Ask, terminal: Terminal) -> anyhow::Result<ExitCode> {
    match Door::find(&config.data_dir).await? {
        Some(door) => ask_running(&door, &config, &ask, terminal).await,
        None => ask_embedded(config, &ask, terminal).await,
    }
}

async fn ask_embedded(
    mut config: Config,
    ask: &Ask,
    terminal: Terminal,
) -> anyhow::Result<ExitCode> {
    // Nobody else needs to find them, and so they are in nobody's way.
    config.api.listen.set_port(0);
    config.viewer.listen.set_port(0);
    let running = stack::start(config.clone(), "chimera ask").await?;
    let api = running
        .address("chimera-api", "api")
        .context("chimera-api is not served")?;
    let progress = Progress::of_bus(&*running.platform().bus(), terminal).await?;
    let answer = put(&Api::at(api)?, &config, ask).await;
    progress.end().await;
    let shown = answer.and_then(|answer| show(&answer, ask, terminal).map(|()| answer));
    // Stopping ends every span, so that the trace is whole.
    let store = running.platform().traces().cloned();
    running.stop().await;
    let answer = shown?;
    let spans = match store {
        Some(store) => traces::stored(&store, &answer.query.trace_id)?,
        None => Vec::new(),
    };
    finish(&answer, spans, ask, terminal)
}

async fn ask_running(
    door: &Door,
    config: &Config,
    ask: &Ask,
    terminal: Terminal,
) -> anyhow::Result<ExitCode> {
    let answer = put(&door.api()?, config, ask).await?;
    show(&answer, ask, terminal)?;
    let spans = traces::whole(door, &answer.query.trace_id).await?;
    finish(&answer, spans, ask, terminal)
}

/// An answer, as it was read and as it came.
struct Answered {
    query: StoredQuery,
    json: Value,
}

async fn put(api: &Api, config: &Config, ask: &Ask) -> anyhow::Result<Answered> {
    let json = api
        .ask(&ask.question, config.api.question_timeout)
        .await
        .context("asking chimera-api")?;
    let query =
        serde_json::from_value(json.clone()).context("reading the answer of chimera-api")?;
    Ok(Answered { query, json })
}

fn show(answer: &Answered, ask: &Ask, terminal: Terminal) -> anyhow::Result<()> {
    if ask.json {
        Ok(())
    } else {
        print(&answer::text(&answer.query, terminal))
    }
}

fn finish(
    answer: &Answered,
    spans: Vec<chimera_traces::tree::Span>,
    ask: &Ask,
    terminal: Terminal,
) -> anyhow::Result<ExitCode> {
    if ask.json {
        let mut json = answer.json.clone();
        json["trace"] = serde_json::to_value(&spans)?;
        print(&serde_json::to_string_pretty(&json)?)?;
    } else if !spans.is_empty() {
        print(&format!(
            "\n{}",
            waterfall::render(&Trace::from_spans(spans), &terminal.waterfall(ask.wide)).trim_end()
        ))?;
    }
    Ok(match answer.query.status {
        Status::Completed => ExitCode::SUCCESS,
        Status::NeedsClarification => ExitCode::from(EXIT_NEEDS_CLARIFICATION),
        Status::Pending
        | Status::Processing
        | Status::Failed
        | Status::Cancelled
        | Status::Expired => ExitCode::from(EXIT_FAILED),
    })
}
