//! How much the embedded bus may hold.

use crate::group_commit::StoreOptions;

/// The bounds of an embedded bus.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// The bounds of each queue.
    pub limits: QueueLimits,
    /// The memory of the journal.
    pub store: StoreOptions,
}

/// The bounds of one queue. Publishing an event to a queue that is at one of them waits until there is room.
#[derive(Debug, Clone, Copy)]
pub struct QueueLimits {
    /// Messages, delayed and unsettled ones included. Default 100,000.
    pub messages: usize,
    /// Bytes of those messages, in memory or on disk. Default 1 GiB.
    pub bytes: usize,
    /// Bytes of messages that wait in memory. Beyond it a persistent message waits on the disk and is read back for its
    /// delivery; publishing a transient one, or any to a queue of one instance, waits. Default 8 MiB.
    pub memory_bytes: usize,
}

impl Default for QueueLimits {
    fn default() -> Self {
        Self {
            messages: 100_000,
            bytes: 1 << 30,
            memory_bytes: 8 << 20,
        }
    }
}
