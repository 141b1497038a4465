//! What a question costs: latency, throughput, tracing, start, memory.
//!
//! `cargo bench -p chimera-tests --bench questions`, or `… -- SECTION…` for some of `questions`, `clients`, `days`,
//! `tracing`, `hop`, `start`; `--seconds N` measures each row that long. Prints tables in Markdown and asserts nothing;
//! `docs/performance.md` keeps the figures of one run. The state is kept in the platform's temporary directory, and
//! what a sync costs is measured there, in the same run.

#![expect(clippy::print_stdout, reason = "the tables are what it is for")]

mod arguments;
mod client;
mod hop;
mod load;
mod machine;
mod measure;
mod memory;
mod program;
mod questions;

use mimalloc::MiMalloc;

use arguments::Arguments;

/// As in `chimera`.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const SECTIONS: [&str; 6] = ["questions", "clients", "days", "tracing", "hop", "start"];

fn main() {
    let arguments = Arguments::read(&SECTIONS);
    machine::describe();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime is made");
    let each = arguments.each;
    if arguments.want("questions") {
        runtime.block_on(questions::cached_and_not(each));
    }
    if arguments.want("clients") {
        runtime.block_on(questions::clients(each));
    }
    if arguments.want("days") {
        runtime.block_on(questions::days(each));
    }
    if arguments.want("tracing") {
        runtime.block_on(questions::tracing(each));
    }
    if arguments.want("hop") {
        runtime.block_on(hop::hops(each));
    }
    if arguments.want("start") {
        program::start_and_memory();
    }
    println!("\nLoad at the end: {}", machine::load());
}
