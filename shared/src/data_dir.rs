//! The data directory: everything that the embedded parts keep, used by one process at a time.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process;
use std::thread;
use std::time::Duration;

/// The file whose lock tells that the directory is in use, and by whom.
const LOCK_FILE: &str = "lock";

/// A data directory that this process has to itself for as long as this value lives.
///
/// The lock is the operating system's and ends with the process, however it ends: a crash leaves nothing to clean up.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    /// Holds the lock.
    _lock: File,
}

/// The process that has a data directory to itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its process id.
    pub pid: u32,
    /// What it is, as `chimera up`.
    pub program: String,
}

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Another process has it.
    #[error("{}", locked(path, holder.as_ref()))]
    Locked {
        /// The directory.
        path: PathBuf,
        /// Who has it, unless that process has not yet said so.
        holder: Option<Holder>,
    },
    /// It, or where it would be, cannot be written to.
    #[error(
        "the data directory `{}` is on a read-only file system; choose another with --data-dir",
        path.display()
    )]
    ReadOnly {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is a file in its place or above it.
    #[error(
        "the data directory `{}` is not a directory; move that file away or choose another with --data-dir",
        path.display()
    )]
    NotADirectory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no room.
    #[error(
        "no space is left for the data directory `{}`; free some or choose another with --data-dir",
        path.display()
    )]
    Full {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// This user may not.
    #[error(
        "this user may not write to the data directory `{}`; change its owner or choose another with --data-dir",
        path.display()
    )]
    NoPermission {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Anything else.
    #[error("the data directory `{}` cannot be used; choose another with --data-dir", path.display())]
    Io {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

fn locked(path: &Path, holder: Option<&Holder>) -> String {
    let path = path.display();
    match holder {
        Some(Holder { pid, program }) => format!(
            "the data directory `{path}` is used by `{program}` (process {pid}); stop it or choose another with --data-dir"
        ),
        None => format!(
            "the data directory `{path}` is used by another process; stop it or choose another with --data-dir"
        ),
    }
}

impl DataDir {
    /// Takes the directory `path` for this process, creating it for this user alone if it is not there. `program` is what
    /// others are told about who has it, as `chimera up`.
    ///
    /// # Errors
    /// [`DataDirError::Locked`] when another process has it, or this one already; the others say what is in the way.
    pub fn open(path: &Path, program: &str) -> Result<Self, DataDirError> {
        let lock = create(path)
            .and_then(|()| open_lock(path))
            .map_err(|error| failed(path, error))?;
        match take(&lock) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(DataDirError::Locked {
                    path: path.to_owned(),
                    holder: written_holder(path),
                });
            }
            Err(TryLockError::Error(error)) => return Err(failed(path, error)),
        }
        sign(&lock, program).map_err(|error| failed(path, error))?;
        Ok(Self {
            path: path.to_owned(),
            _lock: lock,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The process that has the directory `path` to itself at this moment, if any has. Creates and changes nothing.
    pub fn holder(path: &Path) -> Option<Holder> {
        let lock = File::open(path.join(LOCK_FILE)).ok()?;
        match lock.try_lock_shared() {
            Err(TryLockError::WouldBlock) => written_holder(path),
            Ok(()) | Err(TryLockError::Error(_)) => None,
        }
    }
}

fn create(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn open_lock(path: &Path) -> io::Result<File> {
    // Not truncated: until the lock is ours, the text in it is another's.
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path.join(LOCK_FILE))
}

/// Locks the file for this process. [`DataDir::holder`] of another process may hold it for an instant, hence the patience.
fn take(lock: &File) -> Result<(), TryLockError> {
    for _ in 0..5 {
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(10)),
            outcome => return outcome,
        }
    }
    lock.try_lock()
}

/// Writes into the lock file who has it.
fn sign(mut lock: &File, program: &str) -> io::Result<()> {
    let text = format!("{} {program}\n", process::id());
    // Cut afterwards, so that a full disk is noticed by the write.
    lock.write_all(text.as_bytes())?;
    lock.set_len(text.len() as u64)
}

/// Who signed the lock file.
fn written_holder(path: &Path) -> Option<Holder> {
    let mut text = String::new();
    // One line is short; whatever else stands there was not written by us.
    let file = File::open(path.join(LOCK_FILE)).ok()?;
    file.take(1024).read_to_string(&mut text).ok()?;
    let (pid, program) = text.lines().next()?.split_once(' ')?;
    Some(Holder {
        pid: pid.parse().ok()?,
        program: program.to_owned(),
    })
}

/// The error that says what to do about `source`.
fn failed(path: &Path, source: io::Error) -> DataDirError {
    let kind = source.kind();
    let path = path.to_owned();
    match kind {
        ErrorKind::ReadOnlyFilesystem => DataDirError::ReadOnly { path, source },
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => DataDirError::Full { path, source },
        ErrorKind::PermissionDenied => DataDirError::NoPermission { path, source },
        // A file at the very place "exists already", one further up "is not a directory".
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
            DataDirError::NotADirectory { path, source }
        }
        _ => DataDirError::Io { path, source },
    }
}

#[cfg(test)]
mod tests;
