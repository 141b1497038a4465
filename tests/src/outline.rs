//! What tests look at, without what differs from run to run.

use chimera_traces::tree::Trace;
use serde_json::Value;

/// The tree of a trace: a line per span with service, name and kind, without ids and times. Siblings stand in the order
/// of their names, because those that run at once start in any order.
pub fn outline(trace: &Trace) -> String {
    let mut lines = Vec::new();
    let roots = (0..trace.spans().len()).filter(|index| trace.parent(*index).is_none());
    for root in sorted(trace, roots) {
        add(trace, root, 0, &mut lines);
    }
    lines.join("\n")
}

fn add(trace: &Trace, index: usize, depth: usize, lines: &mut Vec<String>) {
    let span = &trace.spans()[index];
    let kind = format!("{:?}", span.kind).to_lowercase();
    lines.push(format!(
        "{:indent$}{}: {} ({kind})",
        "",
        span.service,
        span.name,
        indent = depth * 2
    ));
    for child in sorted(trace, trace.children(index).iter().copied()) {
        add(trace, child, depth + 1, lines);
    }
}

fn sorted(trace: &Trace, indexes: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut indexes: Vec<usize> = indexes.collect();
    indexes.sort_by_key(|index| trace.spans()[*index].name.as_str());
    indexes
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
