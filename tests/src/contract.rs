//! The contract "One trace" as a check: what every span of the application must be.
//!
//! [`Trace::problems`] finds gaps and second traces; this finds spans of the wrong service or kind, and spans that
//! nobody has heard of; [`conventions`] what is not as OpenTelemetry wants it.

use chimera_shared::telemetry::keys;
use chimera_traces::tree::{Kind, Span, Trace};

use crate::conventions;

const API: &[&str] = &["chimera-api"];
const QUERY: &[&str] = &["query_agent"];
const RETRIEVAL: &[&str] = &["data_retrieval_agent"];
const ANALYSIS: &[&str] = &["analysis_agent"];
const STORING: &[&str] = &["chimera-api", "query_agent", "analysis_agent"];
const ANY: &[&str] = &[];

/// What a span is recognised by, and what it must be.
struct Rule {
    name: &'static str,
    services: &'static [&'static str],
    kind: Kind,
}

/// A `*` at the end of a name stands for anything. The first rule that fits counts.
const RULES: &[Rule] = &[
    rule("POST /api/bus/*", &["chimera"], Kind::Server),
    rule("POST /api/queries", API, Kind::Server),
    rule("GET /api/queries*", API, Kind::Server),
    rule("DELETE /api/queries/{id}", API, Kind::Server),
    rule("publish *", ANY, Kind::Producer),
    rule("request *", ANY, Kind::Client),
    rule(
        "process chimera.events:query.request:query_agent",
        QUERY,
        Kind::Consumer,
    ),
    rule(
        "process chimera.events:data_retrieval.*",
        RETRIEVAL,
        Kind::Consumer,
    ),
    rule(
        "process chimera.events:analysis.*",
        ANALYSIS,
        Kind::Consumer,
    ),
    rule("process *", ANY, Kind::Consumer),
    rule("ack", ANY, Kind::Client),
    rule("retry", ANY, Kind::Client),
    rule("dead_letter", ANY, Kind::Client),
    rule("nack", ANY, Kind::Client),
    rule("insert *", STORING, Kind::Client),
    rule("update *", STORING, Kind::Client),
    rule("find *", STORING, Kind::Client),
    rule("findAndModify *", STORING, Kind::Client),
    rule("GET", ANY, Kind::Client),
    rule("GET *", RETRIEVAL, Kind::Client),
    rule("SET", ANY, Kind::Client),
    rule("DEL", ANY, Kind::Client),
    rule("SELECT daily", RETRIEVAL, Kind::Client),
    rule("BATCH SELECT daily", RETRIEVAL, Kind::Client),
    rule("write daily", RETRIEVAL, Kind::Client),
    rule("BATCH write daily", RETRIEVAL, Kind::Client),
    rule("POST", RETRIEVAL, Kind::Client),
    rule("POST *", RETRIEVAL, Kind::Client),
    rule("process_query", QUERY, Kind::Internal),
    rule("nlp_processing", QUERY, Kind::Internal),
    rule("entity_extraction", QUERY, Kind::Internal),
    rule("intent_classification", QUERY, Kind::Internal),
    rule("fetch_data", RETRIEVAL, Kind::Internal),
    rule("describe_data", RETRIEVAL, Kind::Internal),
    rule("get_*", RETRIEVAL, Kind::Internal),
    rule("cache_set", RETRIEVAL, Kind::Internal),
    rule("analyze", ANALYSIS, Kind::Internal),
];

const fn rule(name: &'static str, services: &'static [&'static str], kind: Kind) -> Rule {
    Rule {
        name,
        services,
        kind,
    }
}

/// Fails unless `trace` is one trace without gaps, of spans that are what they must be.
///
/// # Panics
/// With the trace drawn, and at the end, where a log that is cut still has it, every breach that was found.
pub fn assert_one_trace(trace: &Trace) {
    assert_whole(trace, &[]);
}

/// The same, where the names and kinds of `more` spans come from agents that only a test has.
///
/// # Panics
/// As [`assert_one_trace`].
pub fn assert_whole(trace: &Trace, more: &[(&str, Kind)]) {
    let mut breaches: Vec<String> = trace.problems().iter().map(ToString::to_string).collect();
    breaches.extend(trace.spans().iter().filter_map(|span| breach(span, more)));
    let ours = trace.spans().iter().filter(|span| !is_foreign(span));
    breaches.extend(ours.flat_map(conventions::breaches));
    breaches.extend(without_wait(trace));
    assert!(
        breaches.is_empty(),
        "{}\n{}",
        drawn(trace),
        breaches.join("\n")
    );
}

/// The trace as text.
pub fn drawn(trace: &Trace) -> String {
    use chimera_traces::waterfall::{Colors, Glyphs, Names, Options, render};
    render(
        trace,
        &Options {
            width: 160,
            colors: Colors::Off,
            glyphs: Glyphs::Unicode,
            names: Names::Full,
        },
    )
}

/// Whether it is a span of another program, whose instrumentation follows older conventions.
fn is_foreign(span: &Span) -> bool {
    span.service.starts_with("python_")
}

/// The deliveries of messages of ours, which say since when they were ready, that do not have how long they waited. Of others
/// it may not be known.
fn without_wait(trace: &Trace) -> impl Iterator<Item = String> {
    let spans = trace.spans();
    let is_ours = |index: usize| !is_foreign(&spans[index]);
    let deliveries = (0..spans.len()).filter(move |&index| {
        let sender = trace.parent(index);
        spans[index].kind == Kind::Consumer && is_ours(index) && sender.is_some_and(is_ours)
    });
    let wait = keys::CHIMERA_QUEUE_WAIT_MS;
    let unmeasured = deliveries.filter(move |&index| spans[index].attributes.get(wait).is_none());
    unmeasured.map(move |index| format!("`{}` has no `{wait}`", spans[index].name))
}

/// What is wrong with `span`; `more` are spans of agents that only a test has.
fn breach(span: &Span, more: &[(&str, Kind)]) -> Option<String> {
    let what = format!("`{}: {}`", span.service, span.name);
    let own = more
        .iter()
        .find(|(name, _)| fits(name, &span.name))
        .map(|(_, kind)| (ANY, *kind));
    let known = RULES
        .iter()
        .find(|rule| fits(rule.name, &span.name))
        .map(|rule| (rule.services, rule.kind));
    let Some((services, kind)) = own.or(known) else {
        return Some(format!("{what} is a span that the contract does not know"));
    };
    if span.kind != kind {
        return Some(format!("{what} has the kind {:?}, not {kind:?}", span.kind));
    }
    if !services.is_empty() && !services.contains(&span.service.as_str()) {
        return Some(format!("{what} is not of the service {services:?}"));
    }
    None
}

fn fits(rule: &str, name: &str) -> bool {
    match rule.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => rule == name,
    }
}
