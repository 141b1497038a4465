//! The gateway over HTTP, on the embedded platform, with a query agent that does as the tests say.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod asking;
mod cancelling;
mod events;
mod expiring;
mod gateway;
mod listing;
mod query_agent;
mod refusals;
