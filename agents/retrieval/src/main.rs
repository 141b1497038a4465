//! `data_retrieval_agent` in a process of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    chimera_shared::main(|config| Ok(chimera_retrieval::agent(&config.sources)))
}
