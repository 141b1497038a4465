//! What a question costs on the full stack: RabbitMQ, MongoDB's protocol and Redis, each agent a process of its own.
//!
//! `cargo bench -p chimera-tests --bench stack --features servers`, or `… -- SECTION…` for some of `questions`,
//! `instances`, `tracing`, `processes`, `trace`; `--seconds N` measures each row that long. The servers are those of the
//! tests (`tests/servers` says where from), the agents are the programs that
//! `cargo build --release --workspace --bins` leaves. Prints tables in Markdown and asserts nothing;
//! `docs/performance.md` keeps the figures of one run.

#![expect(clippy::print_stdout, reason = "the tables are what it is for")]

#[path = "../questions/arguments.rs"]
mod arguments;
#[path = "../questions/client.rs"]
mod client;
#[path = "../questions/load.rs"]
mod load;
#[path = "../questions/machine.rs"]
mod machine;
#[path = "../questions/measure.rs"]
mod measure;
#[path = "../questions/memory.rs"]
mod memory;

mod family;
mod processes;
mod questions;
mod stack;
mod surroundings;

use mimalloc::MiMalloc;

use arguments::Arguments;

/// The clients should cost little, since they share the machine with what they measure.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const SECTIONS: [&str; 5] = ["questions", "instances", "tracing", "processes", "trace"];

fn main() {
    let arguments = Arguments::read(&SECTIONS);
    machine::describe();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime is made");
    let each = arguments.each;
    if arguments.want("questions") {
        runtime.block_on(questions::one_client(each));
        runtime.block_on(questions::clients(each));
    }
    if arguments.want("instances") {
        runtime.block_on(questions::instances(each));
    }
    if arguments.want("tracing") {
        runtime.block_on(questions::tracing(each));
    }
    if arguments.want("processes") {
        runtime.block_on(processes::start_and_memory());
    }
    if arguments.want("trace") {
        runtime.block_on(questions::trace());
    }
    println!("\nLoad at the end: {}", machine::load());
}
