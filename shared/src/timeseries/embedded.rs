//! The embedded engine: fjall on disk, about a month of a field of a series in one piece.
//!
//! Nothing is synced: what is kept can be had again, and a crash of the process loses nothing that was written. The files
//! are opened when they are first used, or by an agent that says it will: most never do.

mod blocks;
mod memory;

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use super::{Range, Run, Sample, TimeSeriesError};
use blocks::{Key, Samples};

pub(super) use memory::Memory;

/// Small, because the data is: an agent's idle memory counts.
const MEMTABLE_BYTES: u64 = 8 * 1024 * 1024;
const CACHE_BYTES: u64 = 8 * 1024 * 1024;

/// A handle of the engine. The files are closed when the last one is dropped.
#[derive(Debug, Clone)]
pub(super) struct Embedded(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    directory: PathBuf,
    files: Mutex<Option<Files>>,
    /// Held while blocks are read, merged and written back.
    writing: Mutex<()>,
}

#[derive(Clone)]
pub(super) struct Files {
    database: Database,
    samples: Keyspace,
}

impl Embedded {
    pub(super) fn new(directory: &Path) -> Self {
        Self(Arc::new(Inner {
            directory: directory.to_owned(),
            files: Mutex::new(None),
            writing: Mutex::new(()),
        }))
    }

    /// Whether what was used can be used. Files that nobody wants yet are not opened for this.
    pub(super) fn check(&self) -> Result<(), TimeSeriesError> {
        Ok(())
    }

    pub(super) async fn close(&self) {
        let inner = Arc::clone(&self.0);
        // Closing waits for the engine's threads.
        let closing = tokio::task::spawn_blocking(move || inner.set(None));
        closing.await.expect("closing does not panic");
    }

    pub(super) async fn write(
        &self,
        measurement: &str,
        runs: Vec<Run>,
    ) -> Result<(), TimeSeriesError> {
        let (inner, measurement) = (Arc::clone(&self.0), measurement.to_owned());
        let writing = tokio::task::spawn_blocking(move || {
            let files = inner.open()?;
            let written = inner.write(&files, &measurement, runs);
            written.map_err(|error| inner.failed(error))
        });
        writing.await.expect("writing does not panic")
    }

    /// The files, which are opened if they are not.
    pub(super) async fn files(&self) -> Result<Files, TimeSeriesError> {
        if let Some(files) = self.0.opened() {
            return Ok(files);
        }
        let inner = Arc::clone(&self.0);
        let opening = tokio::task::spawn_blocking(move || inner.open());
        opening.await.expect("opening does not panic")
    }

    /// Reads on the calling thread once the files are open: a block is a look into memory, or a piece of a file that the
    /// system has most likely cached, and cheaper than handing it to another thread.
    pub(super) async fn read(
        &self,
        measurement: &str,
        ranges: &[Range],
    ) -> Result<Vec<Vec<Sample>>, TimeSeriesError> {
        let files = self.files().await?;
        let ranges = ranges.iter();
        let found = ranges.map(|range| read(&files, measurement, range));
        let found: fjall::Result<_> = found.collect();
        found.map_err(|error| self.0.failed(error))
    }
}

impl Inner {
    fn opened(&self) -> Option<Files> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.clone()
    }

    fn set(&self, files: Option<Files>) {
        let mut slot = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *slot, files);
        // Closed after the lock is given back.
        drop(slot);
        drop(before);
    }

    fn open(&self) -> Result<Files, TimeSeriesError> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(files) = self.opened() {
            return Ok(files);
        }
        let files = Files::open(&self.directory).map_err(|error| self.storage(error))?;
        self.set(Some(files.clone()));
        Ok(files)
    }

    fn write(&self, files: &Files, measurement: &str, runs: Vec<Run>) -> fjall::Result<()> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut batch = files.database.batch();
        for (key, new) in blocks::by_key(measurement, runs) {
            let mut block = files.block(&key)?;
            block.merge(new);
            batch.insert(&files.samples, key.as_bytes(), block.to_bytes());
        }
        batch.commit()?;
        files.database.persist(PersistMode::Buffer)
    }

    /// The engine takes no more writes after a failed one, because what the disk then holds is only known by reading it
    /// again: the next operation opens the files anew.
    fn failed(&self, error: fjall::Error) -> TimeSeriesError {
        self.set(None);
        self.storage(error)
    }

    fn storage(&self, error: fjall::Error) -> TimeSeriesError {
        TimeSeriesError::Storage {
            directory: self.directory.clone(),
            source: Arc::new(match error {
                fjall::Error::Io(error) => error,
                error => io::Error::other(error),
            }),
        }
    }
}

fn read(files: &Files, measurement: &str, range: &Range) -> fjall::Result<Vec<Sample>> {
    let keys = blocks::of_range(measurement, range);
    let mut found = Vec::new();
    for entry in files.samples.range(keys) {
        let (_, bytes) = entry.into_inner()?;
        let wanted = range.from_ns..=range.to_ns;
        let samples = blocks::samples(&bytes);
        found.extend(samples.filter(|sample| wanted.contains(&sample.at_ns)));
    }
    Ok(found)
}

impl Files {
    fn open(directory: &Path) -> fjall::Result<Self> {
        fs::create_dir_all(directory)?;
        let database = Database::builder(directory)
            .cache_size(CACHE_BYTES)
            .worker_threads(1)
            .manual_journal_persist(true)
            .open()?;
        let options = || {
            KeyspaceCreateOptions::default()
                .max_memtable_size(MEMTABLE_BYTES)
                .manual_journal_persist(true)
        };
        Ok(Self {
            samples: database.keyspace("samples", options)?,
            database,
        })
    }

    fn block(&self, key: &Key) -> fjall::Result<Samples> {
        let found = self.samples.get(key.as_bytes())?;
        Ok(found.map_or_else(Samples::default, |bytes| blocks::samples(&bytes).collect()))
    }
}

impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Files").finish_non_exhaustive()
    }
}
