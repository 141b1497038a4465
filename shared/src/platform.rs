//! What a process is made of: the bus, the stores and the trace store that the configuration names, and the agents
//! that run on them.

mod open;
mod running;
mod start;

pub use open::{OpenError, Platform};
pub(crate) use running::Stop;
pub use running::{Address, Running};
pub use start::RunError;
