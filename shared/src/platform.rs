//! What a process is made of: the bus, the stores and the trace store that the configuration names, and the agents
//! that run on them.
//!
//! A process begins in three steps, so that it answers for its health while it waits for its servers:
//! [`Platform::prepare`] takes the data directory, [`Prepared::listen`] opens what is on this machine and serves the
//! agents' health routes, and [`Launching::launch`] waits for the servers and starts the agents.

mod bus;
mod checks;
mod connect;
mod crew;
mod in_flight;
mod launch;
mod local;
mod open;
mod running;
mod start;
mod wait;

pub(crate) use bus::{Broker, PlatformBus, Way};
pub(crate) use checks::{Checks, Dependency};
pub(crate) use connect::connect_once;
pub(crate) use crew::Stop;
pub(crate) use in_flight::InFlight;
pub(crate) use wait::Waits;

pub use crew::Address;
pub use launch::{Launching, Prepared};
pub use open::{OpenError, Platform};
pub use running::{Running, Stopped};
pub use start::RunError;
