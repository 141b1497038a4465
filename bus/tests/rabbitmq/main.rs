//! The conformance suite on RabbitMQ, and what only this bus promises. With `--features servers`.

mod endings;
mod faults;
mod harness;
mod load;
mod management;
mod routed;
mod surroundings;

chimera_bus::conformance_tests!(harness::RabbitMq);
