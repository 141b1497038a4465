//! What is on disk: documents by collection and id, and the ids of those that expire by when they do.

use std::{io, path::Path, sync::Arc};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, LsmError, Slice};

use super::super::OpenError;

/// Small, because the data is: an agent's idle memory counts, and less journal is read at the next start.
const MEMTABLE_BYTES: u64 = 16 * 1024 * 1024;
const CACHE_BYTES: u64 = 16 * 1024 * 1024;

/// The open files.
pub(super) struct Tables {
    pub(super) database: Database,
    pub(super) documents: Keyspace,
    /// Keys are the moment, eight bytes big-endian, and the document's key; values are empty.
    pub(super) expiries: Keyspace,
}

impl Tables {
    pub(super) fn open(directory: &Path) -> Result<Self, OpenError> {
        Self::try_open(directory).map_err(|error| match error {
            fjall::Error::Locked => OpenError::Locked {
                directory: directory.to_owned(),
            },
            error => OpenError::Storage {
                directory: directory.to_owned(),
                source: Arc::new(into_io(error)),
            },
        })
    }

    pub(super) fn try_open(directory: &Path) -> fjall::Result<Self> {
        std::fs::create_dir_all(directory)?;
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
            documents: database.keyspace("documents", options)?,
            expiries: database.keyspace("expiries", options)?,
            database,
        })
    }

    pub(super) fn get(&self, key: &Key) -> fjall::Result<Option<Stored>> {
        Ok(self.documents.get(&key.0)?.map(Stored))
    }

    /// The documents of a collection by descending id, beginning after the one with id `after`.
    pub(super) fn newest_first(
        &self,
        collection: &str,
        after: Option<&str>,
    ) -> impl Iterator<Item = fjall::Result<(String, Stored)>> {
        let first = Key::new(collection, "").0;
        let prefix_bytes = first.len();
        let end = match after {
            Some(id) => Key::new(collection, id).0,
            // The byte after the separator: greater than every key of the collection.
            None => [collection.as_bytes(), &[SEPARATOR + 1]].concat(),
        };
        let range = if first < end {
            first..end
        } else {
            first.clone()..first
        };
        self.documents.range(range).rev().map(move |entry| {
            let (key, value) = entry.into_inner()?;
            let id = String::from_utf8_lossy(&key[prefix_bytes..]).into_owned();
            Ok((id, Stored(value)))
        })
    }

    /// Up to `limit` keys of documents whose time was up by `now_ms`.
    pub(super) fn expired(&self, now_ms: u64, limit: usize) -> fjall::Result<Vec<(u64, Key)>> {
        self.expiries
            .range(..now_ms.saturating_add(1).to_be_bytes())
            .take(limit)
            .map(|entry| {
                let key = entry.key()?;
                let (moment, document) = key.split_at(size_of::<u64>());
                let moment_ms = u64::from_be_bytes(moment.try_into().expect("it has eight bytes"));
                Ok((moment_ms, Key(document.to_vec())))
            })
            .collect()
    }
}

impl std::fmt::Debug for Tables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tables").finish_non_exhaustive()
    }
}

const SEPARATOR: u8 = 0;

/// Where a document is: its collection, a zero byte that names cannot contain, and its id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key(Vec<u8>);

impl Key {
    pub(super) fn new(collection: &str, id: &str) -> Self {
        Self([collection.as_bytes(), &[SEPARATOR], id.as_bytes()].concat())
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn collection(&self) -> String {
        let name = self.0.split(|byte| *byte == SEPARATOR).next();
        String::from_utf8_lossy(name.unwrap_or_default()).into_owned()
    }

    pub(super) fn id(&self) -> String {
        let id = self.0.splitn(2, |byte| *byte == SEPARATOR).nth(1);
        String::from_utf8_lossy(id.unwrap_or_default()).into_owned()
    }

    /// The key under which a document that expires then is found.
    pub(super) fn expiry(&self, expires_at_ms: u64) -> Vec<u8> {
        [&expires_at_ms.to_be_bytes(), self.bytes()].concat()
    }
}

/// A document as it is stored: when it expires, eight bytes big-endian with all ones for never, and its JSON.
#[derive(Debug, Clone)]
pub(super) struct Stored(Slice);

impl Stored {
    pub(super) fn new(expires_at_ms: Option<u64>, body: &[u8]) -> Self {
        let expires_at_ms = expires_at_ms.unwrap_or(u64::MAX).to_be_bytes();
        Self(Slice::from([&expires_at_ms, body].concat()))
    }

    pub(super) fn expires_at_ms(&self) -> Option<u64> {
        let moment = self.0.first_chunk().copied().map(u64::from_be_bytes);
        moment.filter(|moment| *moment != u64::MAX)
    }

    pub(super) fn is_expired(&self, now_ms: u64) -> bool {
        self.expires_at_ms().is_some_and(|moment| moment <= now_ms)
    }

    pub(super) fn body(&self) -> &[u8] {
        self.0.get(size_of::<u64>()..).unwrap_or_default()
    }

    pub(super) fn slice(&self) -> Slice {
        self.0.clone()
    }
}

/// The disk's own words where it had any.
pub(super) fn into_io(error: fjall::Error) -> io::Error {
    match error {
        fjall::Error::Io(error) | fjall::Error::Storage(LsmError::Io(error)) => error,
        error => io::Error::other(error),
    }
}
