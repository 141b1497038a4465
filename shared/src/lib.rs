//! What every agent of Chimera stands on: `BaseAgent`, telemetry, configuration, and the instrumented clients for
//! documents, cache and HTTP.
//!
//! It holds what at least two agents use, and nothing of the example application.

pub mod config;
pub mod cache;
pub mod data_dir;
pub mod documents;
pub mod telemetry;
