//! The `chimera` program.

use std::process::ExitCode;

use mimalloc::MiMalloc;

// Messages and spans are many short-lived pieces, made on one thread and freed on another: glibc's allocator took a
// fifth of the CPU time of a question. Without huge pages, which made 31 MiB of the 5 that an idle `up` needs.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    chimera_cli::main()
}
