//! The program of each agent by itself: how long until it is ready, and what memory it takes.

use std::time::{Duration, Instant};

use chimera_tests::process::AGENTS;
use tokio::time::sleep;

use crate::{
    measure::{Latencies, millis},
    memory::Memory,
    stack::{Place, Stack},
};

const STARTS: usize = 10;

/// How many questions the agents are asked, and by how many at a time.
const QUESTIONS: u64 = 1_000;
const CLIENTS: usize = 8;

/// How long they have nothing to do before their memory is read.
const IDLE: Duration = Duration::from_secs(2);

/// Starts each agent alone some times, and all of them to ask them something.
pub(crate) async fn start_and_memory() {
    let place = Place::new(|_| ()).await;
    println!("\n### Start of each agent, its servers being there (goal 100 ms)\n");
    println!("| program | first, ms | others p50 ms | slowest |");
    println!("|---|---:|---:|---:|");
    for agent in AGENTS {
        let Starts { first, others } = start_often(&place, agent).await;
        let (first, p50, slowest) = (first, others.quantile(0.5), others.quantile(1.0));
        let [first, p50, slowest] = [first, p50, slowest].map(millis);
        println!("| `{agent}` | {first} | {p50} | {slowest} |");
    }
    let stack = Stack::start_in(place, 1).await;
    sleep(IDLE).await;
    let idle = memory(&stack);
    stack.ask_each(CLIENTS, QUESTIONS / CLIENTS as u64).await;
    let asked = memory(&stack);
    println!("\n### Memory of each agent, MiB (goal 15)\n");
    println!("| program | idle RSS | its data | after {QUESTIONS} questions | its data |");
    println!("|---|---:|---:|---:|---:|");
    for (agent, (idle, asked)) in AGENTS.into_iter().zip(idle.into_iter().zip(asked)) {
        println!("| `{agent}` | {idle} | {asked} |");
    }
    stack.stop().await;
}

/// How long an agent took to be ready, from the start of its process.
struct Starts {
    /// When nobody has declared its queues before.
    first: Duration,
    others: Latencies,
}

async fn start_often(place: &Place, agent: &'static str) -> Starts {
    let (mut first, mut others) = (None, Latencies::new());
    for instance in 0..=STARTS {
        let at = Instant::now();
        let mut process = place.start(agent, instance).await;
        match first {
            None => first = Some(at.elapsed()),
            Some(_) => others.record(at),
        }
        process.terminate().expect("it can be asked");
        process.ended().await.expect("it ends as asked");
    }
    Starts {
        first: first.expect("it was started"),
        others,
    }
}

/// Of each agent, in the order of [`AGENTS`].
fn memory(stack: &Stack) -> Vec<Memory> {
    let processes = stack.processes().iter();
    processes.map(|process| Memory::of(process.pid())).collect()
}
