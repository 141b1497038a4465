//! Which servers a stack runs on.

use std::sync::OnceLock;

use anyhow::{Context as _, Result};
use chimera_servers::{MongoDb, RabbitMq, Redis};
use chimera_shared::config::{BusUrl, CacheUrl, Config, DocumentsUrl, RedactedUrl};
use tokio::task::spawn_blocking;
use uuid::Uuid;

use crate::gate::ServerGate;

/// Which servers a stack runs on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Backends {
    /// None: bus and stores are embedded, and all agents run in the process of the test.
    #[default]
    Embedded,
    /// RabbitMQ, a server of MongoDB's protocol, and Redis. The agents of the application are processes of their own;
    /// those that only the test has run in its process, on the same bus.
    Servers,
}

impl Backends {
    /// What `db.system.name` says of the cache.
    pub fn cache_system(self) -> &'static str {
        match self {
            Self::Embedded => "moka",
            Self::Servers => "redis",
        }
    }
}

/// The servers of a stack, and what is its own on them.
#[derive(Debug, Clone)]
pub struct Servers {
    /// The broker's URL with a virtual host.
    pub bus: String,
    /// The document store's URL.
    pub documents: String,
    /// The cache's URL.
    pub cache: String,
    /// The name of the database, and what keys of the cache begin with.
    name: String,
}

impl Servers {
    /// Something fresh on servers that the tests of a program share: a virtual host, a database, a prefix of keys.
    ///
    /// # Errors
    /// When a server cannot be had.
    pub async fn fresh() -> Result<Self> {
        let fresh = || Self::on(&broker().new_vhost());
        Ok(spawn_blocking(fresh).await?)
    }

    /// The same with a virtual host of the test's own.
    pub fn on(bus: &str) -> Self {
        Self {
            bus: bus.to_owned(),
            documents: MongoDb::shared().url(),
            cache: Redis::shared().url(),
            name: format!("e2e_{}", Uuid::now_v7().simple()),
        }
    }

    /// The URL of the stack's documents with a gate before it, for those who say `word` to it.
    ///
    /// # Errors
    /// When no address can be had.
    pub async fn documents_through(&self, word: &'static [u8]) -> Result<(String, ServerGate)> {
        let host = self
            .documents
            .split(['/', '@', '?'])
            .find(|part| part.contains(':') && part.parse::<std::net::SocketAddr>().is_ok());
        let host = host.context("the server is not one of this machine, by its address")?;
        let gate = ServerGate::closed(host.parse()?, word).await?;
        let through = self
            .documents
            .replacen(host, &gate.address().to_string(), 1);
        Ok((with_database(&through, &self.name), gate))
    }

    /// Has `config` name them.
    ///
    /// # Errors
    /// When one of the URLs is none.
    pub fn write_into(&self, config: &mut Config) -> Result<()> {
        config.bus.url = BusUrl::Amqp(RedactedUrl::parse(&self.bus, &["amqp", "amqps"])?);
        config.documents.url = documents(&with_database(&self.documents, &self.name))?;
        config.cache.url = CacheUrl::Redis(RedactedUrl::parse(&self.cache, &["redis", "rediss"])?);
        config.cache.key_prefix = format!("{}:", self.name);
        Ok(())
    }
}

/// The setting that names the document store at `url`.
///
/// # Errors
/// When it is no URL of one.
pub fn documents(url: &str) -> Result<DocumentsUrl> {
    let url = RedactedUrl::parse(url, &["mongodb"])?;
    Ok(DocumentsUrl::Mongodb(url))
}

/// `mongodb://host/name?options`, whatever database `url` names.
fn with_database(url: &str, name: &str) -> String {
    let (server, options) = url
        .split_once('?')
        .map_or((url, String::new()), |(server, options)| {
            (server, format!("?{options}"))
        });
    let path = server
        .find("://")
        .and_then(|at| server[at + 3..].find('/').map(|path| at + 3 + path));
    let server = path.map_or(server, |path| &server[..path]);
    format!("{server}/{name}{options}")
}

/// The broker of all stacks that need none of their own. Somebody else's would not do: each stack has a virtual host.
fn broker() -> &'static RabbitMq {
    static BROKER: OnceLock<RabbitMq> = OnceLock::new();
    BROKER.get_or_init(RabbitMq::start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stack_has_a_database_of_its_own() {
        let check = |url, expected: &str| assert_eq!(with_database(url, "own"), expected);
        check("mongodb://127.0.0.1:1", "mongodb://127.0.0.1:1/own");
        check(
            "mongodb://a:b@h,i/theirs?tls=true",
            "mongodb://a:b@h,i/own?tls=true",
        );
        check("mongodb://h?tls=true", "mongodb://h/own?tls=true");
    }
}
