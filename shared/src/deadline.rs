//! A moment after which work is no longer wanted. It travels with messages as `x-deadline`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// An absolute deadline, by the wall clock, to the millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline {
    epoch_ms: u64,
}

impl Deadline {
    /// The moment `duration` from now.
    pub fn after(duration: Duration) -> Self {
        Self::from_epoch_ms(now_ms().saturating_add(millis(duration)))
    }

    /// The moment `epoch_ms` milliseconds after the Unix epoch.
    pub fn from_epoch_ms(epoch_ms: u64) -> Self {
        Self { epoch_ms }
    }

    /// Milliseconds since the Unix epoch.
    pub fn epoch_ms(self) -> u64 {
        self.epoch_ms
    }

    /// What is left of it; zero when it has passed.
    pub fn remaining(self) -> Duration {
        Duration::from_millis(self.epoch_ms.saturating_sub(now_ms()))
    }

    /// Whether it has passed.
    pub fn has_passed(self) -> bool {
        self.remaining().is_zero()
    }
}

/// Milliseconds since the Unix epoch.
pub fn now_ms() -> u64 {
    millis(since_epoch())
}

/// Microseconds since the Unix epoch.
pub(crate) fn now_us() -> u64 {
    u64::try_from(since_epoch().as_micros()).unwrap_or(u64::MAX)
}

fn since_epoch() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
