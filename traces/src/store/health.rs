//! Counts of what was written and lost, and the log line when that changes.

use std::{
    io,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};

/// How a store is doing since it was opened.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Health {
    /// Spans written.
    pub written: u64,
    /// Spans lost: refused by the disk, or without valid ids.
    pub dropped: u64,
    /// Records that a read found undecodable and skipped. One record counts each time it is met.
    pub broken: u64,
    /// Whether the last write failed, or what was written is not sorted into the store: the tail of it fills up then.
    pub failing: bool,
    /// The last error, with its causes.
    pub last_error: Option<String>,
}

/// Why spans were not written.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    /// Spans come faster than the disk takes them.
    #[error("the disk is slower than the spans come")]
    Behind,
    // Said in full here, since the health has room for one text.
    #[error("{}", cause(.0))]
    Engine(#[from] fjall::Error),
    #[error("{0}")]
    Tail(#[from] io::Error),
}

fn cause(error: &fjall::Error) -> String {
    match error {
        fjall::Error::Io(io) => io.to_string(),
        fjall::Error::Poisoned => {
            "an earlier write failed; restart once the disk is well".to_owned()
        }
        other => other.to_string(),
    }
}

#[derive(Debug, Default)]
pub(super) struct Monitor {
    written: AtomicU64,
    dropped: AtomicU64,
    broken: AtomicU64,
    failing: AtomicBool,
    /// Whether spans stay in the tail, because the engine does not take them.
    stuck: AtomicBool,
    last_error: Mutex<Option<String>>,
}

impl Monitor {
    pub(super) fn health(&self) -> Health {
        Health {
            written: self.written.load(Relaxed),
            dropped: self.dropped.load(Relaxed),
            broken: self.broken.load(Relaxed),
            failing: self.failing.load(Relaxed) || self.stuck.load(Relaxed),
            last_error: self
                .last_error
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        }
    }

    pub(super) fn written(&self, spans: u64) {
        self.written.fetch_add(spans, Relaxed);
        // A plain load first: the swap would make every writer's core fight for the line.
        if self.failing.load(Relaxed) && self.failing.swap(false, Relaxed) {
            tracing::info!("the trace store takes spans again");
        }
    }

    pub(super) fn rejected(&self, spans: u64) {
        self.dropped.fetch_add(spans, Relaxed);
    }

    pub(super) fn lost(&self, spans: u64) {
        self.dropped.fetch_add(spans, Relaxed);
    }

    pub(super) fn failed(&self, spans: u64, error: &WriteError) {
        self.dropped.fetch_add(spans, Relaxed);
        if !self.failing.swap(true, Relaxed) {
            tracing::error!(%error, "the trace store cannot write; spans are dropped until it can");
        } else if matches!(error, WriteError::Engine(fjall::Error::Poisoned)) {
            // After the first error every write fails so: the first one is what helps.
            return;
        }
        // The tail is full then because it is not moved, and why that is helps more.
        if !(self.stuck.load(Relaxed) && matches!(error, WriteError::Behind)) {
            self.keep(error);
        }
    }

    /// What became of moving the tail.
    pub(super) fn moved(&self, error: Option<&WriteError>) {
        let was_stuck = self.stuck.swap(error.is_some(), Relaxed);
        match error {
            Some(error) if !was_stuck => {
                tracing::error!(%error, "the trace store cannot sort what was written; spans are dropped when there is much of it");
                self.keep(error);
            }
            None if was_stuck => tracing::info!("the trace store sorts what is written again"),
            _ => {}
        }
    }

    fn keep(&self, error: &WriteError) {
        *self
            .last_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
    }

    pub(super) fn broken(&self) {
        self.broken.fetch_add(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_error_is_kept_until_writes_succeed() {
        let monitor = Monitor::default();
        let full = || fjall::Error::Io(io::ErrorKind::StorageFull.into());
        monitor.written(3);
        monitor.failed(2, &full().into());
        monitor.failed(1, &fjall::Error::Poisoned.into());
        let health = monitor.health();
        assert_eq!(
            (health.written, health.dropped, health.failing),
            (3, 3, true)
        );
        assert_eq!(health.last_error.as_deref(), Some("no storage space"));
        monitor.written(1);
        assert!(!monitor.health().failing);
        monitor.failed(1, &WriteError::Behind);
        let last_error = monitor.health().last_error;
        assert_eq!(
            last_error.as_deref(),
            Some("the disk is slower than the spans come")
        );
    }
}
