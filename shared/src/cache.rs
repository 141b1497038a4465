//! The cache: JSON values by key, each gone after its time, in an engine that the configuration chooses.
//!
//! It holds what can be had again: an entry may be gone at any time, and nothing in it survives the process.

mod embedded;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use opentelemetry::{KeyValue, trace::SpanKind};
use serde::{Serialize, de::DeserializeOwned};

use crate::telemetry::{DbCall, Scope, Span, SpanStart, keys};
use embedded::Embedded;

const MAX_KEY_BYTES: usize = 1_024;

/// A cache, opened once per process. A cheap clone.
#[derive(Debug, Clone)]
pub struct Cache(Arc<Store>);

#[derive(Debug)]
struct Store {
    engine: Engine,
    keys: Keys,
}

#[derive(Debug)]
enum Engine {
    Embedded(Embedded),
}

/// How keys are written and whether they are shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys {
    /// What every key begins with, so that several systems can share a server. Empty by default.
    pub prefix: String,
    /// Whether spans show keys. They do not by default: a key may hold what a person asked.
    pub shown: Shown,
}

/// Whether spans show something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Shown {
    /// They do not.
    #[default]
    Never,
    /// They do, in `db.query.text`.
    InSpans,
}

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
    /// The value is larger than the whole cache may become.
    #[error("a value of {bytes} bytes does not fit a cache of {limit} bytes: raise its limit")]
    TooLarge {
        /// The size of key and value.
        bytes: usize,
        /// The size of the cache.
        limit: u64,
    },
    /// The value cannot be written as JSON.
    #[error("writing a value for the cache as JSON")]
    Encode(#[source] serde_json::Error),
    /// What is cached is not what was asked for.
    #[error("reading a cached value")]
    Decode(#[source] serde_json::Error),
}

impl CacheError {
    /// Whether the same operation may go well later.
    pub fn is_transient(&self) -> bool {
        match self {
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
        }
    }
}

impl Cache {
    /// A cache in this process of at most `max_bytes`, keys and values together. What is used least makes room.
    pub fn embedded(max_bytes: u64, keys: Keys) -> Self {
        let engine = Engine::Embedded(Embedded::new(max_bytes));
        Self(Arc::new(Store { engine, keys }))
    }

    /// The cache as it is used under `scope`: its spans are children of the scope's.
    pub fn scoped(&self, scope: &Scope) -> ScopedCache {
        ScopedCache {
            store: Arc::clone(&self.0),
            scope: scope.clone(),
        }
    }

    /// The engine's name as `db.system.name` has it.
    pub fn system(&self) -> &'static str {
        self.0.engine.system()
    }

    /// Whether the cache answers now.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn check(&self) -> Result<(), CacheError> {
        match &self.0.engine {
            Engine::Embedded(_) => Ok(()),
        }
    }
}

impl Engine {
    fn system(&self) -> &'static str {
        match self {
            // Not one of the conventions' names, which allow others: the engine that really does the work.
            Self::Embedded(_) => "moka",
        }
    }
}

/// A cache under a span. A cheap clone.
#[derive(Debug, Clone)]
pub struct ScopedCache {
    store: Arc<Store>,
    scope: Scope,
}

impl ScopedCache {
    /// The engine's name as `db.system.name` has it.
    pub fn system(&self) -> &'static str {
        self.store.engine.system()
    }

    /// The value that was set for `key`; `None` when there is none or its time is up.
    ///
    /// # Errors
    /// [`CacheError::Decode`] when it is not a `T`; see [`CacheError`] for the others.
    pub async fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, CacheError> {
        let key = self.key(key);
        let command = self.start("GET", &key, "");
        let work = async {
            check_key(&key)?;
            let found = match &self.store.engine {
                Engine::Embedded(engine) => engine.get(&key),
            };
            command
                .span
                .set(KeyValue::new(keys::CHIMERA_CACHE_HIT, found.is_some()));
            let value = found.map(|found| serde_json::from_slice(&found));
            value.transpose().map_err(CacheError::Decode)
        };
        let result = work.await;
        command.finish(result)
    }

    /// Sets the value of `key` for `lifetime`, in place of the one it has.
    ///
    /// # Errors
    /// See [`CacheError`].
    pub async fn set<T: Serialize>(
        &self,
        key: &str,
        value: T,
        lifetime: Duration,
    ) -> Result<(), CacheError> {
        let key = self.key(key);
        let command = self.start("SET", &key, " ?");
        let work = async {
            check_key(&key)?;
            let value = serde_json::to_vec(&value).map_err(CacheError::Encode)?;
            if lifetime < Duration::from_millis(1) {
                return Err(CacheError::Lifetime);
            }
            match &self.store.engine {
                Engine::Embedded(engine) => engine.set(key, value.into(), lifetime),
            }
        };
        let result = work.await;
        command.finish(result)
    }

    /// Removes the value of `key`, and says whether there was one.
    ///
    /// # Errors
    /// See [`CacheError`].
    pub async fn delete(&self, key: &str) -> Result<bool, CacheError> {
        let key = self.key(key);
        let command = self.start("DEL", &key, "");
        let work = async {
            check_key(&key)?;
            match &self.store.engine {
                Engine::Embedded(engine) => Ok(engine.delete(&key)),
            }
        };
        let result = work.await;
        command.finish(result)
    }

    fn key(&self, key: &str) -> String {
        [&self.store.keys.prefix, key].concat()
    }

    /// Opens the span of `command`; `values` stands for what follows the key.
    fn start(&self, command: &'static str, key: &str, values: &str) -> Command<'_> {
        let text = match self.store.keys.shown {
            Shown::InSpans => Some(format!("{command} {key}{values}")),
            Shown::Never => None,
        };
        let start = SpanStart::new(SpanKind::Client, command)
            .with(KeyValue::new(
                keys::DB_SYSTEM_NAME,
                self.store.engine.system(),
            ))
            .with(KeyValue::new(keys::DB_OPERATION_NAME, command))
            .with_some(keys::DB_QUERY_TEXT, text);
        Command {
            cache: self,
            name: command,
            span: self.scope.start(start),
            started: Instant::now(),
        }
    }
}

/// A command under way.
struct Command<'a> {
    cache: &'a ScopedCache,
    name: &'static str,
    span: Span,
    started: Instant,
}

impl Command<'_> {
    /// Records how it ended.
    fn finish<T>(self, result: Result<T, CacheError>) -> Result<T, CacheError> {
        if let Err(error) = &result {
            self.span.fail(error.error_type(), error);
        }
        let metrics = self.cache.scope.telemetry().metrics();
        metrics.database(DbCall {
            system: self.cache.store.engine.system(),
            operation: self.name,
            collection: None,
            namespace: None,
            server: None,
            status_code: None,
            error_type: result.as_ref().err().map(CacheError::error_type),
            duration: self.started.elapsed(),
        });
        result
    }
}

fn check_key(key: &str) -> Result<(), CacheError> {
    match key.len() {
        1..=MAX_KEY_BYTES => Ok(()),
        bytes => Err(CacheError::Key { bytes }),
    }
}

#[cfg(test)]
mod tests;
