//! `chimera ask`.

use serde_json::Value;

use crate::process::{Up, directory, run, stderr, stdout};

const QUESTION: &str = "How did the ZEC price trend in January 2019?";

#[test]
fn the_answer_its_facts_and_its_trace_are_on_the_screen() {
    let directory = directory();
    let output = run(directory.path(), &["ask", QUESTION]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{text}{}", stderr(&output));
    for expected in [
        "change_pct",
        "-11.71",
        "505,720",
        "2019-01-31",
        "process_query",
        "fetch_data",
        "analyze",
        "query_agent",
    ] {
        assert!(text.contains(expected), "{expected} is not in\n{text}");
    }
    assert_eq!(
        stderr(&output),
        "",
        "nothing went wrong, so nothing is said"
    );
}

#[test]
fn json_is_the_answer_and_its_spans() {
    let directory = directory();
    let output = run(directory.path(), &["ask", "--json", QUESTION]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["status"], "completed");
    assert_eq!(answer["interpretation"]["from"], "2019-01-01");
    let spans = answer["trace"].as_array().unwrap();
    assert!(spans.len() > 20, "{}", spans.len());
    for span in spans {
        assert_eq!(span["trace_id"], answer["trace_id"]);
        for key in [
            "span_id",
            "parent_span_id",
            "service",
            "name",
            "kind",
            "start",
            "duration",
            "status",
            "attributes",
            "links",
        ] {
            assert!(span.get(key).is_some(), "{key} is not in {span:#}");
        }
    }
    let roots: Vec<_> = spans
        .iter()
        .filter(|span| span["parent_span_id"].is_null())
        .collect();
    assert_eq!(roots.len(), 1);
    assert_eq!(
        (&roots[0]["service"], &roots[0]["name"]),
        (&"chimera-api".into(), &"POST /api/queries".into())
    );
}

#[test]
fn the_exit_code_says_how_it_ended() {
    let directory = directory();
    let check = |arguments: &[&str], code: i32, expected: &str| {
        let output = run(directory.path(), arguments);
        let said = stdout(&output) + &stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(
            said.contains(expected),
            "{arguments:?}: {expected:?} is not in\n{said}"
        );
    };
    check(&["ask"], 2, "Usage");
    check(&["ask", "--jsno", "x"], 2, "--json");
    check(&["--set", "api.lisen=1", "ask", "x"], 2, "api.listen");
    check(&["ask", "What is the capital of France?"], 4, "No answer:");
    check(&["ask", ""], 4, "empty");
    check(&["ask", "How is the market doing?"], 3, "Which asset");
    let refused = stderr(&run(directory.path(), &["ask", ""]));
    assert_eq!(
        refused.lines().count(),
        1,
        "one line, and no log beside it: {refused}"
    );
}

#[test]
fn a_running_chimera_up_is_asked_instead() {
    let directory = directory();
    let up = Up::start(directory.path(), &[]);
    for _ in 0..2 {
        let output = run(directory.path(), &["ask", QUESTION]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert!(stdout(&output).contains("analyze"), "{}", stdout(&output));
    }
    let listed = stdout(&run(
        directory.path(),
        &["traces", "--service", "query_agent"],
    ));
    assert_eq!(
        listed
            .lines()
            .filter(|line| line.contains("POST /api/queries"))
            .count(),
        2,
        "{listed}"
    );
    let id = listed
        .lines()
        .nth(1)
        .unwrap()
        .split_whitespace()
        .next()
        .unwrap()
        .to_owned();
    let shown = stdout(&run(directory.path(), &["trace", &id]));
    assert!(shown.contains("process_query"), "{shown}");
    assert_eq!(up.interrupt(), Some(0));
    let output = run(directory.path(), &["traces"]);
    assert_eq!(output.status.code(), Some(4));
    assert!(
        stderr(&output).contains("chimera up"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn an_answer_without_a_trace_says_where_to_look() {
    let directory = directory();
    let silent = ["--set", "telemetry.sampler=always_off", "ask", QUESTION];
    let output = run(directory.path(), &silent);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("change_pct"));
    assert_eq!(
        stderr(&output),
        "There is no trace of it: `chimera doctor` says why.\n"
    );
}
