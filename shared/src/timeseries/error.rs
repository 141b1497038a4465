//! What can go wrong with time series.

use std::{io, path::PathBuf, sync::Arc};

use super::InfluxDbError;
use crate::config::RedactedUrl;

/// An operation on time series failed.
#[derive(Debug, thiserror::Error)]
pub enum TimeSeriesError {
    /// A name that not every engine can write down.
    #[error(
        "a {what} of {bytes} bytes is not allowed: 1 to 200 without control characters and backslashes, no reserved word"
    )]
    Name {
        /// What it is the name of.
        what: &'static str,
        /// How long it is; the name itself may be anything.
        bytes: usize,
    },
    /// A value that is no number, or infinite.
    #[error("a value of a time series must be a finite number")]
    NotFinite,
    /// The files of the embedded engine cannot be read or written.
    #[error("time series in {}", directory.display())]
    Storage {
        /// Where they are.
        directory: PathBuf,
        /// What the system said.
        #[source]
        source: Arc<io::Error>,
    },
    /// InfluxDB could not be asked, or refused.
    #[error(transparent)]
    InfluxDb(#[from] InfluxDbError),
}

impl TimeSeriesError {
    /// Whether the same operation may go well later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Name { .. } | Self::NotFinite => false,
            Self::Storage { .. } => true,
            Self::InfluxDb(error) => error.is_transient(),
        }
    }

    /// The kind of error as `error.type` names it.
    pub fn error_type(&self) -> &'static str {
        match self {
            Self::Name { .. } => "invalid_name",
            Self::NotFinite => "not_finite",
            Self::Storage { .. } => "storage",
            Self::InfluxDb(error) => error.error_type(),
        }
    }

    /// What the server answered, as `db.response.status_code` has it: the status of HTTP.
    pub fn status_code(&self) -> Option<String> {
        match self {
            Self::InfluxDb(error) => error.status().map(|status| status.to_string()),
            Self::Name { .. } | Self::NotFinite | Self::Storage { .. } => None,
        }
    }
}

/// The store could not be opened, because of what is configured. Whether a server is there is not asked when opening.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL cannot be used.
    #[error("`timeseries.url` is {url}: {reason}")]
    Url {
        /// The URL without its password.
        url: RedactedUrl,
        /// What is wrong with it, and what would be right.
        reason: &'static str,
    },
    /// The file of certificates cannot be read.
    #[error("reading {}, which `timeseries.ca_file` names", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A file of certificates that holds none that can be used.
    #[error("{}, which `timeseries.ca_file` names, must hold certificates in PEM format", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
    },
}
