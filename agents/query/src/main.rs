//! `query_agent` in a process of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    chimera_query::agent().main()
}
