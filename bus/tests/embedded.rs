//! The conformance suite on the embedded bus, and what only this bus promises.

#[path = "embedded/harness.rs"]
mod harness;

chimera_bus::conformance_tests!(harness::Embedded);
