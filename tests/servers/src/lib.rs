#![doc = include_str!("../README.md")]

mod answer;
mod certificates;
mod container;
mod influxdb;
mod mongodb;
mod origin;
mod place;
mod ports;
mod process;
mod program;
mod rabbitmq;
mod redis;
mod scratch;
mod server;

pub use certificates::Certificates;
pub use influxdb::InfluxDb;
pub use mongodb::MongoDb;
pub use place::{Place, Store};
pub use program::Program;
pub use rabbitmq::{RabbitMq, RabbitMqSetup};
pub use redis::Redis;
