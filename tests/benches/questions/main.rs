//! What a question costs: latency, throughput, tracing, start, memory.
//!
//! `cargo bench -p chimera-tests --bench questions`, or `… -- SECTION…` for some of `questions`, `clients`, `days`,
//! `tracing`, `hop`, `start`; `--seconds N` measures each row that long. Prints tables in Markdown and asserts nothing;
//! `docs/performance.md` keeps the figures of one run. The state is kept in the platform's temporary directory, and
//! what a sync costs is measured there, in the same run.

#![expect(clippy::print_stdout, reason = "the tables are what it is for")]

mod client;
mod hop;
mod machine;
mod measure;
mod program;
mod questions;

use std::time::Duration;

use mimalloc::MiMalloc;

/// As in `chimera`.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// How long each row is measured, unless said.
const SECONDS: u64 = 3;

const SECTIONS: [&str; 6] = ["questions", "clients", "days", "tracing", "hop", "start"];

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (mut sections, mut seconds) = (Vec::new(), SECONDS);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--seconds" => {
                let number = arguments.next().and_then(|number| number.parse().ok());
                seconds = number.expect("--seconds takes a number");
            }
            // Cargo says that this is a bench.
            "--bench" => {}
            section => sections.push(section.to_owned()),
        }
    }
    if let Some(unknown) = sections
        .iter()
        .find(|section| !SECTIONS.contains(&section.as_str()))
    {
        panic!(
            "there is no section `{unknown}`, but {}",
            SECTIONS.join(", ")
        );
    }
    let wanted = |name: &str| sections.is_empty() || sections.iter().any(|section| section == name);
    machine::describe();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime is made");
    let each = Duration::from_secs(seconds);
    if wanted("questions") {
        runtime.block_on(questions::cached_and_not(each));
    }
    if wanted("clients") {
        runtime.block_on(questions::clients(each));
    }
    if wanted("days") {
        runtime.block_on(questions::days(each));
    }
    if wanted("tracing") {
        runtime.block_on(questions::tracing(each));
    }
    if wanted("hop") {
        runtime.block_on(hop::hops(each));
    }
    if wanted("start") {
        program::start_and_memory();
    }
    println!("\nLoad at the end: {}", machine::load());
}
