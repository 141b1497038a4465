#![doc = include_str!("../README.md")]

pub mod backends;
pub mod contract;
pub mod conventions;
pub mod gate;
pub mod outline;
pub mod process;
pub mod receiver;
pub mod stack;
pub mod stopped;

pub use backends::{Backends, Servers};
pub use outline::{fact, outline};
pub use stack::Stack;
