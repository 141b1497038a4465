//! Ports that nobody listens on.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
    net::{Ipv4Addr, TcpListener},
    ops::Range,
};

/// Below those that systems give to outgoing connections: a client that connects again and again while its server is down
/// must not be given the server's port.
const RANGE: Range<u16> = 15_000..32_000;

/// A number that differs from call to call and from process to process.
pub(crate) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// A port that was free a moment ago. Somebody may take it before it is used, so that a start may have to be repeated.
pub(crate) fn free() -> u16 {
    loop {
        let offset = random() % u64::from(RANGE.end - RANGE.start);
        let port = RANGE.start + u16::try_from(offset).expect("the range has fewer than 65536");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
