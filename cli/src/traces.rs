//! `chimera traces` and `chimera trace`: what a running `chimera up`, or Jaeger, has.

mod source;
mod whole;

use std::process::ExitCode;

use anyhow::bail;
use chimera_shared::config::Config;
use chimera_traces::{
    Store,
    tree::{Span, Trace as Tree, spans_from_otlp},
    waterfall,
};
use opentelemetry::TraceId;

use self::source::Search;
pub(crate) use self::{
    source::TraceSource,
    whole::{is_whole, whole},
};
use crate::{
    arguments::{Trace, Traces},
    table::{Align, Cell, Table},
    terminal::{Style, Terminal, print, remark},
};

/// From this width on there is room for the year.
const ROOMY: usize = 105;

/// Lists traces.
pub(crate) async fn list(
    config: &Config,
    wanted: Traces,
    terminal: Terminal,
) -> anyhow::Result<ExitCode> {
    let source = TraceSource::open(config).await?;
    let search = Search {
        service: wanted.service,
        min_duration: wanted.min_duration,
        errors: wanted.errors,
        since: wanted.since,
        limit: usize::from(wanted.limit),
    };
    let found = source.search(&search).await?;
    if wanted.json {
        let spans: Vec<&[Span]> = found.traces.iter().map(Tree::spans).collect();
        print(&serde_json::to_string_pretty(&spans)?)?;
    } else if !found.traces.is_empty() {
        print(&table(&found.traces, terminal).join("\n"))?;
    } else if !search.is_narrow() {
        remark("No traces yet. Ask something: chimera ask \"ZEC price\"");
    } else if found.more {
        remark(
            "No trace is like that among the newest; there are more than can be looked through.",
        );
    } else {
        remark("No trace is like that.");
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
    let source = TraceSource::open(config).await?;
    let Some(spans) = source.trace(id).await? else {
        bail!(source.has_no(id));
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
pub(crate) fn stored(store: &Store, id: TraceId) -> anyhow::Result<Vec<Span>> {
    Ok(spans_from_otlp(&store.trace(id)?))
}

/// A row for each trace. Its root says most: where there is no room for it, it has a line of its own.
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
    table.folded(terminal)
}

/// Day and time; without the year where there is no room for it.
fn started(trace: &Tree, terminal: Terminal) -> String {
    let started = trace.started();
    match started.split_once('-') {
        Some((_, short)) if terminal.is_bounded && terminal.width < ROOMY => short.to_owned(),
        _ => started,
    }
}
