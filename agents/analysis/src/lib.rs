//! analysis_agent: computes the facts of an answer and writes its text.
//!
//! [`answer`] is pure: what was understood and what was fetched go in, facts, text and warnings come out. It reads no
//! clock, no source and no store, and it knows nothing about the bus.

mod agent;
mod answer;
mod facts;
mod observed;
mod statistics;
mod text;

pub use agent::agent;
pub use answer::{Unanswerable, answer};
