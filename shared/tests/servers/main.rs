//! The clients on the servers that they are for, which `chimera-servers` starts.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod cache;
mod platform;
mod timeseries;
