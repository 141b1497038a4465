//! What the services of one process do together, so that people read it once.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use super::export::{Backends, Board};

/// The services of a process, as far as they share something: the screen that the `console` exporter draws on, and what is
/// said of a backend that fails. A cheap clone.
///
/// Whoever builds the telemetry of several gives each the same.
#[derive(Clone, Default)]
pub struct Siblings(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// Held by those who draw on it: what is left is drawn when the last of them ends.
    board: Mutex<Weak<Board>>,
    backends: Backends,
}

impl Siblings {
    /// The one board of the process.
    pub(super) fn board(&self) -> Arc<Board> {
        let mut known = self.0.board.lock().unwrap_or_else(PoisonError::into_inner);
        known.upgrade().unwrap_or_else(|| {
            let board = Arc::new(Board::new());
            *known = Arc::downgrade(&board);
            board
        })
    }

    /// Where the services send what they tell of themselves.
    pub(super) fn backends(&self) -> &Backends {
        &self.0.backends
    }
}

impl fmt::Debug for Siblings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Siblings").finish_non_exhaustive()
    }
}
