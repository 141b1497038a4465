//! The cache: JSON values by key, each gone after its time, in an engine that the configuration chooses.
//!
//! It holds what can be had again: an entry may be gone at any time. In the embedded engine nothing survives the process;
//! on Redis all processes share what is there.
//!
//! A cache that cannot be had is no reason to fail: whoever can do without treats an error like a miss, and the command's
//! span says what happened.

mod embedded;
mod error;
mod remote;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use opentelemetry::{KeyValue, trace::SpanKind};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    config::{CacheConfig, CacheUrl},
    telemetry::{DbCall, Scope, Span, SpanStart, keys},
};
use embedded::Embedded;
use remote::Redis;

pub use error::{CacheError, OpenError};
pub use remote::{RedisError, RedisSettings};

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
    Redis(Box<Redis>),
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

impl Cache {
    /// The cache that `config` names. No server is asked for yet; [`Cache::check`] does that.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(config: &CacheConfig) -> Result<Self, OpenError> {
        let shown = match config.show_keys {
            true => Shown::InSpans,
            false => Shown::Never,
        };
        let prefix = |prefix: &str| Keys {
            prefix: prefix.to_owned(),
            shown,
        };
        match &config.url {
            CacheUrl::Embedded => Ok(Self::embedded(config.max_bytes.as_u64(), prefix(""))),
            CacheUrl::Redis(url) => {
                let settings = RedisSettings {
                    url: url.clone(),
                    ca_file: config.ca_file.clone(),
                    connect_timeout: config.connect_timeout,
                    timeout: config.timeout,
                    max_value_bytes: config.max_value_bytes.as_u64(),
                };
                Self::redis(&settings, prefix(&config.key_prefix))
            }
        }
    }

    /// A cache on a Redis server, which is connected to when it is first used.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn redis(settings: &RedisSettings, keys: Keys) -> Result<Self, OpenError> {
        let engine = Engine::Redis(Box::new(Redis::new(settings)?));
        Ok(Self(Arc::new(Store { engine, keys })))
    }

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

    /// Whether the cache answers now, and lets us read.
    ///
    /// # Errors
    /// Why it does not; [`CacheError::is_transient`] tells what may pass from what somebody has to correct.
    pub async fn check(&self) -> Result<(), CacheError> {
        match &self.0.engine {
            Engine::Embedded(_) => Ok(()),
            // Like any other lookup, because a user may be allowed those and nothing else.
            Engine::Redis(engine) => {
                let key = [&self.0.keys.prefix, "check"].concat();
                engine.get(&key).await.map(|_| ())
            }
        }
    }
}

impl Engine {
    fn system(&self) -> &'static str {
        match self {
            // Not one of the conventions' names, which allow others: the engine that really does the work.
            Self::Embedded(_) => "moka",
            Self::Redis(_) => "redis",
        }
    }

    fn server(&self) -> Option<&Redis> {
        match self {
            Self::Embedded(_) => None,
            Self::Redis(engine) => Some(engine),
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
                Engine::Redis(engine) => engine.get(&key).await?,
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
                Engine::Redis(engine) => engine.set(&key, &value, lifetime).await,
            }
        };
        let result = work.await;
        command.finish(result)
    }

    /// Removes the value of `key`, and says whether there was one; where the connection to a server broke in between, it
    /// may say that there was none although there was.
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
                Engine::Redis(engine) => engine.delete(&key).await,
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
        let start = || {
            let text = match self.store.keys.shown {
                Shown::InSpans => Some(format!("{command} {key}{values}")),
                Shown::Never => None,
            };
            let (engine, server) = (&self.store.engine, self.store.engine.server());
            let namespace = server.map(|redis| redis.namespace().to_owned());
            SpanStart::new(SpanKind::Client, command)
                .with(KeyValue::new(keys::DB_SYSTEM_NAME, engine.system()))
                .with_some(keys::DB_NAMESPACE, namespace)
                .with(KeyValue::new(keys::DB_OPERATION_NAME, command))
                .with_some(keys::DB_QUERY_TEXT, text)
                .with_some(
                    keys::SERVER_ADDRESS,
                    server.map(|redis| Arc::clone(redis.host())),
                )
                .with_some(
                    keys::SERVER_PORT,
                    server.map(|redis| i64::from(redis.port())),
                )
        };
        Command {
            cache: self,
            name: command,
            span: self.scope.start_with(start),
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
            if let Some(code) = error.status_code() {
                let code = KeyValue::new(keys::DB_RESPONSE_STATUS_CODE, code.to_owned());
                self.span.set(code);
            }
            self.span.fail(error.error_type(), error);
        }
        let engine = &self.cache.store.engine;
        self.span.reached(engine.server().and_then(Redis::peer));
        let error = result.as_ref().err();
        let metrics = self.cache.scope.telemetry().metrics();
        metrics.database(DbCall {
            system: engine.system(),
            operation: self.name,
            collection: None,
            namespace: engine.server().map(Redis::namespace),
            server: engine.server().map(|redis| (&**redis.host(), redis.port())),
            status_code: error.and_then(CacheError::status_code),
            error_type: error.map(CacheError::error_type),
            duration: self.started.elapsed(),
            span: Some(&self.span),
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
