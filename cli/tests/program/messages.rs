//! `chimera publish` and `chimera request`.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::process::{Up, directory, run, stderr, stdout};

#[test]
fn messages_are_published_followed_and_answered() {
    let directory = directory();
    let _up = Up::start(directory.path(), &[]);

    let catalog = run(
        directory.path(),
        &["request", "data_retrieval.catalog", "{}"],
    );
    assert_eq!(catalog.status.code(), Some(0), "{}", stderr(&catalog));
    let catalog: Value = serde_json::from_slice(&catalog.stdout).unwrap();
    assert_eq!(catalog["today"], "2019-03-28");

    let wrong = r#"{"query_id":"x"}"#;
    let followed = run(
        directory.path(),
        &[
            "publish",
            "query.request",
            wrong,
            "--count",
            "3",
            "--follow",
        ],
    );
    let text = stdout(&followed);
    assert_eq!(
        followed.status.code(),
        Some(4),
        "they were dead-lettered: {text}"
    );
    assert_eq!(
        text.lines()
            .filter(|line| line.contains("query_agent") && line.contains("dead-lettered"))
            .count(),
        3,
        "{text}"
    );

    let nowhere = run(directory.path(), &["publish", "no.such.key", "{}"]);
    assert!(
        stderr(&nowhere).contains("no agent takes `no.such.key`, so that 1 of 1 went nowhere"),
        "{}",
        stderr(&nowhere)
    );
    assert_eq!(nowhere.status.code(), Some(4));

    let nobody = run(directory.path(), &["request", "no.such.key", "{}"]);
    assert!(
        stderr(&nobody).contains("nobody takes requests for `no.such.key`"),
        "{}",
        stderr(&nobody)
    );

    let not_json = run(directory.path(), &["publish", "query.request", "{"]);
    assert_eq!(not_json.status.code(), Some(2), "{}", stderr(&not_json));
}

/// Harmless, and taken by two agents.
const NEWS: [&str; 3] = [
    "publish",
    "query.cancelled",
    r#"{"query_id":"01978e1c-0000-7000-8000-000000000000"}"#,
];

#[test]
fn as_many_messages_are_published_as_asked_for() {
    let directory = directory();
    let _up = Up::start(directory.path(), &[]);
    let check = |options: &[&str], expected: usize| {
        let output = run(directory.path(), &[&NEWS, options].concat());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let text = stdout(&output);
        let ids: BTreeSet<&str> = text.lines().map(|line| &line[..44]).collect();
        assert_eq!(
            (ids.len(), text.lines().count()),
            (expected, expected),
            "{text}"
        );
    };
    check(&[], 1);
    check(&["--count", "20", "--rate", "1000"], 20);
    for wrong in [&["--rate", "0"], &["--count", "0"], &["--header", "x"]] {
        let output = run(directory.path(), &[&NEWS[..], wrong].concat());
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
    }
}

#[test]
fn each_agent_that_handles_a_message_is_shown() {
    let directory = directory();
    let _up = Up::start(directory.path(), &[]);
    let output = run(directory.path(), &[&NEWS[..], &["--follow"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = stdout(&output);
    let handled: Vec<Vec<&str>> = text
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().collect())
        .collect();
    let of = |agent| {
        handled
            .iter()
            .any(|row| row[0].len() == 32 && row[1..] == [agent, "1", "handled"])
    };
    assert!(of("chimera-api") && of("query_agent"), "{text}");
}

#[test]
fn a_message_joins_the_trace_of_its_headers() {
    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    let directory = directory();
    let _up = Up::start(directory.path(), &[]);
    let traceparent = format!("traceparent=00-{TRACE}-b7ad6b7169203331-01");
    let options = ["--follow", "--header", &traceparent, "--header", "x-mine=1"];
    let output = run(directory.path(), &[&NEWS[..], &options].concat());
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(text.matches(TRACE).count(), 2, "{text}");
    let shown = stdout(&run(directory.path(), &["trace", TRACE]));
    assert!(
        shown.contains("the parent b7ad6b7169203331 is missing"),
        "{shown}"
    );
}

#[test]
fn a_request_says_how_its_agent_failed() {
    let directory = directory();
    let _up = Up::start(directory.path(), &[]);
    let output = run(directory.path(), &["request", "analysis.request", "{}"]);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("`analysis_agent` failed"), "{said}");
    let wrong = run(
        directory.path(),
        &["request", "a", "{}", "--timeout", "soon"],
    );
    assert_eq!(wrong.status.code(), Some(2));
    let wrong = run(
        directory.path(),
        &["request", "a", "{}", "--timeout", "301s"],
    );
    assert_eq!(wrong.status.code(), Some(2));
    let said = stderr(&wrong);
    assert!(said.contains("a reply is waited for 5m at most"), "{said}");
}
