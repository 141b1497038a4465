//! Commands that reach the broker themselves: their own span in the trace.

use std::path::Path;

use anyhow::Result;
use chimera_tests::{contract::drawn, receiver::Receiver, stopped::traces};
use chimera_traces::Store;
use tokio::task::spawn_blocking;

use crate::program::{NO_DIRECTORY, Running, Servers, program};

/// Taken by the query agent, and harmless.
const NEWS: [&str; 3] = [
    "publish",
    "query.cancelled",
    r#"{"query_id":"01978e1c-0000-7000-8000-000000000000"}"#,
];

/// Publishes three messages to an agent, both with `settings` beside those of `servers`, and returns what that said.
fn publish(servers: &Servers, settings: &[String]) -> String {
    let settings = [&servers.settings()[..4], settings].concat();
    let directory = tempfile::tempdir().unwrap();
    let mut agent = Running::start(program("query_agent", directory.path(), &settings));
    agent.says("\"ready\"");
    let mut command = program("chimera", Path::new(NO_DIRECTORY), &settings);
    command.args(NEWS).args(["--count", "3"]);
    let published = Running::start(command).end();
    assert_eq!(published.code, Some(0), "{}", published.said);
    assert_eq!(agent.terminate().code, Some(0));
    published.said
}

#[tokio::test(flavor = "multi_thread")]
async fn with_otlp_the_command_is_the_root_of_its_trace() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let store = Store::open(directory.path())?;
    let receiver = Receiver::start(store.clone()).await?;
    let settings = [
        "telemetry.exporters=otlp".to_owned(),
        format!("telemetry.otlp.endpoint={}", receiver.endpoint()),
    ];
    let said = spawn_blocking(move || publish(&Servers::fresh(), &settings)).await?;
    assert_eq!(said.lines().count(), 3, "{said}");
    let traces = traces(&store)?;
    assert_eq!(traces.len(), 3);
    for trace in &traces {
        assert!(said.contains(trace.trace_id()), "{said}");
        let root = trace
            .spans()
            .iter()
            .find(|span| span.name == "chimera publish");
        assert_eq!(root.unwrap().service, "chimera");
        assert!(
            trace
                .spans()
                .iter()
                .any(|span| span.service == "query_agent")
        );
        assert!(trace.problems().is_empty(), "{}", drawn(trace));
    }
    Ok(())
}

#[test]
fn without_a_place_for_the_commands_span_that_is_said_once() {
    let said = publish(
        &Servers::fresh(),
        &["telemetry.exporters=embedded".to_owned()],
    );
    let note = "the span of this command itself is kept nowhere";
    assert_eq!(said.matches(note).count(), 1, "{said}");
    assert_eq!(said.lines().count(), 4, "{said}");
}
