#![doc = include_str!("../README.md")]

pub mod contract;
pub mod outline;
pub mod stack;

pub use outline::{fact, outline};
pub use stack::{Backends, Stack};
