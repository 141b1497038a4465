//! The wall clock, in the units that headers and the journal have.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Milliseconds since the Unix epoch.
pub(super) fn now_ms() -> u64 {
    whole(since_epoch().as_millis())
}

/// Microseconds since the Unix epoch.
pub(super) fn now_us() -> u64 {
    whole(since_epoch().as_micros())
}

fn since_epoch() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

fn whole(count: u128) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
