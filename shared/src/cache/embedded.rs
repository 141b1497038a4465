//! The embedded engine: moka in memory, bounded by bytes.

use std::time::Duration;

use bytes::Bytes;
use moka::{Expiry, sync::Cache};
use tokio::time::Instant;

use super::CacheError;

/// What an entry costs beside its key and value, about.
const OVERHEAD_BYTES: usize = 128;

/// A century: for lifetimes that the clock cannot add.
const LONG: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

#[derive(Debug)]
pub(super) struct Embedded {
    entries: Cache<String, Entry>,
    max_bytes: u64,
}

#[derive(Debug, Clone)]
struct Entry {
    value: Bytes,
    lifetime: Duration,
    /// Decides what readers see, because it follows the runtime's clock, which tests can move.
    expires_at: Instant,
}

/// Gives the room of what is over back, by the real clock.
struct ByLifetime;

impl Expiry<String, Entry> for ByLifetime {
    fn expire_after_create(
        &self,
        _: &String,
        entry: &Entry,
        _: std::time::Instant,
    ) -> Option<Duration> {
        Some(entry.lifetime)
    }

    fn expire_after_update(
        &self,
        _: &String,
        entry: &Entry,
        _: std::time::Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(entry.lifetime)
    }
}

impl Embedded {
    pub(super) fn new(max_bytes: u64) -> Self {
        let entries = Cache::builder()
            .max_capacity(max_bytes)
            .weigher(|key: &String, entry: &Entry| weight(key, &entry.value))
            .expire_after(ByLifetime)
            .build();
        Self { entries, max_bytes }
    }

    pub(super) fn get(&self, key: &str) -> Option<Bytes> {
        let entry = self.entries.get(key)?;
        (Instant::now() < entry.expires_at).then_some(entry.value)
    }

    pub(super) fn set(
        &self,
        key: String,
        value: Bytes,
        lifetime: Duration,
    ) -> Result<(), CacheError> {
        let bytes = weight(&key, &value);
        if u64::from(bytes) > self.max_bytes {
            return Err(CacheError::TooLarge {
                bytes: bytes as usize,
                limit: self.max_bytes,
                setting: "cache.max_bytes",
            });
        }
        let lifetime = lifetime.min(LONG);
        let expires_at = Instant::now() + lifetime;
        self.entries.insert(
            key,
            Entry {
                value,
                lifetime,
                expires_at,
            },
        );
        Ok(())
    }

    pub(super) fn delete(&self, key: &str) -> bool {
        let removed = self.entries.remove(key);
        removed.is_some_and(|entry| Instant::now() < entry.expires_at)
    }

    #[cfg(test)]
    pub(super) fn weight(&self) -> u64 {
        self.entries.run_pending_tasks();
        self.entries.weighted_size()
    }
}

fn weight(key: &str, value: &[u8]) -> u32 {
    let bytes = key.len() + value.len() + OVERHEAD_BYTES;
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
