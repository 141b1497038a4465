//! Durable writes to an embedded database, many of which share one sync of the disk.
//!
//! While one group is being written and synced, everything else that is submitted waits; it is the next group. So there
//! is no timer: one writer alone pays one sync per write, many concurrent writers share it. The work runs on tokio's
//! blocking threads and only while there is some: an idle store has no thread of its own here, a worker of the runtime
//! never blocks on the disk, and tokio's paused clock stands still while a write is under way.
//!
//! After a failed write or sync fjall refuses everything that follows, because it can no longer tell what is on the disk.
//! The store is then closed and opened again by the next write that comes [`StoreOptions::reopen_after`] later, which
//! reads back what did reach the disk. Writes that someone waits for fail meanwhile, with the cause; the others are kept and repeated.

mod batch;
mod error;
mod store;

use std::{
    fmt,
    path::Path,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use tokio::{runtime::Handle, sync::oneshot};

pub use batch::Batch;
pub use error::{CommitError, OpenError};
pub use store::{Reader, StoreOptions};

use store::Store;

/// How far a write has to get before it counts as done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// On the disk: it survives the loss of power. The group is synced.
    Synced,
    /// With the operating system: it survives the end of the process, `kill -9` included. Kept and repeated when
    /// writing fails.
    Buffered,
}

/// A database with group commit. A cheap clone; the last one dropped closes it.
#[derive(Clone)]
pub struct GroupCommit {
    inner: Arc<Inner>,
}

struct Inner {
    runtime: Handle,
    store: Store,
    queue: Mutex<Queue>,
    /// Signalled when the runner has ended.
    ended: Condvar,
}

#[derive(Default)]
struct Queue {
    jobs: Vec<Job>,
    /// Buffered writes that failed, to be repeated before the next group.
    kept: Vec<Job>,
    running: bool,
    closed: bool,
}

enum Job {
    Write(WriteJob),
    Read(Read),
}

struct WriteJob {
    batch: Batch,
    durability: Durability,
    done: Done,
}

