//! Changing a document without another's change in between, on a server that cannot do it itself.
//!
//! FerretDB 1 looks for a document and changes it one after the other, so that of two conditional updates both may find
//! their condition met. What it does keep is that an id is there once: who inserts a lock's document has the lock.

use std::{fmt, future::IntoFuture, time::Duration};

use mongodb::{
    Collection, Database,
    bson::{Document, doc},
    error::Error,
};
use uuid::Uuid;

use super::{Clock, body::ID, failure, later, query};
use crate::{backoff::Backoff, documents::names::EXPIRES_AT};

/// The collection of locks, beside those of documents; its name is none that a collection of documents can have.
const LOCKS: &str = "chimera.locks";

/// Who holds a lock: another name each time that it is taken.
const OWNER: &str = "owner";

/// How long is waited before a lock is tried again: a change takes some milliseconds.
const WAIT: Backoff = Backoff {
    base: Duration::from_millis(4),
    max: Duration::from_millis(64),
};

/// Locks of documents, where the server needs them.
pub(super) struct Exclusion(Option<Locks>);

struct Locks {
    collection: Collection<Document>,
    /// After that the lock of a process that died is another's.
    lease: Duration,
    clock: Clock,
}

#[cfg(test)]
#[cfg(feature = "servers")]
impl Exclusion {
    /// Locks on a server that does not need them.
    pub(super) fn with_locks(database: &Database, lease: Duration, clock: Clock) -> Self {
        Self(Some(Locks {
            collection: database.collection(LOCKS),
            lease,
            clock,
        }))
    }
}

impl Exclusion {
    /// What the server at `database` needs. `lease` is longer than any operation takes.
    pub(super) async fn for_server(
        database: &Database,
        prefix: &str,
        lease: Duration,
        clock: &Clock,
    ) -> Result<Self, Error> {
        let built = database.run_command(doc! { "buildInfo": 1 }).await?;
        // FerretDB 2 has atomic updates, and tells its version elsewhere.
        if !built.contains_key("ferretdbVersion") {
            return Ok(Self(None));
        }
        tracing::info!(
            "FerretDB 1 does not change documents atomically: a lock is taken for each update"
        );
        Ok(Self(Some(Locks {
            collection: database.collection(&format!("{prefix}{LOCKS}")),
            lease,
            clock: clock.clone(),
        })))
    }

    /// Carries out `change` of a document while nobody else changes it.
    ///
    /// # Cancel safety
    /// When it is dropped the lock may stay until its lease is over.
    pub(super) async fn around<T>(
        &self,
        collection: &str,
        id: &str,
        change: impl IntoFuture<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let Some(locks) = &self.0 else {
            return change.await;
        };
        let lock = format!("{collection}/{id}");
        let owner = locks.acquire(&lock).await?;
        let changed = change.await;
        locks.release(&lock, &owner).await;
        changed
    }
}

impl Locks {
    /// Waits for the lock, and returns the name under which it is held.
    async fn acquire(&self, lock: &str) -> Result<String, Error> {
        let owner = Uuid::now_v7().to_string();
        let mut attempt = 1;
        loop {
            let now = (self.clock)();
            let held = doc! { ID: lock, OWNER: &owner, EXPIRES_AT: later(now, self.lease) };
            match self.collection.insert_one(held).await {
                Ok(_) => return Ok(owner),
                Err(error) if failure::is_duplicate(&error) => {}
                Err(error) => return Err(error),
            }
            let abandoned = query::expired_one(lock, now);
            if self.collection.delete_one(abandoned).await?.deleted_count == 0 {
                tokio::time::sleep(WAIT.after(attempt)).await;
                attempt += 1;
            }
        }
    }

    /// What cannot be released now is when its lease is over; the change is made all the same. A lock that another has
    /// taken over since, because the lease was over, stays that one's.
    async fn release(&self, lock: &str, owner: &str) {
        let ours = doc! { ID: lock, OWNER: owner };
        let _ = self.collection.delete_one(ours).await;
    }
}

impl fmt::Debug for Exclusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Some(_) => "Exclusion(locks)",
            None => "Exclusion(none)",
        })
    }
}
