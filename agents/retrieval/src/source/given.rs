//! What a source gave, and by whose clock.

use chimera_questions::Day;
use serde::{Deserialize, Serialize};

/// What a source gave, and when it is from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Given<T> {
    pub(crate) value: T,
    /// The last day of the recording that it is from; `None` when it is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) recorded_until: Option<Day>,
    /// Whether it came out of the cache.
    #[serde(skip)]
    pub(crate) cached: bool,
}

impl<T> Given<T> {
    /// Something that no answer said: not of a recording, not cached.
    pub(crate) fn new(value: T) -> Self {
        Self {
            value,
            recorded_until: None,
            cached: false,
        }
    }

    /// Another value that the same answer gave.
    pub(crate) fn with<U>(&self, value: U) -> Given<U> {
        Given {
            value,
            recorded_until: self.recorded_until,
            cached: self.cached,
        }
    }

    pub(crate) fn map<U>(self, convert: impl FnOnce(T) -> U) -> Given<U> {
        Given {
            value: convert(self.value),
            recorded_until: self.recorded_until,
            cached: self.cached,
        }
    }

    /// What day it is by the clock of the data.
    pub(crate) fn today(&self) -> Day {
        self.recorded_until.unwrap_or_else(utc_today)
    }
}

impl<T> Given<Option<T>> {
    pub(crate) fn transpose(self) -> Option<Given<T>> {
        let (recorded_until, cached) = (self.recorded_until, self.cached);
        self.value.map(|value| Given {
            value,
            recorded_until,
            cached,
        })
    }
}

/// The real UTC day.
pub(crate) fn utc_today() -> Day {
    let now = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
    now.date()
}
