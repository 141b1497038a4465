//! The conformance suite on RabbitMQ, and what only this bus promises. With `--features servers`.

mod harness;

chimera_bus::conformance_tests!(harness::RabbitMq);
