//! The embedded bus: a broker in the process, with its journal on the disk.
//!
//! All state is behind one `std` mutex that is held for some microseconds and never across I/O or an await. What has to
//! be written goes to a [`GroupCommit`], whose callbacks put a message into its queues once the journal is synced; so a
//! message is delivered only after it is safe. What waits beyond a queue's memory is on the disk only, and read back
//! ahead of its delivery.
//!
//! # Full queues
//! An event to a queue that is at one of its [`QueueLimits`] waits until there is room. Messages to one queue by its
//! name (replies, retries, dead letters, replays) do not wait: each stands for a message that is about to be settled,
//! and its sender would be waiting for itself. A ring of agents that publish events to each other's full queues is told
//! from a slow consumer by progress: when the consumers of a full queue hold messages and settle none of them for
//! 5 seconds, waiting publishers are let in over the bound. So a bound may be exceeded by what the stuck handlers
//! publish, and nothing waits for ever but for a queue without a consumer.
//!
//! # A failing disk
//! Publishing a persistent message fails with [`PublishError::Journal`] and the cause, as long as the disk is full or
//! read-only; what is in memory is served on, transient messages flow, and acknowledgements are kept and written later.
//! See [`group_commit`](crate::group_commit) for how the journal mends itself.
//!
//! # After a crash
//! Queues, bindings and persistent messages are there again, in order, delayed ones with what remains of their delay by
//! the wall clock. What was delivered and not settled is delivered again, and counted when a consumer had really seen it.

mod clock;
mod consumer;
mod dead_letter;
mod journal;
mod options;
mod publish;
mod queue;
mod routing;
mod shared;
mod state;
mod stats;
mod subscribe;
mod tally;

use std::{collections::HashSet, fmt, path::Path, sync::Arc, time::Duration};

use futures_util::{FutureExt, future::BoxFuture};
use tokio::{task::JoinHandle, time::Instant};

use crate::{
    Bus, Features, Message, PublishError, Queue, Routed, SubscribeError, Subscription,
    group_commit::{GroupCommit, OpenError},
};

pub use crate::group_commit::StoreOptions;
pub use options::{Options, QueueLimits};
pub use stats::{QueueStats, Stats};

use journal::LoadError;
use shared::Shared;
use state::State;
use tally::Tally;

/// The bus in this process. Dropping it closes it, which blocks on the disk; [`EmbeddedBus::close`] does not.
pub struct EmbeddedBus {
    shared: Arc<Shared>,
    keeper: JoinHandle<()>,
}

impl EmbeddedBus {
    /// What this bus guarantees.
    pub const FEATURES: Features = Features {
        virtual_time: true,
        durable_delivery_count: true,
        counts_what_was_seen: true,
        bounded_queues: true,
        max_body_bytes: 16 << 20,
    };

    /// Opens the bus whose state is in `dir`, which is made when it is not there. Blocks on the disk.
    ///
    /// # Errors
    /// See [`OpenError`].
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn open(dir: &Path, options: Options) -> Result<Self, OpenError> {
        let journal = GroupCommit::open(&dir.join("journal"), options.store)?;
        let contents = journal
            .read(journal::load)
            .map_err(|error| load_error(dir, error))?;
        let known: HashSet<u64> = contents
            .messages
            .iter()
            .map(|message| message.key.sequence)
            .collect();
        let path = dir.join("deliveries");
        let tally =
            Tally::open(&path, |key| known.contains(&key)).map_err(|error| OpenError::Storage {
                path,
                source: Arc::new(error),
            })?;
        let mut state = State::new(options.limits);
        let (now, now_ms) = (Instant::now(), clock::now_ms());
        let due = |due_ms: u64| {
            let remaining = due_ms.checked_sub(now_ms).filter(|ms| *ms > 0)?;
            Some(now + Duration::from_millis(remaining))
        };
        state.restore(contents, due, |key| tally.count(key));
        let shared = Arc::new(Shared::new(journal, tally, state));
        let keeper = tokio::spawn(keep(shared.clone()));
        Ok(Self { shared, keeper })
    }

    /// What is in the queues now.
    pub fn stats(&self) -> Stats {
        self.shared.with(|state| state.stats())
    }

    /// Ends all subscriptions, writes what is left to write, and gives the directory free. What is not settled is
    /// delivered again when the bus is opened again; publishing and subscribing fail from now on.
    ///
    /// # Cancel safety
    /// Closing goes on when the future is dropped.
    pub async fn close(&self) {
        self.stop();
        self.shared.journal.close().await;
    }

    fn stop(&self) {
        self.keeper.abort();
        self.shared.with(State::close);
    }
}

impl Bus for EmbeddedBus {
    fn publish(&self, message: Message) -> BoxFuture<'_, Result<Routed, PublishError>> {
        publish::publish(&self.shared, message).boxed()
    }

    fn subscribe(&self, queue: Queue) -> BoxFuture<'_, Result<Subscription, SubscribeError>> {
        subscribe::subscribe(&self.shared, queue).boxed()
    }
}

impl Drop for EmbeddedBus {
    fn drop(&mut self) {
        self.stop();
        self.shared.journal.close_blocking();
    }
}

impl fmt::Debug for EmbeddedBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedBus")
            .field("journal", &self.shared.journal)
            .finish_non_exhaustive()
    }
}

/// Ends delays when their time has come.
async fn keep(shared: Arc<Shared>) {
    loop {
        let next = shared.with(|state| state.next_wakeup());
        let changed = shared.keeper.notified();
        match next {
            Some(next) => {
                // Whichever comes first, the next round looks at everything.
                let _ = tokio::time::timeout_at(next, changed).await;
            }
            None => changed.await,
        }
        shared.keep();
    }
}

fn load_error(dir: &Path, error: LoadError) -> OpenError {
    match error {
        LoadError::Decode(journal::DecodeError::Format(found)) => OpenError::Format {
            path: dir.to_owned(),
            found: found.to_string(),
            supported: journal::FORMAT,
        },
        other => OpenError::Storage {
            path: dir.to_owned(),
            source: Arc::new(other),
        },
    }
}
