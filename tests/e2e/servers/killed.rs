//! `kill -9` of an agent in mid-question.

use std::{sync::Arc, time::Duration};

use chimera_tests::{
    Backends, Servers, Stack,
    backends::documents,
    contract::drawn,
    gate::{Gate, ServerGate},
    stack::Setup,
};

use super::{QUESTION, ask_without_waiting, attempts};

/// The command that stores an answer, as it is sent to the document store: the first element of a document of BSON.
const STORES_AN_ANSWER: &[u8] = b"\x02update\0\x08\0\0\0answers\0";

/// Who goes on with the question.
#[derive(Clone, Copy, PartialEq)]
enum Heir {
    /// The agent, started again.
    Restarted,
    /// An instance that was there before.
    Second,
}

/// Kills the process of `agent`, and returns when there is a heir.
async fn kill(stack: &mut Stack, agent: &'static str, heir: Heir) {
    if heir == Heir::Second {
        stack.start_processes([agent]).await.unwrap();
    }
    stack.kill(agent).unwrap();
    if heir == Heir::Restarted {
        stack.start_processes([agent]).await.unwrap();
    }
}

async fn gated() -> (Gate, Stack) {
    let gate = Gate::closed().await.unwrap();
    let setup = Setup {
        configure: Some(Box::new(gate.before_the_source())),
        ..Setup::default()
    };
    let stack = Stack::start_with(Backends::Servers, setup).await.unwrap();
    (gate, stack)
}

async fn the_query_agent_is_killed(heir: Heir) {
    let (mut gate, mut stack) = gated().await;
    let asked = ask_without_waiting(&stack).await;
    gate.reached().await.unwrap();
    kill(&mut stack, "query_agent", heir).await;
    gate.open();
    asked.answered(&stack).await;
    let stopped = stack.stop().await.unwrap();
    let trace = asked.trace_with_gaps(&stopped);
    assert_eq!(attempts(trace, "query_agent"), 2, "{}", drawn(trace));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_agent_that_is_started_again_answers_the_question() {
    the_query_agent_is_killed(Heir::Restarted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_query_agent_answers_the_question() {
    the_query_agent_is_killed(Heir::Second).await;
}

async fn the_retrieval_agent_is_killed(heir: Heir) {
    let (mut gate, mut stack) = gated().await;
    let asked = ask_without_waiting(&stack).await;
    gate.reached().await.unwrap();
    kill(&mut stack, "data_retrieval_agent", heir).await;
    // The heir asks the source as well.
    gate.reached().await.unwrap();
    gate.open();
    asked.answered(&stack).await;
    let stopped = stack.stop().await.unwrap();
    let trace = asked.trace_with_gaps(&stopped);
    assert_eq!(
        attempts(trace, "data_retrieval_agent"),
        2,
        "{}",
        drawn(trace)
    );
    assert_eq!(attempts(trace, "query_agent"), 1, "{}", drawn(trace));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retrieval_agent_that_is_started_again_fetches_the_data() {
    the_retrieval_agent_is_killed(Heir::Restarted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_retrieval_agent_fetches_the_data() {
    the_retrieval_agent_is_killed(Heir::Second).await;
}

async fn the_analysis_agent_is_killed(heir: Heir) {
    let servers = Servers::fresh().await.unwrap();
    let (address, behind) = servers.documents_through(STORES_AN_ANSWER).await.unwrap();
    let mut gate: ServerGate = behind;
    let setup = Setup {
        servers: Some(servers),
        apart: Some((
            "analysis_agent",
            Arc::new(move |config| {
                config.documents.url = documents(&address).unwrap();
                // A server that does not change documents atomically has a lock, which the killed one takes along for as
                // long as an operation may last.
                config.documents.timeout = Duration::from_secs(2);
            }),
        )),
        ..Setup::default()
    };
    let mut stack = Stack::start_with(Backends::Servers, setup).await.unwrap();
    let asked = ask_without_waiting(&stack).await;
    gate.reached().await.unwrap();
    kill(&mut stack, "analysis_agent", heir).await;
    // The heir stores its answer as well.
    gate.reached().await.unwrap();
    gate.open();
    asked.answered(&stack).await;
    let stopped = stack.stop().await.unwrap();
    let trace = asked.trace_with_gaps(&stopped);
    assert!(attempts(trace, "analysis_agent") >= 2, "{}", drawn(trace));
    assert_eq!(attempts(trace, "query_agent"), 1, "{}", drawn(trace));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_analysis_agent_that_is_started_again_writes_the_answer() {
    the_analysis_agent_is_killed(Heir::Restarted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_analysis_agent_writes_the_answer() {
    the_analysis_agent_is_killed(Heir::Second).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_is_started_again_knows_the_question() {
    let (mut gate, mut stack) = gated().await;
    let asking = tokio::spawn(stack.asking(QUESTION));
    gate.reached().await.unwrap();
    stack.kill("chimera-api").unwrap();
    asking.await.unwrap().expect_err("the connection breaks");
    stack.start_processes(["chimera-api"]).await.unwrap();

    let page = stack.get("/api/queries").await.unwrap();
    let [query] = page["queries"].as_array().unwrap().as_slice() else {
        panic!("one question was asked: {page:#}");
    };
    assert!(
        ["pending", "processing"].contains(&query["status"].as_str().unwrap()),
        "{query:#}"
    );
    let text = |key: &str| query[key].as_str().unwrap().to_owned();
    let asked = super::Asked {
        query_id: text("query_id"),
        trace_id: text("trace_id"),
    };
    gate.open();
    asked.answered(&stack).await;
    let stopped = stack.stop().await.unwrap();
    let trace = asked.trace_with_gaps(&stopped);
    assert_eq!(attempts(trace, "query_agent"), 1, "{}", drawn(trace));
}
