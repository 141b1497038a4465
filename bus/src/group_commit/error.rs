//! What can go wrong with the disk.

use std::{path::PathBuf, sync::Arc};

use crate::Cause;

/// The store could not be opened.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OpenError {
    /// Someone else has it open.
    #[error(
        "`{}` is in use by another process (or twice by this one): stop it, or use another data directory",
        path.display()
    )]
    Locked {
        /// The directory.
        path: PathBuf,
    },
    /// It was written by a version that this one cannot read.
    #[error(
        "`{}` was written in format {found}, this program reads {supported}: use the program that wrote it, or another data directory",
        path.display()
    )]
    Format {
        /// The directory.
        path: PathBuf,
        /// What was found.
        found: String,
        /// What can be read.
        supported: u8,
    },
    /// The disk said no.
    #[error(
        "opening `{}`: check that the directory can be written and has room",
        path.display()
    )]
    Storage {
        /// The directory or file.
        path: PathBuf,
        /// What the storage said.
        #[source]
        source: Cause,
    },
}

/// A write or a read failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CommitError {
    /// The disk is full, read-only or broken. The store reopens itself and tries again with later writes, at most
    /// twice a second.
    #[error(
        "writing to `{}` failed: make room or make it writable, the next write then succeeds",
        path.display()
    )]
    Storage {
        /// The directory.
        path: PathBuf,
        /// What the storage said first.
        #[source]
        source: Cause,
    },
    /// The store has been closed.
    #[error("the store is closed")]
    Closed,
}

/// The storage engine's error without its wrapping where that says nothing.
pub(super) fn cause(error: fjall::Error) -> Cause {
    match error {
        fjall::Error::Io(io) | fjall::Error::Storage(fjall::LsmError::Io(io)) => Arc::new(io),
        other => Arc::new(other),
    }
}
