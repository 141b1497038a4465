//! Questions to the full stack, over HTTP.

use std::time::Duration;

use chimera_tests::{contract::drawn, receiver::Receiver, stopped::traces};
use chimera_traces::{Store, tree::Trace};

use crate::{
    family::CPU,
    load::uncached,
    machine,
    measure::Table,
    stack::{Place, Stack},
};

/// How many ask at once where the number of instances is what is varied.
const CLIENTS: usize = 16;

/// One client.
pub(crate) async fn one_client(time: Duration) {
    let table = Table::with_cpu("A question, one client", "data", &CPU);
    for (label, stack) in [
        ("cached", Stack::start(1, |_| ()).await),
        ("fetched over HTTP", Stack::start(1, uncached).await),
    ] {
        stack.warm().await;
        let row = table.row(label);
        row.end(&stack.ask(1, time).await);
        stack.stop().await;
    }
}

/// Many clients at once.
pub(crate) async fn clients(time: Duration) {
    let title = "Cached questions, one instance of each agent";
    let table = Table::with_cpu(title, "clients", &CPU);
    let stack = Stack::start(1, |_| ()).await;
    stack.warm().await;
    for clients in [1, 8, 32] {
        let row = table.row(clients);
        row.end(&stack.ask(clients, time).await);
    }
    stack.stop().await;
}

/// Several instances of each agent.
pub(crate) async fn instances(time: Duration) {
    let title = format!("Cached questions, {CLIENTS} clients");
    let table = Table::with_cpu(&title, "instances of each agent", &CPU);
    for instances in [1, 2, 4] {
        let stack = Stack::start(instances, |_| ()).await;
        stack.warm().await;
        let row = table.row(instances);
        row.end(&stack.ask(CLIENTS, time).await);
        stack.stop().await;
    }
}

/// The same with and without tracing, by turns, so that a change of the machine's load meets both.
pub(crate) async fn tracing(time: Duration) {
    let on = Stack::start(1, |_| ()).await;
    let off = Stack::start(1, |config| config.telemetry.enabled = false).await;
    for clients in [1, CLIENTS] {
        let title = format!("Cached questions, {clients} clients");
        let table = Table::with_cpu(&title, "tracing", &CPU);
        let (mut with, mut without) = (0.0, 0.0);
        for _ in 0..3 {
            for (stack, label, sum) in [(&on, "on", &mut with), (&off, "off", &mut without)] {
                stack.warm().await;
                let row = table.row(label);
                *sum += row.end(&stack.ask(clients, time).await);
            }
        }
        println!(
            "\nThroughput with tracing, of that without: {:.2}",
            with / without
        );
    }
    on.stop().await;
    off.stop().await;
}

/// Draws the trace of the median of some questions, to see where their time goes.
pub(crate) async fn trace() {
    const QUESTIONS: u64 = 50;
    let directory = tempfile::tempdir().expect("the temporary directory can be written");
    let store = Store::open(directory.path()).expect("the directory is new");
    let receiver = Receiver::start(store.clone()).await.expect("it listens");
    let place = Place::with_spans_to(&receiver.endpoint(), |_| ()).await;
    let stack = Stack::start_in(place, 1).await;
    stack.warm().await;
    stack.ask_each(1, QUESTIONS).await;
    stack.stop().await;
    let mut traces = traces(&store).expect("the store can be read");
    // The last ones are those of the only client.
    traces.reverse();
    traces.truncate(QUESTIONS as usize);
    traces.sort_by_key(Trace::duration_ns);
    println!("\n### The median of {QUESTIONS} questions, one after the other\n");
    println!("Load: {}\n", machine::load());
    println!("```text\n{}```", drawn(&traces[traces.len() / 2]));
}
