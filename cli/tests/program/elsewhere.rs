//! Commands for a stack that runs elsewhere: `traces.url` and `api.url`. The stack is a `chimera up` on another directory,
//! whose trace store answers as Jaeger does; `tests/peers` has the same with a real one.

use std::net::TcpListener;

use serde_json::Value;

use crate::process::{Up, directory, run, stderr, stdout};

/// The settings with which commands find `up`.
fn settings(up: &Up) -> [String; 2] {
    let traces = up.url("chimera", "traces and commands", "");
    let api = up.url("chimera-api", "api", "");
    [format!("traces.url={traces}"), format!("api.url={api}")]
}

#[test]
fn what_is_seen_from_elsewhere_is_what_is_seen_there() {
    let (there, here) = (directory(), directory());
    let up = Up::start(there.path(), &[]);
    let [traces, api] = settings(&up);
    let elsewhere = |arguments: &[&str]| {
        let settings = ["--set", &traces, "--set", &api];
        let output = run(here.path(), &[&settings, arguments].concat());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        stdout(&output)
    };
    let asked = elsewhere(&["ask", "--json", "ZEC price"]);
    let answer: Value = serde_json::from_str(&asked).unwrap();
    let failing = ["publish", "query.request", "{}", "--follow"];
    assert_eq!(run(there.path(), &failing).status.code(), Some(4));

    let id = answer["trace_id"].as_str().unwrap();
    for command in [
        &["traces"][..],
        &["traces", "--json"],
        &["traces", "--errors"],
        &["traces", "--service", "analysis_agent", "--limit", "1"],
        &["traces", "--min-duration", "1h"],
        &["traces", "--since", "1h"],
        &["trace", id],
        &["trace", id, "--json"],
    ] {
        let there = stdout(&run(there.path(), command));
        assert_eq!(elsewhere(command), there, "{command:?}");
    }
    let spans: Value = serde_json::from_str(&elsewhere(&["trace", id, "--json"])).unwrap();
    assert_eq!(spans, answer["trace"], "what `ask` printed was complete");
    assert_eq!(
        std::fs::read_dir(here.path()).unwrap().count(),
        0,
        "nothing was started here"
    );
}

#[test]
fn an_answer_counts_without_its_trace() {
    let (there, here) = (directory(), directory());
    let up = Up::start(there.path(), &[]);
    let api = up.url("chimera-api", "api", "");
    let check = |settings: &[&str], expected: &str| {
        let ask = ["ask", "--api", &api, "ZEC price"];
        let output = run(here.path(), &[settings, &ask].concat());
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(0), "{said}");
        assert!(stdout(&output).contains("57.73 USD"));
        assert!(said.contains(expected), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    };
    check(&[], "traces.url can say in which Jaeger");
    let nobody = format!("traces.url=http://{}", nobody());
    check(&["--set", &nobody], "cannot be shown: Jaeger at http://127");
}

/// An address where nobody listens.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

#[test]
fn where_nobody_or_somebody_else_answers_is_said_in_one_line() {
    let (there, here) = (directory(), directory());
    let up = Up::start(there.path(), &[]);
    let check = |setting: &str, command: &[&str], expected: &str| {
        let output = run(here.path(), &[&["--set", setting], command].concat());
        let said = stderr(&output);
        assert_eq!(
            output.status.code(),
            Some(4),
            "{setting} {command:?}: {said}"
        );
        assert!(said.contains(expected), "{setting} {command:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(!said.contains("wonderland"), "{said}");
    };
    let id = "0af7651916cd43dd8448eb211c80319c";
    let nobody = nobody();
    let traces = format!("traces.url=http://me:wonderland@{nobody}");
    check(
        &traces,
        &["traces"],
        "cannot be reached: Connection refused",
    );
    check(&traces, &["traces"], "whether traces.url is right");
    check(&traces, &["trace", id], "Jaeger at http://me:***@127.0.0.1");
    let api = format!("api.url=http://me:wonderland@{nobody}");
    check(&api, &["ask", "ZEC price"], "whether api.url is right");

    let (api, door) = (
        up.url("chimera-api", "api", ""),
        up.url("chimera", "traces and commands", ""),
    );
    let wrong = format!("traces.url={api}");
    check(&wrong, &["traces"], "is not Jaeger");
    check(&wrong, &["trace", id], "is not Jaeger");
    let wrong = format!("api.url={door}");
    check(&wrong, &["ask", "ZEC price"], "is not chimera-api");
    let right = format!("traces.url={door}");
    check(&right, &["trace", id], "has no trace 0af76519");
}
