#![doc = include_str!("../README.md")]

mod agent;
mod answer;
mod facts;
mod observed;
mod statistics;
mod text;

pub use agent::agent;
pub use answer::{Unanswerable, answer};
pub use text::number::{readable, unit_name};
