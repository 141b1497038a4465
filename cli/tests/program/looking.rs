//! `chimera traces` and `chimera trace`.

use std::path::Path;

use serde_json::Value;

use crate::process::{Up, directory, run, stderr, stdout};

/// The rows of `chimera traces` with `filters`, without their titles.
fn listed(data_dir: &Path, filters: &[&str]) -> Vec<String> {
    let output = run(data_dir, &[&["traces"], filters].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    stdout(&output).lines().skip(1).map(str::to_owned).collect()
}

#[test]
fn traces_are_listed_by_what_is_asked_for() {
    let directory = directory();
    let _up = Up::start(directory.path(), &[]);
    let listed = |filters: &[&str]| listed(directory.path(), filters).len();
    assert_eq!(listed(&[]), 0);
    assert_eq!(
        run(directory.path(), &["ask", "ZEC price"]).status.code(),
        Some(0)
    );
    let failing = ["publish", "query.request", "{}", "--follow"];
    assert_eq!(run(directory.path(), &failing).status.code(), Some(4));

    assert_eq!(listed(&[]), 2);
    assert_eq!(listed(&["--limit", "1"]), 1);
    assert_eq!(listed(&["--service", "analysis_agent"]), 1);
    assert_eq!(listed(&["--service", "query_agent"]), 2);
    assert_eq!(listed(&["--service", "nobody"]), 0);
    assert_eq!(listed(&["--errors"]), 1);
    assert_eq!(listed(&["--errors", "--service", "analysis_agent"]), 0);
    assert_eq!(listed(&["--min-duration", "1ns"]), 2);
    assert_eq!(listed(&["--min-duration", "1h"]), 0);
    let wrong = run(directory.path(), &["traces", "--min-duration", "soon"]);
    assert_eq!(wrong.status.code(), Some(2), "{}", stderr(&wrong));
}

#[test]
fn a_trace_is_shown_by_its_id() {
    let directory = directory();
    let _up = Up::start(directory.path(), &[]);
    let asked = run(directory.path(), &["ask", "--json", "ZEC price"]);
    let answer: Value = serde_json::from_slice(&asked.stdout).unwrap();
    let id = answer["trace_id"].as_str().unwrap();

    let shown = run(directory.path(), &["trace", &id.to_uppercase()]);
    assert_eq!(shown.status.code(), Some(0), "{}", stderr(&shown));
    let text = stdout(&shown);
    assert!(text.starts_with(&format!("trace {id}")), "{text}");
    assert!(text.contains("critical path"), "{text}");

    let spans = run(directory.path(), &["trace", id, "--json"]);
    let spans: Value = serde_json::from_slice(&spans.stdout).unwrap();
    assert_eq!(spans, answer["trace"], "what `ask` printed was complete");

    let check = |arguments: &[&str], code: i32, expected: &str| {
        let output = run(directory.path(), arguments);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(expected), "{arguments:?}: {said}");
    };
    check(
        &["trace", "0af7651916cd43dd8448eb211c80319c"],
        4,
        "there is no trace",
    );
    check(
        &["trace", "00000000000000000000000000000000"],
        4,
        "there is no trace",
    );
    check(&["trace", "0af7651916cd43dd"], 2, "is not a trace id");
    check(
        &["trace", "../../services?a=zzzzzzzzzzzzzzzz"],
        2,
        "is not a trace id",
    );
    check(&["traces", "--limit", "0"], 2, "1..=1500");
    check(&["traces", "--limit", "1501"], 2, "1..=1500");
    check(&["publish", "a.b", "{}", "--count", "0"], 2, "--count");
}

#[test]
fn without_the_store_it_is_said_that_there_is_none() {
    let directory = directory();
    let _up = Up::start(directory.path(), &["--set", "telemetry.exporters=[]"]);
    let asked = run(directory.path(), &["ask", "ZEC price"]);
    assert_eq!(asked.status.code(), Some(0), "{}", stderr(&asked));
    let output = run(directory.path(), &["traces"]);
    assert_eq!(output.status.code(), Some(4));
    assert!(
        stderr(&output).contains("telemetry.exporters"),
        "{}",
        stderr(&output)
    );
}
