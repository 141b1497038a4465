//! The servers really run, and are really gone.

mod ended;
mod rabbitmq;
mod stores;
