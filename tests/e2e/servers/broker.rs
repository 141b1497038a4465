//! A broker that is away for a while in mid-question.

use std::sync::Arc;

use chimera_servers::RabbitMq;
use chimera_tests::{Backends, Servers, Stack, gate::Gate, stack::Setup};
use tokio::task::spawn_blocking;

use super::{ask_without_waiting, each_agent_says};

/// A stack on a broker of its own, and the gate before its source.
async fn gated() -> (Arc<RabbitMq>, Gate, Stack) {
    let broker = Arc::new(spawn_blocking(RabbitMq::start).await.unwrap());
    let url = broker.url();
    let servers = spawn_blocking(move || Servers::on(&url)).await.unwrap();
    let gate = Gate::closed().await.unwrap();
    let setup = Setup {
        configure: Some(Box::new(gate.before_the_source())),
        servers: Some(servers),
        ..Setup::default()
    };
    let stack = Stack::start_with(Backends::Servers, setup).await.unwrap();
    (broker, gate, stack)
}

/// Takes the broker away and brings it back.
async fn restart(broker: &Arc<RabbitMq>, end: fn(&RabbitMq)) {
    let broker = Arc::clone(broker);
    let restarted = spawn_blocking(move || {
        end(&broker);
        broker.start_again();
    });
    restarted.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_restarted_costs_no_question() {
    let (broker, mut gate, stack) = gated().await;
    let asked = ask_without_waiting(&stack).await;
    gate.reached().await.unwrap();
    restart(&broker, RabbitMq::stop).await;
    gate.open();
    asked.answered(&stack).await;
    let stopped = stack.stop().await.unwrap();
    asked.whole_trace(&stopped);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_killed_costs_no_question() {
    let (broker, mut gate, stack) = gated().await;
    // RabbitMQ 3.10 takes a quorum queue that it was killed right after making for a new one, and waits for somebody
    // else to have its leader elected. Ours have been through an orderly end.
    restart(&broker, RabbitMq::stop).await;
    each_agent_says(&stack, "bus", true).await;
    let asked = ask_without_waiting(&stack).await;
    gate.reached().await.unwrap();
    restart(&broker, RabbitMq::kill).await;
    gate.open();
    asked.answered(&stack).await;
    let stopped = stack.stop().await.unwrap();
    asked.whole_trace(&stopped);
}
