//! What tests look at, without what differs from run to run.

use chimera_traces::tree::{Row, Trace};
use serde_json::Value;

/// The tree of a trace: a line per span with service, name and kind, without ids and times.
pub fn outline(trace: &Trace) -> String {
    let lines = trace.rows().iter().filter_map(|row| match row {
        Row::Span { index, depth } => {
            let span = &trace.spans()[*index];
            let kind = format!("{:?}", span.kind).to_lowercase();
            Some(format!(
                "{:indent$}{}: {} ({kind})",
                "",
                span.service,
                span.name,
                indent = depth * 2
            ))
        }
        Row::Gap { .. } => None,
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The number of the first fact called `name` in an answer.
///
/// # Panics
/// When there is none.
pub fn fact(answer: &Value, name: &str) -> f64 {
    let facts = answer["answer"]["facts"]
        .as_array()
        .expect("an answer has facts");
    let fact = facts.iter().find(|fact| fact["name"] == name);
    fact.and_then(|fact| fact["value"].as_f64())
        .unwrap_or_else(|| panic!("no fact {name} in {facts:#?}"))
}
