//! The agent on a platform of its own, asked over the bus, with sources that are local servers.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod harness;
mod server;

mod caching;
mod credentials;
mod faults;
mod paging;
mod recorded;
mod refusals;
mod stored;
