#![doc = include_str!("../README.md")]

pub mod attribute;
pub mod tree;
