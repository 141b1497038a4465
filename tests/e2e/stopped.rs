//! Stopping in mid-question.

use chimera_tests::{Backends, Stack, contract::assert_one_trace, gate::Gate, stack::Setup};

crate::on_each_backend! {
    a_question_that_is_being_worked_on_is_answered_before_the_end,
}

async fn a_question_that_is_being_worked_on_is_answered_before_the_end(backends: Backends) {
    let mut gate = Gate::closed().await.unwrap();
    let setup = Setup {
        configure: Some(Box::new(gate.before_the_source())),
        ..Setup::default()
    };
    let stack = Stack::start_with(backends, setup).await.unwrap();
    let asking = tokio::spawn(stack.asking("How did the ZEC price trend in January 2019?"));
    gate.reached().await.unwrap();
    let stopping = tokio::spawn(stack.stop());
    gate.open();
    let answer = asking.await.unwrap().unwrap();
    assert_eq!(answer["status"], "completed", "{answer:#}");
    let stopped = stopping.await.unwrap().unwrap();
    assert_one_trace(stopped.only_trace());
}
