#![doc = include_str!("../README.md")]

pub mod stack;

mod arguments;
mod ask;
mod door;
mod messages;
mod program;
mod settings;
mod table;
mod terminal;
mod traces;
mod up;

pub use program::main;
