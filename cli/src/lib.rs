#![doc = include_str!("../README.md")]

pub mod stack;

mod api;
mod arguments;
mod ask;
mod doctor;
mod door;
mod messages;
mod program;
mod server;
mod settings;
mod table;
mod terminal;
mod traces;
mod up;
mod with;

pub use program::main;
