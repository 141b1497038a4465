//! `chimera`: ask a question, run everything in one process, publish messages, look at traces.
//!
//! A library beside the program, so that tests start the same [`stack`] that `chimera up` runs.

pub mod stack;

mod arguments;
mod ask;
mod door;
mod messages;
mod program;
mod settings;
mod terminal;
mod traces;
mod up;

pub use program::main;
