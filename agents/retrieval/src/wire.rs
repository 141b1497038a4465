//! The wire formats of the sources, as their owners document them.
//!
//! Both sides use these: the adapters that ask the public services, and the local server that answers from a recording.

pub mod coin_metrics;
pub mod coinbase;
pub mod zcash;
