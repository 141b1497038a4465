#![doc = include_str!("../README.md")]

pub mod understanding;

mod agent;

pub use agent::agent;
