//! End to end: a whole stack per test, and every span of it looked at.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod answered;
mod ended;
mod health;
mod messages;
mod sources;
mod stopped;
