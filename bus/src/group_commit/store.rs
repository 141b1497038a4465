//! The database, and its reopening after a failure.

use std::{
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use super::{Batch, CommitError, Durability, OpenError, error::cause};
use crate::Cause;

/// How much memory a store may take, and how it recovers.
#[derive(Debug, Clone, Copy)]
pub struct StoreOptions {
    /// Blocks read from the disk that are kept, bytes. Default 8 MiB.
    pub cache_bytes: u64,
    /// What is written is collected up to this size per keyspace before it is sorted into files, bytes. A
    /// keyspace keeps the size that it was made with. Default 4 MiB.
    pub memtable_bytes: u64,
    /// How long after a failure the store is opened again, by the first write after it. Opening reads the journal,
    /// which is too much work for every write that fails. Default 500 ms.
    pub reopen_after: Duration,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            cache_bytes: 8 << 20,
            memtable_bytes: 4 << 20,
            reopen_after: Duration::from_millis(500),
        }
    }
}

/// What a read reads with.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    database: &'a Database,
    store: &'a Store,
}

#[derive(Debug)]
pub(super) struct Store {
    path: PathBuf,
    options: StoreOptions,
    /// `None` when closed, or when it failed and could not be opened again.
    database: RwLock<Option<Open>>,
    failure: Mutex<Option<Failure>>,
    /// Whether the last write failed, which was logged.
    failing: AtomicBool,
}

struct Open(Database);

#[derive(Debug, Clone)]
struct Failure {
    at: Instant,
    cause: Cause,
}

impl Reader<'_> {
    /// The keyspace called `name`, made when it is not there. It MUST NOT be kept beyond the read.
    ///
    /// # Errors
    /// [`CommitError::Storage`].
    pub fn keyspace(&self, name: &str) -> Result<Keyspace, CommitError> {
        self.store
            .keyspace(self.database, name)
            .map_err(|error| self.error(error))
    }

    /// Names the store in an error of the storage engine.
    pub fn error(&self, error: fjall::Error) -> CommitError {
        self.store.error(cause(error))
    }
}

impl std::fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("store", self.store).finish()
    }
}

impl Store {
    pub(super) fn open(path: &Path, options: StoreOptions) -> Result<Self, OpenError> {
        let database = open(path, options).map_err(|error| match error {
            fjall::Error::Locked => OpenError::Locked {
                path: path.to_owned(),
            },
            fjall::Error::InvalidVersion(found) => OpenError::Format {
                path: path.to_owned(),
                found: found.map_or_else(|| "unknown".to_owned(), |found| format!("{found:?}")),
                supported: fjall::FormatVersion::V3 as u8,
            },
            other => OpenError::Storage {
                path: path.to_owned(),
                source: cause(other),
            },
        })?;
        Ok(Self {
            path: path.to_owned(),
            options,
            database: RwLock::new(Some(Open(database))),
            failure: Mutex::default(),
            failing: AtomicBool::new(false),
        })
    }

    /// Writes every batch, each as one, and then syncs once if any of them wants it.
    pub(super) fn write(&self, batches: &[(&Batch, Durability)]) -> Result<(), CommitError> {
        if batches.is_empty() {
            return Ok(());
        }
        self.reopen_after_failure()?;
        let mut result = self.try_write(batches);
        if let Some(Err(fjall::Error::Poisoned)) = result {
            // Work in the background failed, and only opening it again tells why, if it still does.
            self.reopen()?;
            result = self.try_write(batches);
        }
        match result {
            Some(Ok(())) => {
                if self.failing.swap(false, Ordering::Relaxed) {
                    tracing::info!(path = %self.path.display(), "writing works again");
                }
                Ok(())
            }
            Some(Err(error)) => Err(self.fail(cause(error))),
            None => Err(CommitError::Closed),
        }
    }

    /// `None` when the database is closed.
    fn try_write(&self, batches: &[(&Batch, Durability)]) -> Option<fjall::Result<()>> {
        let guard = self.reading();
        let Open(database) = guard.as_ref()?;
        Some(self.write_to(database, batches))
    }

    fn write_to(&self, database: &Database, batches: &[(&Batch, Durability)]) -> fjall::Result<()> {
        let synced = batches
            .iter()
            .any(|(_, durability)| *durability == Durability::Synced);
        for (batch, _) in batches {
            let mut writes = database.batch();
            for write in &batch.writes {
                let keyspace = self.keyspace(database, &write.keyspace)?;
                match &write.value {
                    Some(value) => writes.insert(&keyspace, &*write.key, &**value),
                    None => writes.remove(&keyspace, &*write.key),
                }
            }
            writes.commit()?;
        }
        database.persist(if synced {
            PersistMode::SyncData
        } else {
            PersistMode::Buffer
        })
    }

    /// Calls `read` with the database, which stays open meanwhile.
    pub(super) fn read<T>(&self, read: impl FnOnce(Result<Reader<'_>, CommitError>) -> T) -> T {
        let guard = self.reading();
        match &*guard {
            Some(Open(database)) => read(Ok(Reader {
                database,
                store: self,
            })),
            None => {
                let error = match &*self.failure() {
                    Some(failure) => self.error(failure.cause.clone()),
                    None => CommitError::Closed,
                };
                drop(guard);
                read(Err(error))
            }
        }
    }

    pub(super) fn close(&self) {
        *self.failure() = None;
        // Dropped with the lock held: when it is free, so is the directory.
        *self.writing() = None;
    }

    fn reopen_after_failure(&self) -> Result<(), CommitError> {
        let Some(failure) = self.failure().clone() else {
            return Ok(());
        };
        if failure.at.elapsed() < self.options.reopen_after {
            return Err(self.error(failure.cause));
        }
        self.reopen()
    }

    fn reopen(&self) -> Result<(), CommitError> {
        let mut database = self.writing();
        // The old one first: it holds the lock of the directory.
        *database = None;
        match open(&self.path, self.options) {
            Ok(opened) => {
                *database = Some(Open(opened));
                *self.failure() = None;
                Ok(())
            }
            Err(error) => Err(self.fail(cause(error))),
        }
    }

    /// Notes the failure, and says it once until writing works again.
    fn fail(&self, cause: Cause) -> CommitError {
        if !self.failing.swap(true, Ordering::Relaxed) {
            tracing::error!(path = %self.path.display(), error = &*cause as &dyn std::error::Error, "writing fails");
        }
        let failure = Failure {
            at: Instant::now(),
            cause: cause.clone(),
        };
        *self.failure() = Some(failure);
        self.error(cause)
    }

    fn error(&self, source: Cause) -> CommitError {
        CommitError::Storage {
            path: self.path.clone(),
            source,
        }
    }

    fn keyspace(&self, database: &Database, name: &str) -> fjall::Result<Keyspace> {
        database.keyspace(name, || {
            KeyspaceCreateOptions::default()
                .max_memtable_size(self.options.memtable_bytes)
                .manual_journal_persist(true)
        })
    }

    fn reading(&self) -> RwLockReadGuard<'_, Option<Open>> {
        self.database.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn writing(&self) -> RwLockWriteGuard<'_, Option<Open>> {
        self.database
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn failure(&self) -> std::sync::MutexGuard<'_, Option<Failure>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Open")
    }
}

fn open(path: &Path, options: StoreOptions) -> fjall::Result<Database> {
    Database::builder(path)
        .cache_size(options.cache_bytes)
        // One is enough for a journal, and an idle program then has one thread less.
        .worker_threads(1)
        .max_journaling_size(64 << 20)
        .manual_journal_persist(true)
        .open()
}
