//! The engine on a Redis server.

mod address;
mod connection;
mod error;
mod resolver;

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;
use redis::Cmd;

use super::{CacheError, OpenError};
use crate::config::RedactedUrl;
use address::Address;
use connection::Connection;

pub use error::RedisError;

/// A century: Redis adds lifetimes to its clock, and refuses sums that it cannot write down.
const LONG: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Where Redis is and how it is treated.
#[derive(Debug, Clone)]
pub struct RedisSettings {
    /// `redis(s)://user:password@host:port/database`.
    pub url: RedactedUrl,
    /// A file with the certificates, in PEM format, of who signs for Redis; the system's where there is none.
    pub ca_file: Option<PathBuf>,
    /// How long connecting may take, until Redis has let us in.
    pub connect_timeout: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
    /// The most bytes that a value may have as JSON.
    pub max_value_bytes: u64,
}

#[derive(Debug)]
pub(super) struct Redis {
    connection: Connection,
    namespace: String,
    max_value_bytes: u64,
}

impl Redis {
    pub(super) fn new(settings: &RedisSettings) -> Result<Self, OpenError> {
        let address = Address::new(settings)?;
        Ok(Self {
            namespace: address.database.to_string(),
            connection: Connection::new(address, settings.connect_timeout, settings.timeout),
            max_value_bytes: settings.max_value_bytes,
        })
    }

    /// The number of the database.
    pub(super) fn namespace(&self) -> &str {
        &self.namespace
    }

    pub(super) fn host(&self) -> &Arc<str> {
        &self.connection.address.host
    }

    pub(super) fn port(&self) -> u16 {
        self.connection.address.port
    }

    /// Who is at the other end of the connection, where that is known.
    pub(super) fn peer(&self) -> Option<SocketAddr> {
        self.connection.peer()
    }

    pub(super) async fn get(&self, key: &str) -> Result<Option<Bytes>, CacheError> {
        let mut get = Cmd::new();
        get.arg("GET").arg(key);
        let found: Option<Vec<u8>> = self.connection.ask("GET", &get).await?;
        Ok(found.map(Bytes::from))
    }

    pub(super) async fn set(
        &self,
        key: &str,
        value: &[u8],
        lifetime: Duration,
    ) -> Result<(), CacheError> {
        if value.len() as u64 > self.max_value_bytes {
            return Err(CacheError::TooLarge {
                bytes: value.len(),
                limit: self.max_value_bytes,
                setting: "cache.max_value_bytes",
            });
        }
        let millis = u64::try_from(lifetime.min(LONG).as_millis()).unwrap_or(u64::MAX);
        let mut set = Cmd::new();
        set.arg("SET").arg(key).arg(value).arg("PX").arg(millis);
        Ok(self.connection.ask("SET", &set).await?)
    }

    pub(super) async fn delete(&self, key: &str) -> Result<bool, CacheError> {
        let mut delete = Cmd::new();
        delete.arg("DEL").arg(key);
        let removed: u64 = self.connection.ask("DEL", &delete).await?;
        Ok(removed > 0)
    }
}
