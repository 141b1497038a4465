//! The embedded engine: fjall on disk, with one writer.
//!
//! Whatever waits is written together and made durable by one fsync, which never runs on a thread of the async
//! runtime. Readers see only what is durable.

mod batch;
mod files;
mod tables;
mod writer;

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::de::DeserializeOwned;
use tokio::sync::{Semaphore, oneshot};

use super::{
    DocumentError, OpenError, Page,
    filter::{Assignments, Conditions},
};
use batch::{Command, Written};
use files::Files;
use tables::{Key, Stored, Tables};
use writer::Writer;

/// How much may wait to be written, in KiB: submitters wait for room beyond that, so that memory stays bounded.
const IN_FLIGHT_KIB: u32 = 64 * 1024;

/// Milliseconds since the Unix epoch, as the engine is told them.
type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// A handle of the engine. The files are closed when it is dropped and what was under way is written.
#[derive(Debug)]
pub(super) struct Embedded {
    files: Arc<Files>,
    writer: Writer,
    room: Semaphore,
}

impl Embedded {
    pub(super) async fn open(directory: &Path) -> Result<Self, OpenError> {
        Self::open_with_clock(directory, Arc::new(wall_clock_ms)).await
    }

    pub(super) async fn open_with_clock(directory: &Path, clock: Clock) -> Result<Self, OpenError> {
        let directory = directory.to_owned();
        let opening = tokio::task::spawn_blocking(move || {
            let tables = Tables::open(&directory)?;
            Ok::<_, OpenError>(Files::new(directory, tables, clock))
        });
        let files = Arc::new(opening.await.expect("opening does not panic")?);
        Ok(Self {
            writer: Writer::new(Arc::clone(&files)),
            files,
            room: Semaphore::new(IN_FLIGHT_KIB as usize),
        })
    }

    pub(super) fn check(&self) -> Result<(), DocumentError> {
        self.files.check()
    }

    pub(super) async fn close(&self) {
        let _ = self.submit(Command::Close, 0).await;
    }

    pub(super) async fn insert(
        &self,
        collection: &str,
        id: &str,
        body: Vec<u8>,
        lifetime: Option<Duration>,
    ) -> Result<(), DocumentError> {
        let (stored, bytes) = (self.stored(&body, lifetime), body.len());
        let key = Key::new(collection, id);
        self.submit(Command::Insert { key, stored }, bytes)
            .await
            .map(|_| ())
    }

    pub(super) async fn replace(
        &self,
        collection: &str,
        id: &str,
        body: Vec<u8>,
        lifetime: Option<Duration>,
    ) -> Result<(), DocumentError> {
        let (stored, bytes) = (self.stored(&body, lifetime), body.len());
        let key = Key::new(collection, id);
        self.submit(Command::Replace { key, stored }, bytes)
            .await
            .map(|_| ())
    }

    pub(super) async fn update<T: DeserializeOwned>(
        &self,
        collection: &str,
        id: &str,
        condition: Conditions,
        changes: Assignments,
    ) -> Result<Option<T>, DocumentError> {
        let command = Command::Update {
            key: Key::new(collection, id),
            condition,
            changes,
        };
        match self.submit(command, 0).await? {
            Written::Document(stored) => decode(collection, id, &stored).map(Some),
            Written::Nothing | Written::Done => Ok(None),
        }
    }

    pub(super) async fn delete(&self, collection: &str, id: &str) -> Result<bool, DocumentError> {
        let key = Key::new(collection, id);
        let written = self.submit(Command::Delete { key }, 0).await?;
        Ok(matches!(written, Written::Done))
    }

    /// Reads on the calling thread: a point read is a look into memory, or one block of a file that the system has
    /// most likely cached, and cheaper than handing it to another thread.
    pub(super) fn get<T: DeserializeOwned>(
        &self,
        collection: &str,
        id: &str,
    ) -> Result<Option<T>, DocumentError> {
        let stored = self
            .files
            .read(|tables| tables.get(&Key::new(collection, id)))?;
        match stored.filter(|stored| !stored.is_expired(self.files.now_ms())) {
            Some(stored) => decode(collection, id, &stored).map(Some),
            None => Ok(None),
        }
    }

