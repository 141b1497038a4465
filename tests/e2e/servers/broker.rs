//! A broker that is away for a while in mid-question.

use std::sync::Arc;

use chimera_servers::RabbitMq;
use chimera_tests::{Backends, Servers, Stack, gate::Gate, stack::Setup};
use tokio::task::spawn_blocking;

use super::ask_without_waiting;

/// The question is answered when `away` has taken the broker away and brought it back.
async fn check(away: fn(&RabbitMq)) {
    let broker = Arc::new(spawn_blocking(RabbitMq::start).await.unwrap());
    let url = broker.url();
    let servers = spawn_blocking(move || Servers::on(&url)).await.unwrap();
    let mut gate = Gate::closed().await.unwrap();
    let setup = Setup {
        configure: Some(Box::new(gate.before_the_source())),
        servers: Some(servers),
        ..Setup::default()
    };
    let stack = Stack::start_with(Backends::Servers, setup).await.unwrap();
    let asked = ask_without_waiting(&stack).await;
    gate.reached().await.unwrap();
    let taken = Arc::clone(&broker);
    spawn_blocking(move || away(&taken)).await.unwrap();
    gate.open();
    asked.answered(&stack).await;
    let stopped = stack.stop().await.unwrap();
    asked.whole_trace(&stopped);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_restarted_costs_no_question() {
    check(|broker| {
        broker.stop();
        broker.start_again();
    })
    .await;
}
