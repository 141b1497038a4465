//! Carrying commands out, many by one fsync.
//!
//! A writer runs on a thread of the runtime that may block, and only while something waits: an idle store has no thread,
//! and a paused clock stands still while a write is under way.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::runtime::Handle;

use super::super::DocumentError;
use super::{
    batch::{Batch, Command, Reply, Written},
    files::Files,
    tables::into_io,
};

/// How many commands are made durable by one fsync at most.
const GROUP: usize = 1_024;

/// How often writers remove documents whose time is up. Until then they are not shown, so it only costs their room.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// Where commands are handed in. A cheap clone.
#[derive(Clone)]
pub(super) struct Writer(Arc<Inner>);

struct Inner {
    files: Arc<Files>,
    runtime: Handle,
    queue: Mutex<Queue>,
}

struct Queue {
    waiting: Vec<Submission>,
    /// Whether someone is at work, who takes all that comes until nothing waits.
    running: bool,
    closed: bool,
    next_sweep: Instant,
}

/// A command and who waits for its outcome.
struct Submission {
    command: Command,
    reply: Reply,
}

impl Writer {
    /// A writer to `files`, at work on the runtime that this is called on.
    pub(super) fn new(files: Arc<Files>) -> Self {
        let queue = Queue {
            waiting: Vec::new(),
            running: false,
            closed: false,
            next_sweep: Instant::now() + SWEEP_EVERY,
        };
        Self(Arc::new(Inner {
            files,
            runtime: Handle::current(),
            queue: Mutex::new(queue),
        }))
    }

    /// Sees to it that `command` is carried out and `reply` told when it is durable.
    pub(super) fn submit(&self, command: Command, reply: Reply) {
        let mut queue = self.0.queue();
        if queue.closed {
            let _ = reply.send(Err(DocumentError::Closed));
            return;
        }
        queue.closed = matches!(command, Command::Close);
        queue.waiting.push(Submission { command, reply });
        if !queue.running {
            queue.running = true;
            // Before the shift is made: were it dropped at once, it would need the lock.
            drop(queue);
            let shift = Shift {
                inner: Arc::clone(&self.0),
                ended: false,
            };
            self.0.runtime.spawn_blocking(move || shift.work());
        }
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("files", &self.0.files)
            .finish_non_exhaustive()
    }
}

impl Inner {
    /// What is to be done now, and whether a sweep is; `None` ends the shift.
    fn next(&self) -> Option<(Vec<Submission>, bool)> {
        let mut queue = self.queue();
        if queue.waiting.is_empty() {
            // Under the lock of the look into the queue: what comes from now on begins another shift.
            queue.running = false;
            return None;
        }
        let most = queue.waiting.len().min(GROUP);
        let group = queue.waiting.drain(..most).collect();
        let now = Instant::now();
        let sweep = now >= queue.next_sweep;
        if sweep {
            queue.next_sweep = now + SWEEP_EVERY;
        }
        Some((group, sweep))
    }

    /// Carries a group out and tells everyone how it went.
    fn write(&self, group: Vec<Submission>, sweep: bool) {
        let closing = group
            .iter()
            .any(|submission| matches!(submission.command, Command::Close));
        let outcomes = self.commit(group, sweep);
        if closing {
            // Before anyone is told, so that the directory is free then.
            self.files.close();
        }
        for (reply, outcome) in outcomes {
            let _ = reply.send(outcome);
        }
    }

    fn commit(&self, group: Vec<Submission>, sweep: bool) -> Vec<Outcome> {
        let tables = match self.files.writable() {
            Ok(tables) => tables,
            Err(cause) => {
                let replies = group.into_iter().map(|submission| submission.reply);
                return replies
                    .map(|reply| (reply, Err(self.files.fault(&cause))))
                    .collect();
            }
        };
        let mut batch = Batch::new(&self.files, &tables);
        let outcomes: Vec<_> = group
            .into_iter()
            .map(|Submission { command, reply }| (reply, batch.apply(command)))
            .collect();
        if sweep {
            // What could not be removed now is removed by the next sweep.
            let _ = batch.apply(Command::Sweep);
        }
        let Err(error) = batch.commit() else {
            return outcomes;
        };
        let cause = Arc::new(into_io(error));
        self.files.failed(tables, &cause);
        outcomes
            .into_iter()
            .map(|(reply, _)| (reply, Err(self.files.fault(&cause))))
            .collect()
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Outcome = (Reply, Result<Written, DocumentError>);

/// Someone at work, one at most, until nothing waits.
struct Shift {
    inner: Arc<Inner>,
    ended: bool,
}

impl Shift {
    fn work(mut self) {
        while let Some((group, sweep)) = self.inner.next() {
            self.inner.write(group, sweep);
        }
        self.ended = true;
    }
}

impl Drop for Shift {
    /// After a panic, or when the runtime went before it began: nobody waits for ever, and the next shift can begin.
    fn drop(&mut self) {
        if !self.ended {
            let mut queue = self.inner.queue();
            queue.waiting.clear();
            queue.running = false;
        }
    }
}
