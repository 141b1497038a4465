//! Commands that are carried out together: all of them durable, or none.

use std::collections::HashMap;

use fjall::PersistMode;
use serde_json::{Map, Value};
use tokio::sync::oneshot;

use super::super::{
    DocumentError, check_size,
    filter::{Assignments, Conditions},
};
use super::{
    files::Files,
    tables::{Key, Stored, Tables},
    undecodable,
};

/// What the writer is asked to do.
#[derive(Debug)]
pub(super) enum Command {
    Insert {
        key: Key,
        stored: Stored,
    },
    Replace {
        key: Key,
        stored: Stored,
    },
    Update {
        key: Key,
        condition: Conditions,
        changes: Assignments,
    },
    Delete {
        key: Key,
    },
    /// Removes documents whose time is up.
    Sweep,
    Close,
}

/// What a command came to.
#[derive(Debug)]
pub(super) enum Written {
    Done,
    /// There was nothing to change, or it did not meet the condition.
    Nothing,
    Document(Stored),
}

pub(super) type Reply = oneshot::Sender<Result<Written, DocumentError>>;

/// How many documents one sweep removes, so that it delays nobody for long.
const SWEPT_AT_ONCE: usize = 1_000;

/// Commands carried out in memory and not yet on disk. Each sees what those before it did.
pub(super) struct Batch<'a> {
    files: &'a Files,
    tables: &'a Tables,
    now_ms: u64,
    changed: HashMap<Key, Change>,
    stale_expiries: Vec<Vec<u8>>,
}

struct Change {
    before: Option<Stored>,
    after: Option<Stored>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(files: &'a Files, tables: &'a Tables) -> Self {
        Self {
            files,
            tables,
            now_ms: files.now_ms(),
            changed: HashMap::new(),
            stale_expiries: Vec::new(),
        }
    }

    pub(super) fn apply(&mut self, command: Command) -> Result<Written, DocumentError> {
        match command {
            Command::Insert { key, stored } => self.insert(key, stored),
            Command::Replace { key, stored } => self.put(key, Some(stored)),
            Command::Update {
                key,
                condition,
                changes,
            } => self.update(key, &condition, changes),
            Command::Delete { key } => match self.current(&key)? {
                Some(_) => self.put(key, None),
                None => Ok(Written::Nothing),
            },
            Command::Sweep => self.sweep(),
            Command::Close => Ok(Written::Done),
        }
    }

    /// Makes it all durable.
    ///
    /// What is committed is each document's last state: the engine orders the entries of one batch by key only.
    pub(super) fn commit(self) -> fjall::Result<()> {
        let mut batch = self
            .tables
            .database
            .batch()
            .durability(Some(PersistMode::SyncData));
        for (key, Change { before, after }) in self.changed {
            let expiry = |stored: &Option<Stored>| stored.as_ref().and_then(Stored::expires_at_ms);
            let (old, new) = (expiry(&before), expiry(&after));
            if let Some(old) = old.filter(|_| old != new) {
                batch.remove(&self.tables.expiries, key.expiry(old));
            }
            if let Some(new) = new.filter(|_| old != new) {
                batch.insert(&self.tables.expiries, key.expiry(new), []);
            }
            match after {
                Some(stored) => {
                    batch.insert(&self.tables.documents, key.bytes(), stored.slice());
                }
                None => batch.remove(&self.tables.documents, key.bytes()),
            }
        }
        for expiry in self.stale_expiries {
            batch.remove(&self.tables.expiries, expiry);
        }
        batch.commit()
    }

    fn insert(&mut self, key: Key, stored: Stored) -> Result<Written, DocumentError> {
        match self.current(&key)? {
            Some(_) => Err(DocumentError::Duplicate {
                collection: key.collection(),
            }),
            None => self.put(key, Some(stored)),
        }
    }

    fn update(
        &mut self,
        key: Key,
        condition: &Conditions,
        changes: Assignments,
    ) -> Result<Written, DocumentError> {
        let Some(current) = self.current(&key)? else {
            return Ok(Written::Nothing);
        };
        let undecodable = |source| undecodable(&key.collection(), &key.id(), source);
        let mut document: Map<String, Value> =
            serde_json::from_slice(current.body()).map_err(undecodable)?;
        if !condition.are_met_by(&document) {
            return Ok(Written::Nothing);
        }
        changes.apply_to(&mut document);
        let body = serde_json::to_vec(&document).map_err(undecodable)?;
        check_size(&key.collection(), &body)?;
        let stored = Stored::new(current.expires_at_ms(), &body);
        self.put(key, Some(stored.clone()))?;
        Ok(Written::Document(stored))
    }

    fn sweep(&mut self) -> Result<Written, DocumentError> {
        let expired = self
            .tables
            .expired(self.now_ms, SWEPT_AT_ONCE)
            .map_err(|error| self.files.storage_error(error))?;
        for (moment_ms, key) in expired {
            // A document of this batch may have got another lease in the meantime.
            match self.stored(&key)? {
                Some(stored) if stored.is_expired(self.now_ms) => {
                    self.put(key, None)?;
                }
                _ => self.stale_expiries.push(key.expiry(moment_ms)),
            }
        }
        Ok(Written::Done)
    }

    fn put(&mut self, key: Key, after: Option<Stored>) -> Result<Written, DocumentError> {
        match self.changed.get_mut(&key) {
            Some(change) => change.after = after,
            None => {
                let before = self.stored(&key)?;
                self.changed.insert(key, Change { before, after });
            }
        }
        Ok(Written::Done)
    }

    fn current(&self, key: &Key) -> Result<Option<Stored>, DocumentError> {
        let stored = self.stored(key)?;
        Ok(stored.filter(|stored| !stored.is_expired(self.now_ms)))
    }

    fn stored(&self, key: &Key) -> Result<Option<Stored>, DocumentError> {
        match self.changed.get(key) {
            Some(change) => Ok(change.after.clone()),
            None => self
                .tables
                .get(key)
                .map_err(|error| self.files.storage_error(error)),
        }
    }
}
