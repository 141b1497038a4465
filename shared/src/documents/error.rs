//! Why a document operation failed.

use std::{io, path::PathBuf, sync::Arc};

use super::{MAX_DOCUMENT_BYTES, ServerError};

/// A document operation failed.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// The id is taken.
    #[error("a document with this id is already in collection `{collection}`")]
    Duplicate {
        /// Where.
        collection: String,
    },
    /// A collection, an id or a field has a name that is not allowed.
    #[error("{what} name of {bytes} bytes is not allowed: it must be {rule}")]
    Name {
        /// What is named: `collection`, `document` or `field`.
        what: &'static str,
        /// How long the name is; the name itself may be anything.
        bytes: usize,
        /// What it must be.
        rule: &'static str,
    },
    /// A filter compares with something other than a string, a number, a boolean or null.
    #[error("field `{field}` is compared with a list or an object, which no engine does alike")]
    Condition {
        /// The field.
        field: String,
    },
    /// The document is not a JSON object.
    #[error("a document of collection `{collection}` must be a JSON object")]
    NotAnObject {
        /// Where it was going.
        collection: String,
    },
    /// The document is larger than [`MAX_DOCUMENT_BYTES`].
    #[error(
        "a document of {bytes} bytes is too large for collection `{collection}`: {MAX_DOCUMENT_BYTES} bytes at most"
    )]
    TooLarge {
        /// Where it was going.
        collection: String,
        /// Its size as JSON.
        bytes: usize,
    },
    /// A change would make the document larger than its server takes; nothing was changed.
    #[error("a document of collection `{collection}` would become larger than its server takes")]
    Outgrown {
        /// Where it is.
        collection: String,
    },
    /// The document, or a value of a filter or a change, cannot be written as JSON.
    #[error("writing {what} as JSON")]
    Encode {
        /// Of which collection, or which field.
        what: String,
        /// What the encoder said.
        #[source]
        source: serde_json::Error,
    },
    /// What is stored is not what was asked for.
    #[error("reading document `{id}` of collection `{collection}`")]
    Decode {
        /// Where it is.
        collection: String,
        /// Its id.
        id: String,
        /// What the decoder said.
        #[source]
        source: serde_json::Error,
    },
    /// The disk failed the operation. Of a write it is not known whether it was stored; later ones may go well.
    #[error("{}", storage(directory, source))]
    Storage {
        /// Where the documents are.
        directory: PathBuf,
        /// What the disk said. Shared, because it fails everything that was written together.
        #[source]
        source: Arc<io::Error>,
    },
    /// The server failed the operation, or cannot be reached.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The store was closed.
    #[error("the document store is closed")]
    Closed,
}

impl DocumentError {
    /// Whether the same operation may go well later.
    ///
    /// Also when the server does not take the user or its certificate is not accepted: the operation is not to blame,
    /// and somebody may be about to put that right.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Storage { .. } | Self::Closed => true,
            Self::Server(error) => !error.is_of_the_operation(),
            _ => false,
        }
    }

    /// The kind of error as `error.type` names it.
    pub fn error_type(&self) -> &'static str {
        match self {
            Self::Duplicate { .. } => "duplicate",
            Self::Name { .. } => "invalid_name",
            Self::Condition { .. } => "invalid_condition",
            Self::NotAnObject { .. } => "not_an_object",
            Self::TooLarge { .. } | Self::Outgrown { .. } => "too_large",
            Self::Encode { .. } => "encode",
            Self::Decode { .. } => "decode",
            Self::Storage { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull
                | io::ErrorKind::QuotaExceeded
                | io::ErrorKind::FileTooLarge => "disk_full",
                io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => "read_only",
                _ => "storage",
            },
            Self::Server(error) => error.error_type(),
            Self::Closed => "closed",
        }
    }
}

fn storage(directory: &std::path::Path, source: &io::Error) -> String {
    let directory = directory.display();
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            format!("no room for documents in `{directory}`: free space on its disk")
        }
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
            format!("documents in `{directory}` cannot be written: make the directory writable")
        }
        _ => format!("storing documents in `{directory}`"),
    }
}

/// A document store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process, or another handle of this one, has it open.
    #[error("documents in `{}` are in use by another process: stop it or choose another data directory", directory.display())]
    Locked {
        /// Where the documents are.
        directory: PathBuf,
    },
    /// The directory cannot be read or written, or what is in it is damaged.
    #[error("{}", storage(directory, source))]
    Storage {
        /// Where the documents are.
        directory: PathBuf,
        /// What the disk said.
        #[source]
        source: Arc<io::Error>,
    },
    /// A setting of the server cannot be used.
    #[error("`{key}` {problem}")]
    Setting {
        /// The key.
        key: &'static str,
        /// What is wrong with its value, without secrets.
        problem: String,
    },
    /// The server cannot be reached, or does not let this program in.
    #[error(transparent)]
    Server(#[from] ServerError),
}

impl OpenError {
    /// Whether opening may go well later without a change of the configuration or the server's: the server is not there yet.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Server(error) => error.is_transient(),
            Self::Locked { .. } | Self::Storage { .. } | Self::Setting { .. } => false,
        }
    }
}
