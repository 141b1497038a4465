//! The `chimera` program as people run it: processes, exit codes, what stands on the screen.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod ask;
mod doctor;
mod elsewhere;
mod killed;
mod looking;
mod messages;
mod process;
mod refused;
mod settings;
mod surroundings;
