//! The clients on the servers that they are for, which `chimera-servers` starts.

mod cache;
mod platform;
