//! How many messages the agents of a process work on, for whoever stops them.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

/// Counts messages. A cheap clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct InFlight(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    now: AtomicUsize,
    given_back: AtomicUsize,
}

/// A message that is worked on, until this is dropped.
#[derive(Debug)]
pub(crate) struct Working(InFlight);

impl InFlight {
    /// One more, from now on.
    pub(crate) fn enter(&self) -> Working {
        self.0.now.fetch_add(1, Relaxed);
        Working(self.clone())
    }

    /// How many there are now.
    pub(crate) fn now(&self) -> usize {
        self.0.now.load(Relaxed)
    }

    /// Writes down that `messages` were not ended in time, and went back to their queues.
    pub(crate) fn give_back(&self, messages: usize) {
        self.0.given_back.fetch_add(messages, Relaxed);
    }

    /// How many went back.
    pub(crate) fn given_back(&self) -> usize {
        self.0.given_back.load(Relaxed)
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.0.now.fetch_sub(1, Relaxed);
    }
}
