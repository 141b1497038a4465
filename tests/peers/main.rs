//! Checks against other people's programs.

mod jaeger;
mod otlp;
