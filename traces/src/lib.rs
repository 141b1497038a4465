#![doc = include_str!("../README.md")]

pub mod attribute;
pub mod store;
pub mod tree;

pub use store::Store;