type Read = Box<dyn FnOnce(Result<Reader<'_>, CommitError>) + Send>;
type Done = Box<dyn FnOnce(Result<(), CommitError>) + Send>;

impl GroupCommit {
    /// Opens the database in `dir`, which is made when it is not there. Blocks on the disk.
    ///
    /// # Errors
    /// See [`OpenError`].
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn open(dir: &Path, options: StoreOptions) -> Result<Self, OpenError> {
        let inner = Inner {
            runtime: Handle::current(),
            store: Store::open(dir, options)?,
            queue: Mutex::default(),
            ended: Condvar::new(),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Writes `batch` as one, and resolves when it has got as far as `durability` says. What it wrote can be read then.
    ///
    /// # Errors
    /// See [`CommitError`]. After an error the batch may have reached the disk all the same.
    ///
    /// # Cancel safety
    /// The batch is written even when the future is dropped after its first poll.
    pub async fn commit(&self, batch: Batch, durability: Durability) -> Result<(), CommitError> {
        let (sender, receiver) = oneshot::channel();
        self.submit(batch, durability, move |result| {
            // Whoever waited may have given up.
            let _ = sender.send(result);
        });
        receiver.await.unwrap_or(Err(CommitError::Closed))
    }

    /// Hands `batch` over without waiting. `done` is called once, on a blocking thread (or at once when the store is
    /// closed), in the order of submission. A buffered batch is not done before it succeeded or the store was closed.
    pub fn submit(
        &self,
        batch: Batch,
        durability: Durability,
        done: impl FnOnce(Result<(), CommitError>) + Send + 'static,
    ) {
        let write = WriteJob {
            batch,
            durability,
            done: Box::new(done),
        };
        self.inner.push(Job::Write(write));
    }

    /// Has `read` called on a blocking thread, after what was submitted before. It must not keep what it reads with.
    pub fn schedule(&self, read: impl FnOnce(Result<Reader<'_>, CommitError>) + Send + 'static) {
        self.inner.push(Job::Read(Box::new(read)));
    }

    /// Calls `read` right here, which may block on the disk: not for a worker of the runtime. It must not keep a
    /// keyspace beyond its end, since the store could then not be reopened.
    ///
    /// # Errors
    /// [`CommitError`] when the store is closed or could not be reopened after a failure; else what `read` returns.
    pub fn read<T, E: From<CommitError>>(
        &self,
        read: impl FnOnce(Reader<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.inner
            .store
            .read(|reader| reader.map_err(E::from).and_then(read))
    }

    /// Writes what was submitted, refuses what comes after, and gives the directory free.
    ///
    /// # Cancel safety
    /// Closing goes on when the future is dropped.
    pub async fn close(&self) {
        let inner = self.inner.clone();
        let closing = self.inner.runtime.spawn_blocking(move || inner.close());
        if closing.await.is_err() {
            // The runtime is ending and takes no more work.
            self.inner.close();
        }
    }

    /// The same as [`GroupCommit::close`], where nothing can be awaited. Blocks on the disk.
    pub fn close_blocking(&self) {
        self.inner.close();
    }
}

impl fmt::Debug for GroupCommit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupCommit")
            .field("store", &self.inner.store)
            .finish_non_exhaustive()
    }
}

impl Inner {
    fn push(self: &Arc<Self>, job: Job) {
        let mut queue = self.lock();
        if queue.closed {
            drop(queue);
            job.refuse();
            return;
        }
        queue.jobs.push(job);
        if !queue.running {
            queue.running = true;
            drop(queue);
            let runner = Runner {
                inner: self.clone(),
                ended: false,
            };
            self.runtime.spawn_blocking(move || runner.run());
        }
    }

    fn next_group(&self) -> Option<Vec<Job>> {
        let mut queue = self.lock();
        (!queue.jobs.is_empty()).then(|| queue.take())
    }

    /// Writes the group, then tells everyone in the order of submission.
    fn work(&self, group: Vec<Job>) {
        let writes: Vec<_> = group
            .iter()
            .filter_map(|job| match job {
                Job::Write(write) => Some((&write.batch, write.durability)),
                Job::Read(_) => None,
            })
            .collect();
        let result = self.store.write(&writes);
        for job in group {
            match job {
                Job::Write(write) => self.finish(write, result.clone()),
                Job::Read(read) => self.store.read(read),
            }
        }
    }

    fn finish(&self, write: WriteJob, result: Result<(), CommitError>) {
        if result.is_err() && write.durability == Durability::Buffered {
            let mut queue = self.lock();
            if !queue.closed {
                queue.kept.push(Job::Write(write));
                return;
            }
        }
        (write.done)(result);
    }

    fn close(&self) {
        let mut queue = self.lock();
        queue.closed = true;
        while queue.running {
            queue = self
                .ended
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
        // Left are writes that failed, and everything when the runtime ended before the runner could start.
        let rest = queue.take();
        drop(queue);
        self.work(rest);
        self.store.close();
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn take(&mut self) -> Vec<Job> {
        let mut group = std::mem::take(&mut self.kept);
        group.append(&mut self.jobs);
        group
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

impl Job {
    fn refuse(self) {
        match self {
            Self::Write(write) => (write.done)(Err(CommitError::Closed)),
            Self::Read(read) => read(Err(CommitError::Closed)),
        }
    }
}

/// The one who writes the groups. Says that it ended also when it panicked or never began.
struct Runner {
    inner: Arc<Inner>,
    ended: bool,
}

impl Runner {
    fn run(mut self) {
        while !self.ended {
            while let Some(group) = self.inner.next_group() {
                self.inner.work(group);
            }
            let mut queue = self.inner.lock();
            if queue.jobs.is_empty() {
                // Under the lock: whoever submits next starts the next runner.
                queue.running = false;
                self.ended = true;
            }
        }
        self.inner.ended.notify_all();
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        if !self.ended {
            self.inner.lock().running = false;
            self.inner.ended.notify_all();
        }
    }
}

#[cfg(test)]
mod tests;
