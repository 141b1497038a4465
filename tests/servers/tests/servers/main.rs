//! The servers really run, and are really gone.

mod rabbitmq;
