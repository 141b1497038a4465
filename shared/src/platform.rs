//! What a process is made of: the bus, the stores and the trace store that the configuration names, and the agents
//! that run on them.

mod open;
mod running;

pub use open::{OpenError, Platform};
pub use running::{Address, RunError, Running};
