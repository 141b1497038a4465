//! The program `chimera-api`: the HTTP gateway in a process of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    chimera_shared::main(|config| Ok(chimera_api::agent(&config.api)))
}
