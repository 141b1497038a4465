#![doc = include_str!("../README.md")]

pub mod api;
pub mod attribute;
mod encode;
mod processor;
pub mod store;
pub mod tree;
pub mod waterfall;

pub use processor::StoreProcessor;
pub use store::Store;