    pub(super) async fn find<T: DeserializeOwned + Send + 'static>(
        &self,
        collection: &str,
        filter: Conditions,
        page: Page,
    ) -> Result<Vec<T>, DocumentError> {
        self.scan(collection, page.after, filter, move |collection, found| {
            found
                .take(page.limit)
                .map(|item| item.and_then(|(id, stored)| decode(collection, &id, &stored)))
                .collect()
        })
        .await
    }

    pub(super) async fn count(
        &self,
        collection: &str,
        filter: Conditions,
    ) -> Result<u64, DocumentError> {
        self.scan(collection, None, filter, |_, found| {
            let mut count = 0;
            for item in found {
                item?;
                count += 1;
            }
            Ok(count)
        })
        .await
    }

    /// Walks a collection, newest first, on a thread that may block.
    async fn scan<R: Send + 'static>(
        &self,
        collection: &str,
        after: Option<String>,
        filter: Conditions,
        consume: impl FnOnce(&str, &mut Found<'_>) -> Result<R, DocumentError> + Send + 'static,
    ) -> Result<R, DocumentError> {
        let (files, collection) = (Arc::clone(&self.files), collection.to_owned());
        let now_ms = files.now_ms();
        let walk = tokio::task::spawn_blocking(move || {
            let tables = files.tables()?;
            let mut found = tables
                .newest_first(&collection, after.as_deref())
                .map(|item| item.map_err(|error| files.storage_error(error)))
                .filter_map(|item| {
                    let met = item.and_then(|(id, stored)| {
                        let met = !stored.is_expired(now_ms)
                            && meets(&collection, &id, &stored, &filter)?;
                        Ok(met.then_some((id, stored)))
                    });
                    met.transpose()
                });
            consume(&collection, &mut found)
        });
        walk.await.expect("walking a collection does not panic")
    }

    fn stored(&self, body: &[u8], lifetime: Option<Duration>) -> Stored {
        let expires_at_ms =
            lifetime.map(|lifetime| self.files.now_ms().saturating_add(millis(lifetime)));
        Stored::new(expires_at_ms, body)
    }

    /// Hands a command of about `bytes` to the writer and waits until it is durable.
    async fn submit(&self, command: Command, bytes: usize) -> Result<Written, DocumentError> {
        let kib = u32::try_from(bytes / 1024 + 1).unwrap_or(IN_FLIGHT_KIB);
        let _room = self
            .room
            .acquire_many(kib.min(IN_FLIGHT_KIB))
            .await
            .expect("the semaphore is never closed");
        let (reply, outcome) = oneshot::channel();
        self.writer.submit(command, reply);
        outcome.await.map_err(|_| DocumentError::Closed)?
    }
}

impl Drop for Embedded {
    /// Has the writer close the files after what is under way, because that syncs them.
    fn drop(&mut self) {
        let (reply, _) = oneshot::channel();
        self.writer.submit(Command::Close, reply);
    }
}

#[cfg(test)]
impl Embedded {
    pub(super) async fn sweep(&self) -> Result<(), DocumentError> {
        self.submit(Command::Sweep, 0).await.map(|_| ())
    }

    /// How many documents and how many expiries the disk holds.
    pub(super) fn kept(&self) -> (usize, usize) {
        let counts = self
            .files
            .read(|tables| Ok((tables.documents.len()?, tables.expiries.len()?)));
        counts.expect("the files are open")
    }
}

type Found<'a> = dyn Iterator<Item = Result<(String, Stored), DocumentError>> + 'a;

fn meets(
    collection: &str,
    id: &str,
    stored: &Stored,
    filter: &Conditions,
) -> Result<bool, DocumentError> {
    filter
        .are_met_by_json(stored.body())
        .map_err(|source| undecodable(collection, id, source))
}

fn decode<T: DeserializeOwned>(
    collection: &str,
    id: &str,
    stored: &Stored,
) -> Result<T, DocumentError> {
    serde_json::from_slice(stored.body()).map_err(|source| undecodable(collection, id, source))
}

fn undecodable(collection: &str, id: &str, source: serde_json::Error) -> DocumentError {
    DocumentError::Decode {
        collection: collection.to_owned(),
        id: id.to_owned(),
        source,
    }
}

fn wall_clock_ms() -> u64 {
    millis(
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default(),
    )
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
