//! In which minutes the spans of a trace began: that is where their bodies are.

use std::{
    hash::{BuildHasher as _, RandomState},
    iter,
    sync::{
        PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use fjall::{Keyspace, OwnedWriteBatch};
use opentelemetry::TraceId;

use super::{
    Engine,
    key::{BODY_PREFIX_LEN, Entry, PLACE_KEY_LEN, bodies_at},
};

/// As many places are remembered as traces are under way in a busy process.
const REMEMBERED: usize = 1_024;

/// trace id, minute -> nothing.
pub(super) struct Places {
    keyspace: Keyspace,
    /// Hashes of places that are written down already, each where its hash says; most spans follow others of their trace.
    /// That two places of a store have one hash of 64 bits is less likely than that its disk fails.
    remembered: Box<[AtomicU64]>,
    hasher: RandomState,
    /// Whoever writes a body reads it: a place that is taken for written must not be removed meanwhile.
    removing: RwLock<()>,
}

impl Places {
    pub(super) fn new(keyspace: Keyspace) -> Self {
        let empty = || AtomicU64::new(0);
        Self {
            keyspace,
            remembered: iter::repeat_with(empty).take(REMEMBERED).collect(),
            hasher: RandomState::new(),
            removing: RwLock::new(()),
        }
    }

    /// To be held from [`Places::note`] until the batch is committed.
    pub(super) fn kept(&self) -> RwLockReadGuard<'_, ()> {
        self.removing.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the place of a body to the batch that has the body, unless it is written down already. What is to be
    /// [remembered](Places::remember) once the batch is committed is returned.
    pub(super) fn note(&self, batch: &mut OwnedWriteBatch, entry: &Entry) -> Option<u64> {
        let key = entry.place_key();
        let hash = self.hasher.hash_one(key);
        if self.slot(hash).load(Relaxed) == hash {
            return None;
        }
        batch.insert(&self.keyspace, key, []);
        Some(hash)
    }

    /// The place with this hash is written down.
    pub(super) fn remember(&self, hash: u64) {
        self.slot(hash).store(hash, Relaxed);
    }

    fn slot(&self, hash: u64) -> &AtomicU64 {
        &self.remembered[hash as usize % REMEMBERED]
    }

    /// Where the bodies of a trace begin, in the order of time.
    pub(super) fn of(
        &self,
        trace_id: TraceId,
    ) -> impl Iterator<Item = Result<[u8; BODY_PREFIX_LEN], fjall::Error>> {
        let places = self.keyspace.prefix(trace_id.to_bytes());
        places.filter_map(|guard| guard.key().map(|key| bodies_at(&key)).transpose())
    }

    pub(super) fn size_bytes(&self) -> u64 {
        self.keyspace.disk_space()
    }

    pub(super) fn keyspace(&self) -> &Keyspace {
        &self.keyspace
    }
}

impl Engine {
    /// Removes those of `places` where no body is left.
    pub(super) fn remove_places(
        &self,
        places: Vec<[u8; PLACE_KEY_LEN]>,
    ) -> Result<(), fjall::Error> {
        let Places {
            keyspace,
            remembered,
            removing,
            ..
        } = &self.places;
        let _removing = removing.write().unwrap_or_else(PoisonError::into_inner);
        let mut batch = self.database.batch();
        for place in places {
            let prefix = bodies_at(&place).expect("it has a place's length");
            if self.bodies.prefix(prefix).next().is_none() {
                batch.remove(keyspace, place);
            }
        }
        for slot in remembered {
            slot.store(0, Relaxed);
        }
        batch.commit()
    }
}
