//! Where InfluxDB is, and who asks.

use std::sync::Arc;

use url::Url;

use crate::{
    config::{RedactedUrl, Secret},
    timeseries::OpenError,
};

/// InfluxDB's own.
const DEFAULT_PORT: u16 = 8086;

/// The database where the URL names none.
const DEFAULT_DATABASE: &str = "chimera";

#[derive(Debug)]
pub(super) struct Address {
    /// `http(s)://host:port/`, without user and password.
    pub(super) base: Url,
    pub(super) login: Option<(String, Secret)>,
    pub(super) database: String,
    pub(super) host: String,
    pub(super) port: u16,
    /// Host and port, for people.
    pub(super) server: Arc<str>,
}

impl Address {
    pub(super) fn new(url: &RedactedUrl) -> Result<Self, OpenError> {
        let refused = |reason| OpenError::Url {
            url: url.clone(),
            reason,
        };
        let text = url.expose();
        if url.hosts().len() != 1 {
            return Err(refused("it must name one host"));
        }
        if text.contains(['?', '#']) {
            return Err(refused(
                "it must be influxdb(s)://user:password@host:port/database, with nothing behind",
            ));
        }
        // The URL standard knows host and port of schemes that it knows.
        let parsed = Url::parse(&text.replacen("influxdb", "http", 1))
            .map_err(|_| refused("it must name a host"))?;
        let decoded = |text: &str| {
            let bytes = percent_decoded(text);
            String::from_utf8(bytes)
                .map_err(|_| refused("user, password and database must be percent-encoded UTF-8"))
        };
        let database = decoded(parsed.path().trim_matches('/'))?;
        let login = match parsed.password() {
            Some(password) => Some((decoded(parsed.username())?, Secret::new(decoded(password)?))),
            None => None,
        };
        let host = parsed.host_str().unwrap_or_default().to_owned();
        // A port that is the default of HTTP is not told apart from none by the URL, but by its text.
        let port = url.hosts()[0].1.unwrap_or(DEFAULT_PORT);
        let base = format!("{}://{host}:{port}/", parsed.scheme());
        Ok(Self {
            base: Url::parse(&base).map_err(|_| refused("it must name a host"))?,
            login,
            database: match database.as_str() {
                "" => DEFAULT_DATABASE.to_owned(),
                _ => database,
            },
            server: format!("{host}:{port}").into(),
            host: host.trim_matches(['[', ']']).to_owned(),
            port,
        })
    }
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().iter();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        let hex = || std::str::from_utf8(bytes.as_slice().get(..2)?).ok();
        match (byte, hex().and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(coded)) => {
                decoded.push(coded);
                bytes.nth(1);
            }
            _ => decoded.push(*byte),
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(url: &str) -> Result<Address, OpenError> {
        Address::new(&RedactedUrl::parse(url, &["influxdb", "influxdbs"]).unwrap())
    }

    #[test]
    fn a_url_says_where_it_is_and_who_asks() {
        let check = |url: &str, base: &str, database: &str, login: Option<(&str, &str)>| {
            let address = address(url).unwrap();
            assert_eq!(
                (address.base.as_str(), &*address.database),
                (base, database)
            );
            let found = address.login.as_ref();
            assert_eq!(
                found.map(|(user, password)| (&**user, password.expose())),
                login
            );
            assert!(!format!("{address:?}").contains("p@ss"), "{address:?}");
        };
        check("influxdb://tsdb", "http://tsdb:8086/", "chimera", None);
        check("influxdb://tsdb:80/market", "http://tsdb/", "market", None);
        check(
            "influxdbs://ann:p%40ss%25+=@[::1]:1/a%20b",
            "https://[::1]:1/",
            "a b",
            Some(("ann", "p@ss%+=")),
        );
    }

    #[test]
    fn what_cannot_be_used_is_said_without_the_password() {
        let check = |url: &str, expected: &str| {
            let error = address(url).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("secret"), "{error}");
        };
        check("influxdb://ann:secret@a,b/market", "must name one host");
        check("influxdb://ann:secret@a?db=market", "with nothing behind");
    }
}
