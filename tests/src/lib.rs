//! What the end-to-end tests stand on: a whole stack per test, and the contract of "one trace" as a check.
//!
//! Bus and stores are parameters ([`Backends`]), so that the same tests run embedded and on servers.

pub mod contract;
pub mod outline;
pub mod stack;

pub use outline::{fact, outline};
pub use stack::{Backends, Stack};
