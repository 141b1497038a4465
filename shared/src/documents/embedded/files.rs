//! The open files, and how they come back after the disk failed a write.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    thread,
    time::{Duration, Instant},
};

use super::super::DocumentError;
use super::{
    Clock,
    tables::{Tables, into_io},
};

/// How long a reader may hold the files that are to be opened anew.
const READERS_WITHIN: Duration = Duration::from_secs(5);

/// The files as readers and the writer share them.
pub(super) struct Files {
    directory: PathBuf,
    clock: Clock,
    state: RwLock<State>,
}

enum State {
    Open(Arc<Tables>),
    /// Still readable; the engine takes no more writes until it is opened anew.
    Faulted(Arc<Tables>, Arc<io::Error>),
    /// Opening it anew failed.
    Lost(Arc<io::Error>),
    Closed,
}

impl Files {
    pub(super) fn new(directory: PathBuf, tables: Tables, clock: Clock) -> Self {
        Self {
            directory,
            clock,
            state: RwLock::new(State::Open(Arc::new(tables))),
        }
    }

    pub(super) fn now_ms(&self) -> u64 {
        (self.clock)()
    }

    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&Tables) -> fjall::Result<T>,
    ) -> Result<T, DocumentError> {
        read(&*self.tables()?).map_err(|error| self.storage_error(error))
    }

    pub(super) fn tables(&self) -> Result<Arc<Tables>, DocumentError> {
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Open(tables) | State::Faulted(tables, _) => Ok(Arc::clone(tables)),
            State::Lost(cause) => Err(self.fault(cause)),
            State::Closed => Err(DocumentError::Closed),
        }
    }

    pub(super) fn check(&self) -> Result<(), DocumentError> {
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Open(_) => Ok(()),
            State::Faulted(_, cause) | State::Lost(cause) => Err(self.fault(cause)),
            State::Closed => Err(DocumentError::Closed),
        }
    }

    pub(super) fn storage_error(&self, error: fjall::Error) -> DocumentError {
        self.fault(&Arc::new(into_io(error)))
    }

    pub(super) fn fault(&self, cause: &Arc<io::Error>) -> DocumentError {
        DocumentError::Storage {
            directory: self.directory.clone(),
            source: Arc::clone(cause),
        }
    }

    /// Notes that a write to `tables` failed.
    pub(super) fn failed(&self, tables: Arc<Tables>, cause: &Arc<io::Error>) {
        self.set(State::Faulted(tables, Arc::clone(cause)));
    }

    pub(super) fn close(&self) {
        self.set(State::Closed);
    }

    /// The files, opened anew if the last write failed: the engine refuses to write after a failure, because what
    /// the disk then holds is only known by reading it again.
    pub(super) fn writable(&self) -> Result<Arc<Tables>, Arc<io::Error>> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        if let State::Open(tables) = &*state {
            return Ok(Arc::clone(tables));
        }
        drop(state);
        // As long as the disk takes nothing, the old files stay open, so that documents can still be read.
        try_disk(&self.directory).map_err(Arc::new)?;
        let nobody = Arc::new(io::Error::other("the files are being opened anew"));
        if let State::Faulted(tables, _) = self.set(State::Lost(nobody)) {
            self.release(tables)?;
        }
        match Tables::try_open(&self.directory) {
            Ok(tables) => {
                let tables = Arc::new(tables);
                self.set(State::Open(Arc::clone(&tables)));
                Ok(tables)
            }
            Err(error) => {
                let cause = Arc::new(into_io(error));
                self.set(State::Lost(Arc::clone(&cause)));
                Err(cause)
            }
        }
    }

    /// Closes the files once nobody reads them: they are locked until then.
    fn release(&self, mut tables: Arc<Tables>) -> Result<(), Arc<io::Error>> {
        let deadline = Instant::now() + READERS_WITHIN;
        while let Err(still_read) = Arc::try_unwrap(tables).map(drop) {
            if Instant::now() >= deadline {
                let cause = Arc::new(io::Error::from(io::ErrorKind::ResourceBusy));
                self.failed(still_read, &cause);
                return Err(cause);
            }
            tables = still_read;
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Replaces the state. The old one is dropped by the caller, after the lock: closing files takes its time.
    fn set(&self, state: State) -> State {
        let mut slot = self.state.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut slot, state)
    }
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Files")
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}

/// Whether the disk takes anything, found out by giving it something.
fn try_disk(directory: &Path) -> io::Result<()> {
    let path = directory.join("probe");
    let written = std::fs::File::create(&path).and_then(|mut file| {
        io::Write::write_all(&mut file, &[0; 64 * 1024])?;
        file.sync_all()
    });
    let removed = std::fs::remove_file(&path);
    written.and(removed)
}
