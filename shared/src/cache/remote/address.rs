//! Where Redis is, and who asks: read from the settings, before anything is opened.

use std::{fs, path::Path, sync::Arc};

use redis::{
    Client, ConnectionAddr, IntoConnectionInfo as _, RedisConnectionInfo, TlsCertificates,
    io::tcp::TcpSettings,
};

use super::RedisSettings;
use crate::{cache::OpenError, config::Secret, tls::install_crypto_provider};

/// Where Redis is, and who asks.
#[derive(Debug)]
pub(super) struct Address {
    /// Opens connections, and nothing more: who asks is said by ourselves, because the client keeps the server's answer
    /// to that for itself.
    pub(super) client: Client,
    pub(super) login: Option<Login>,
    pub(super) database: i64,
    pub(super) host: Arc<str>,
    pub(super) port: u16,
    /// Host and port, for people.
    pub(super) server: Arc<str>,
}

#[derive(Debug)]
pub(super) struct Login {
    pub(super) user: Option<String>,
    pub(super) password: Secret,
}

impl Address {
    pub(super) fn new(settings: &RedisSettings) -> Result<Self, OpenError> {
        let refused = |reason| OpenError::Url {
            url: settings.url.clone(),
            reason,
        };
        let text = settings.url.expose();
        if text.contains(['?', '#']) {
            return Err(refused(
                "it must be redis(s)://user:password@host:port/database, with nothing behind",
            ));
        }
        if settings.url.hosts().len() != 1 {
            return Err(refused("it must name one host"));
        }
        // What the client has against it is the number of the database, or a password that is no text.
        let info = text.into_connection_info().map_err(|_| {
            refused("user and password must be percent-encoded UTF-8, and the database a number")
        })?;
        let (host, port) = match info.addr() {
            ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
                (Arc::from(host.as_str()), *port)
            }
            _ => return Err(refused("it must name a host")),
        };
        let who = info.redis_settings();
        let login = login(who);
        let database = who.db();
        let plain = RedisConnectionInfo::default().set_skip_set_lib_name();
        // Commands of several follow each other on one connection: none is held back for the answer to another.
        let at_once = TcpSettings::default().set_nodelay(true);
        let info = info.set_redis_settings(plain).set_tcp_settings(at_once);
        let client = client(settings, info)?;
        Ok(Self {
            client,
            login,
            database,
            server: shown(&host, port),
            host,
            port,
        })
    }
}

fn login(who: &RedisConnectionInfo) -> Option<Login> {
    let password = who.password()?;
    Some(Login {
        user: who.username().map(str::to_owned),
        password: Secret::new(password),
    })
}

fn client(settings: &RedisSettings, info: redis::ConnectionInfo) -> Result<Client, OpenError> {
    let unusable = |reason| OpenError::Url {
        url: settings.url.clone(),
        reason,
    };
    let is_tls = matches!(info.addr(), ConnectionAddr::TcpTls { .. });
    let client = match &settings.ca_file {
        Some(_) if !is_tls => {
            return Err(unusable(
                "it must begin with `rediss://` where `cache.ca_file` is set",
            ));
        }
        Some(path) => {
            let certificates = TlsCertificates {
                client_tls: None,
                root_cert: Some(certificates(path)?),
            };
            Client::build_with_tls(info, certificates)
                .map_err(|_| OpenError::Certificates { path: path.clone() })?
        }
        None => Client::open(info).map_err(|_| unusable("it cannot be used"))?,
    };
    if is_tls {
        install_crypto_provider();
    }
    Ok(client)
}

fn certificates(path: &Path) -> Result<Vec<u8>, OpenError> {
    let text = fs::read_to_string(path).map_err(|source| OpenError::File {
        path: path.to_owned(),
        source,
    })?;
    // The client takes a file without any for one that trusts nobody.
    if !text.contains("-----BEGIN CERTIFICATE-----") {
        return Err(OpenError::Certificates {
            path: path.to_owned(),
        });
    }
    Ok(text.into_bytes())
}

/// `host:port`, an IPv6 address in brackets.
fn shown(host: &str, port: u16) -> Arc<str> {
    if host.contains(':') {
        format!("[{host}]:{port}").into()
    } else {
        format!("{host}:{port}").into()
    }
}

#[cfg(test)]
mod tests;
