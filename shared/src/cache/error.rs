//! What can go wrong with the cache.

use std::{io, path::PathBuf};

use super::{MAX_KEY_BYTES, RedisError};
use crate::config::RedactedUrl;

/// A cache operation failed.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The key is empty or too long.
    #[error("a cache key of {bytes} bytes is not allowed: it must have 1 to {MAX_KEY_BYTES}")]
    Key {
        /// Its length with the prefix.
        bytes: usize,
    },
    /// The value would be gone before it is there.
    #[error("a cached value must live for at least a millisecond")]
    Lifetime,
    /// The value is larger than the cache takes.
    #[error(
        "a value of {bytes} bytes does not fit a cache that takes {limit} bytes: raise `{setting}`"
    )]
    TooLarge {
        /// The size of the value; in the embedded cache, with its key and what it costs beside them.
        bytes: usize,
        /// What the cache takes.
        limit: u64,
        /// The setting of that limit.
        setting: &'static str,
    },
    /// The value cannot be written as JSON.
    #[error("writing a value for the cache as JSON")]
    Encode(#[source] serde_json::Error),
    /// What is cached is not what was asked for.
    #[error("reading a cached value")]
    Decode(#[source] serde_json::Error),
    /// Redis could not be asked, or refused.
    #[error(transparent)]
    Redis(#[from] RedisError),
}

impl CacheError {
    /// Whether the same operation may go well later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Redis(error) => error.is_transient(),
            Self::Key { .. }
            | Self::Lifetime
            | Self::TooLarge { .. }
            | Self::Encode(_)
            | Self::Decode(_) => false,
        }
    }

    /// The kind of error as `error.type` names it.
    pub fn error_type(&self) -> &'static str {
        match self {
            Self::Key { .. } => "invalid_key",
            Self::Lifetime => "invalid_lifetime",
            Self::TooLarge { .. } => "too_large",
            Self::Encode(_) => "encode",
            Self::Decode(_) => "decode",
            Self::Redis(error) => error.error_type(),
        }
    }

    /// What the server answered, as `db.response.status_code` has it: the first word of Redis's error.
    pub fn status_code(&self) -> Option<&str> {
        match self {
            Self::Redis(error) => error.code(),
            Self::Key { .. }
            | Self::Lifetime
            | Self::TooLarge { .. }
            | Self::Encode(_)
            | Self::Decode(_) => None,
        }
    }
}

/// The cache could not be opened, because of what is configured. Whether a server is there is not asked when opening.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL cannot be used.
    #[error("`cache.url` is {url}: {reason}")]
    Url {
        /// The URL without its password.
        url: RedactedUrl,
        /// What is wrong with it, and what would be right.
        reason: &'static str,
    },
    /// The file of certificates cannot be read.
    #[error("reading {}, which `cache.ca_file` names", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A file of certificates that holds none that can be used.
    #[error("{}, which `cache.ca_file` names, must hold certificates in PEM format", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
    },
}
