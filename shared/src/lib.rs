#![doc = include_str!("../README.md")]

pub mod backoff;
pub mod cache;
pub mod config;
pub mod context;
pub mod control;
pub mod data_dir;
pub mod deadline;
pub mod documents;
pub mod door;
pub mod edge;
pub mod http;
pub mod platform;
pub mod telemetry;
pub mod timeseries;
pub mod tls;

mod agent;
mod base_agent;
mod handle_error;
mod health;
mod program;

pub use base_agent::BaseAgent;
pub use context::{Context, ContextSpan};
pub use handle_error::HandleError;
pub use platform::Platform;
pub use program::{HealthcheckError, healthcheck, leftovers, main, shutdown_signal};
