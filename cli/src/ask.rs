//! `chimera ask`: a question, its answer, and the trace of how that came to be.

mod answer;
mod chart;
mod progress;

use std::{process::ExitCode, time::Duration};

use anyhow::Context as _;
use chimera_questions::{Status, StoredQuery};
use chimera_shared::{
    config::{ApiUrl, Config, TracesUrl},
    data_dir::DataDirError,
    platform::{OpenError, Running},
    shutdown_signal,
};
use chimera_traces::{
    tree::{Span, Trace},
    waterfall,
};
use opentelemetry::TraceId;
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

use crate::{
    api::Api,
    arguments::Ask,
    door::Door,
    program::{EXIT_FAILED, EXIT_INTERRUPTED},
    stack,
    terminal::{Terminal, print, remark},
    traces::{self, TraceSource},
};
use progress::Progress;

/// A question back is neither an answer nor a failure.
const EXIT_NEEDS_CLARIFICATION: u8 = 3;

/// How long another process may keep the data directory.
const BUSY_PATIENCE: Duration = Duration::from_secs(5);

const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How long who interrupts waits for what is in flight.
const STOP_WITHIN: Duration = Duration::from_secs(1);

/// Said where the question left no trace.
const NO_TRACE: &str = "There is no trace of it: `chimera doctor` says why.";

/// Asks, prints the answer as soon as it is there, and then its trace.
/// `unused` are the flags that a running `chimera up` does not hear of.
pub(crate) async fn ask(
    config: Config,
    ask: Ask,
    unused: &[String],
    terminal: Terminal,
) -> anyhow::Result<ExitCode> {
    if let ApiUrl::Http(url) = &config.api.url {
        let progress = Progress::of_another("asking chimera-api…", terminal);
        return ask_there(&Api::configured(url)?, progress, &config, &ask, terminal).await;
    }
    let patient_until = Instant::now() + BUSY_PATIENCE;
    loop {
        if let Some(door) = Door::find(&config.data_dir).await? {
            if !unused.is_empty() {
                remark(&format!(
                    "warning: a running chimera up answers, with its own settings; without effect: {}",
                    unused.join(", ")
                ));
            }
            let progress = Progress::of_another("asking the running chimera up…", terminal);
            return ask_there(&door.api()?, progress, &config, &ask, terminal).await;
        }
        match start(&config).await {
            Ok(running) => return ask_embedded(running, &config, &ask, terminal).await,
            Err(error) if is_busy(&error) && Instant::now() < patient_until => {
                sleep(LOOK_EVERY).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Starts everything on ports of its own: nobody else needs to find them, and so they are in nobody's way.
async fn start(config: &Config) -> anyhow::Result<Running> {
    let mut config = config.clone();
    config.api.listen.set_port(0);
    config.viewer.listen.set_port(0);
    stack::start(config, "chimera ask").await
}

/// Whether another process has the data directory: one that asks as well and will soon be done, or one that starts.
fn is_busy(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref(),
        Some(OpenError::DataDir(DataDirError::Locked { .. }))
    )
}

async fn ask_embedded(
    running: Running,
    config: &Config,
    ask: &Ask,
    terminal: Terminal,
) -> anyhow::Result<ExitCode> {
    let interrupted = shutdown_signal().context("listening for SIGTERM")?;
    let api = running
        .address("chimera-api", "api")
        .context("chimera-api is not served")?;
    let progress = Progress::of_bus(&*running.platform().bus(), terminal).await?;
    let api = Api::here(api)?;
    let answer = tokio::select! {
        answer = put(&api, config, ask) => Some(answer),
        () = interrupted => None,
    };
    progress.end().await;
    let Some(answer) = answer else {
        // What is still worked on is in the journal, and expires.
        let _ = timeout(STOP_WITHIN, running.stop()).await;
        return Ok(ExitCode::from(EXIT_INTERRUPTED));
    };
    let shown = answer.and_then(|answer| show(&answer, ask, terminal).map(|()| answer));
    // Stopping ends every span, so that the trace is whole.
    let store = running.platform().traces().cloned();
    running.stop().await;
    let answer = shown?;
    let mut spans = match store {
        Some(store) => traces::stored(&store, answer.trace_id()?)?,
        None => Vec::new(),
    };
    // On servers, other processes take part.
    if !traces::is_whole(&spans) && config.traces.url != TracesUrl::Embedded {
        spans = elsewhere(config, &answer, terminal).await;
    } else if spans.is_empty() {
        remark(NO_TRACE);
    }
    finish(&answer, spans, ask, terminal)
}

async fn ask_there(
    api: &Api,
    progress: Progress,
    config: &Config,
    ask: &Ask,
    terminal: Terminal,
) -> anyhow::Result<ExitCode> {
    let answer = put(api, config, ask).await;
    progress.end().await;
    let answer = answer?;
    show(&answer, ask, terminal)?;
    let spans = elsewhere(config, &answer, terminal).await;
    finish(&answer, spans, ask, terminal)
}

/// The trace as far as it can be had. The question is answered all the same where it cannot, which is then said.
async fn elsewhere(config: &Config, answer: &Answered, terminal: Terminal) -> Vec<Span> {
    let id = &answer.query.trace_id;
    let progress = Progress::of_another("waiting for the spans of its trace…", terminal);
    let spans = traced(config, answer).await;
    progress.end().await;
    let spans = match spans {
        Ok(spans) => spans,
        Err(error) => {
            remark(&format!(
                "warning: the trace {id} cannot be shown: {error:#}"
            ));
            return Vec::new();
        }
    };
    match &spans {
        Some(spans) if spans.is_empty() => remark(NO_TRACE),
        None => remark(&format!(
            "Its trace {id} is kept elsewhere: traces.url can say in which Jaeger."
        )),
        Some(spans) if !traces::is_whole(spans) => remark(&format!(
            "Spans of its trace are still to come: see `chimera trace {id}` a little later."
        )),
        Some(_) => {}
    }
    spans.unwrap_or_default()
}

/// `None` when the configuration names nobody who could have it.
async fn traced(config: &Config, answer: &Answered) -> anyhow::Result<Option<Vec<Span>>> {
    let Some(source) = TraceSource::find(config).await? else {
        return Ok(None);
    };
    let spans = traces::whole(&source, answer.trace_id()?).await?;
    let is_here = config.api.url == ApiUrl::Embedded || config.traces.url != TracesUrl::Embedded;
    Ok((is_here || !spans.is_empty()).then_some(spans))
}

/// An answer, as it was read and as it came.
struct Answered {
    query: StoredQuery,
    json: Value,
}

impl Answered {
    fn trace_id(&self) -> anyhow::Result<TraceId> {
        TraceId::from_hex(&self.query.trace_id).context("reading the answer's trace id")
    }
}

async fn put(api: &Api, config: &Config, ask: &Ask) -> anyhow::Result<Answered> {
    let json = api.ask(&ask.question, config.api.question_timeout).await?;
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
    spans: Vec<Span>,
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
