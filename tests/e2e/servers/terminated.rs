//! SIGTERM to an agent in mid-question.

use chimera_tests::{Backends, Stack, gate::Gate, stack::Setup};

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
    assert_eq!(attempts(asked.whole_trace(&stopped), agent), 1);
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
