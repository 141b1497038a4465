//! The conformance suite on the embedded bus, and what only this bus promises.

#[path = "embedded/disk.rs"]
mod disk;
#[path = "embedded/harness.rs"]
mod harness;
#[path = "embedded/lifecycle.rs"]
mod lifecycle;
#[path = "embedded/memory.rs"]
mod memory;
#[path = "embedded/random.rs"]
mod random;

chimera_bus::conformance_tests!(harness::Embedded);
