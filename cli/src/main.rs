//! The `chimera` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    chimera_cli::main()
}
