//! `chimera traces` and `chimera trace`: what the trace store of a running `chimera up` has.

use std::{fmt, process::ExitCode, time::Duration};

use anyhow::{Context as _, bail, ensure};
use chimera_shared::config::Config;
use chimera_traces::{
    Store,
    tree::{Span, Trace as Tree, spans_from_otlp, spans_from_otlp_json},
    waterfall,
};
use opentelemetry::TraceId;
use tokio::time::{Instant, sleep};

use crate::{
    arguments::{Trace, Traces},
    door::Door,
    table::{Align, Cell, Table},
    terminal::{Style, Terminal, print, remark},
};

/// Far enough in both directions that no trace is out of reach.
const ANY_TIME: [(&str, &str); 2] = [
    ("query.start_time_min", "1970-01-01T00:00:00Z"),
    ("query.start_time_max", "2200-01-01T00:00:00Z"),
];

/// How long a trace may grow after its answer: spans end shortly after what they stand for.
const WHOLE_WITHIN: Duration = Duration::from_secs(2);

/// HTTP's word for a trace, or a route, that is not there.
const NOT_FOUND: u16 = 404;

/// How often a growing trace is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// From this width on there is room for the year.
const ROOMY: usize = 105;

/// Lists traces.
pub(crate) async fn list(
    config: &Config,
    wanted: Traces,
    terminal: Terminal,
) -> anyhow::Result<ExitCode> {
    let door = Door::open(&config.data_dir).await?;
    let mut query: Vec<(&str, String)> = ANY_TIME
        .iter()
        .map(|(key, value)| (*key, (*value).to_owned()))
        .collect();
    query.push(("query.num_traces", wanted.limit.to_string()));
    query.extend(
        wanted
            .service
            .map(|service| ("query.service_name", service)),
    );
    query.extend(
        wanted
            .min_duration
            .map(|least| ("query.duration_min", format!("{}ns", least.as_nanos()))),
    );
    query.extend(
        wanted
            .errors
            .then(|| ("query.attributes", r#"{"error":"true"}"#.to_owned())),
    );
    let filtered = query.len() > ANY_TIME.len() + 1;
    let traces = Tree::each_of(
        fetch(&door, "/api/v3/traces", &query)
            .await?
            .unwrap_or_default(),
    );
    if wanted.json {
        let spans: Vec<&[Span]> = traces.iter().map(Tree::spans).collect();
        print(&serde_json::to_string_pretty(&spans)?)?;
    } else if traces.is_empty() {
        remark(if filtered {
            "No trace is like that."
        } else {
            "No traces yet. Ask something: chimera ask \"ZEC price\""
        });
    } else {
        print(&table(&traces, terminal).join("\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Shows one trace.
pub(crate) async fn show(
    config: &Config,
    wanted: Trace,
    terminal: Terminal,
) -> anyhow::Result<ExitCode> {
    let id = wanted.id;
    let door = Door::open(&config.data_dir).await?;
    let Some(spans) = fetch(&door, &format!("/api/v3/traces/{id}"), &[]).await? else {
        bail!("there is no trace {id}; `chimera traces` lists those that are kept");
    };
    if wanted.json {
        print(&serde_json::to_string_pretty(&spans)?)?;
    } else {
        print(
            waterfall::render(&Tree::from_spans(spans), &terminal.waterfall(wanted.wide))
                .trim_end(),
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The spans of a trace in a store of this process.
pub(crate) fn stored(store: &Store, trace_id: &str) -> anyhow::Result<Vec<Span>> {
    let id = TraceId::from_hex(trace_id).context("reading the answer's trace id")?;
    Ok(spans_from_otlp(&store.trace(id)?))
}

/// The spans of a trace once it has stopped growing: its root has ended, and no parent is missing.
pub(crate) async fn whole(door: &Door, trace_id: &str) -> anyhow::Result<Vec<Span>> {
    let path = format!("/api/v3/traces/{trace_id}");
    let until = Instant::now() + WHOLE_WITHIN;
    let mut seen = 0;
    loop {
        let spans = match fetch(door, &path, &[]).await {
            Err(error) if error.is::<NoStore>() => Vec::new(),
            fetched => fetched?.unwrap_or_default(),
        };
        let complete = !spans.is_empty() && Tree::from_spans(spans.clone()).problems().is_empty();
        if (complete && spans.len() == seen) || Instant::now() >= until {
            return Ok(spans);
        }
        seen = spans.len();
        sleep(LOOK_EVERY).await;
    }
}

/// The `chimera up` keeps no traces.
#[derive(Debug)]
struct NoStore;

impl fmt::Display for NoStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the running `chimera up` keeps no traces: `embedded` is not one of telemetry.exporters",
        )
    }
}

impl std::error::Error for NoStore {}

/// The spans at `path`, or `None` where there is no such trace.
pub(crate) async fn fetch(
    door: &Door,
    path: &str,
    query: &[(&str, String)],
) -> anyhow::Result<Option<Vec<Span>>> {
    let response = door
        .get(path, query)?
        .send()
        .await
        .context("asking the trace store")?;
    let status = response.status();
    let body = response.bytes().await.context("reading traces")?;
    if status == NOT_FOUND {
        // The store says in its body that it has none; without a store there is no such route.
        ensure!(!body.is_empty(), NoStore);
        return Ok(None);
    }
    if !status.is_success() {
        bail!(
            "the trace store answered {status}: {}",
            String::from_utf8_lossy(&body)
        );
    }
    Ok(Some(spans_from_otlp_json(&body)?))
}

fn table(traces: &[Tree], terminal: Terminal) -> Vec<String> {
    let mut table = Table::new(&[
        ("trace", Align::Left),
        ("started", Align::Left),
        ("duration", Align::Right),
        ("spans", Align::Right),
        ("errors", Align::Right),
        ("root", Align::Left),
    ]);
    for trace in traces {
        let errors = match trace.errors() {
            0 => String::new(),
            errors => errors.to_string(),
        };
        let root = trace.root().map_or_else(
            || "(missing)".to_owned(),
            |root| format!("{} ({})", root.name, root.service),
        );
        table.row(vec![
            trace.trace_id().into(),
            started(trace, terminal).into(),
            trace.took().into(),
            trace.spans().len().to_string().into(),
            Cell::styled(errors, Style::Bad),
            root.into(),
        ]);
    }
    table.lines(terminal)
}

/// Day and time; without the year where there is no room for it.
fn started(trace: &Tree, terminal: Terminal) -> String {
    let started = trace.started();
    match started.split_once('-') {
        Some((_, short)) if terminal.is_bounded && terminal.width < ROOMY => short.to_owned(),
        _ => started,
    }
}
