//! Checks against other people's programs.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod jaeger;
mod otlp;
