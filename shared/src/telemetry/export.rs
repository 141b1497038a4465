//! Where spans go.

mod memory;

pub(super) use memory::Memory;
