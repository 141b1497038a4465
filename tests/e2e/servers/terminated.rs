//! SIGTERM to an agent in mid-question.

use chimera_shared::telemetry::keys;
use chimera_tests::{Backends, Stack, gate::Gate, stack::Setup};
use chimera_traces::tree::{Span, Trace};

use super::{QUESTION, ask_without_waiting, attempts};

/// What `agent` has in hand when it is asked to end is finished, and nobody notices.
async fn it_finishes(agent: &'static str) {
    let mut gate = Gate::closed().await.unwrap();
    let setup = Setup {
        configure: Some(Box::new(gate.before_the_source())),
        ..Setup::default()
    };
    let mut stack = Stack::start_with(Backends::Servers, setup).await.unwrap();
    let asked = ask_without_waiting(&stack).await;
    gate.reached().await.unwrap();
    stack.process(agent).terminate().unwrap();
    gate.open();
    stack.process(agent).ended().await.unwrap();
    asked.answered(&stack).await;
    let stopped = stack.stop().await.unwrap();
    let trace = asked.whole_trace(&stopped);
    assert_eq!(attempts(trace, agent), 1);
    assert_peers(trace);
}

/// The broker was there all the time, so that each message says over which address it went.
fn assert_peers(trace: &Trace) {
    let is_message =
        |span: &&Span| span.attributes.text(keys::MESSAGING_SYSTEM) == Some("rabbitmq");
    let mut messages = trace.spans().iter().filter(is_message).peekable();
    assert!(messages.peek().is_some());
    for span in messages {
        let attribute = |key| span.attributes.get(key);
        let name = &span.name;
        assert_eq!(
            span.attributes.text(keys::NETWORK_PEER_ADDRESS),
            Some("127.0.0.1"),
            "{name}"
        );
        assert_eq!(
            attribute(keys::NETWORK_PEER_PORT),
            attribute(keys::SERVER_PORT),
            "{name}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_query_agent_finishes_the_question() {
    it_finishes("query_agent").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_retrieval_agent_finishes_the_question() {
    it_finishes("data_retrieval_agent").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_answers_the_one_who_waits() {
    let mut gate = Gate::closed().await.unwrap();
    let setup = Setup {
        configure: Some(Box::new(gate.before_the_source())),
        ..Setup::default()
    };
    let mut stack = Stack::start_with(Backends::Servers, setup).await.unwrap();
    let asking = tokio::spawn(stack.asking(QUESTION));
    gate.reached().await.unwrap();
    stack.process("chimera-api").terminate().unwrap();
    gate.open();
    let answer = asking.await.unwrap().unwrap();
    assert_eq!(answer["status"], "completed", "{answer:#}");
    stack.process("chimera-api").ended().await.unwrap();
    let stopped = stack.stop().await.unwrap();
    chimera_tests::contract::assert_one_trace(stopped.only_trace());
}
