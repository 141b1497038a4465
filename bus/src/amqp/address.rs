//! The hosts of a URL that names several.

use std::{fmt, io, net::SocketAddr};

use lapin::uri::{AMQPScheme, AMQPUri};
use tokio::net::lookup_host;

/// A heartbeat unless the URL has one: seconds until a dead connection is noticed are twice that.
const HEARTBEAT_S: u16 = 20;

/// One host of the cluster, and how to log in there.
#[derive(Clone)]
pub(super) struct Address {
    pub(super) uri: AMQPUri,
}

/// Who is logged in where, as errors say it. All hosts of a URL have the same user and virtual host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Login {
    /// `host:port`, several separated by commas.
    pub(super) places: String,
    pub(super) user: String,
    pub(super) vhost: String,
}

impl Login {
    pub(super) fn of(addresses: &[Address]) -> Self {
        let places: Vec<String> = addresses.iter().map(Address::place).collect();
        let first = addresses.first();
        Self {
            places: places.join(", "),
            user: first.map_or("", Address::user).to_owned(),
            vhost: first.map_or("", Address::vhost).to_owned(),
        }
    }
}

impl fmt::Display for Login {
    /// Where that is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { places, vhost, .. } = self;
        write!(f, "RabbitMQ at {places}, virtual host `{vhost}`")
    }
}

impl Address {
    /// Every host that `urls` names, in order. The error says what is wrong, without the password.
    pub(super) fn parse(urls: &str) -> Result<Vec<Self>, String> {
        let parts =
            Parts::of(urls).ok_or("it has no scheme: write amqp://user:password@host/vhost")?;
        if !matches!(parts.scheme, "amqp" | "amqps") {
            return Err(format!(
                "its scheme is `{}`, not amqp or amqps",
                parts.scheme
            ));
        }
        if parts.rest.contains('@') {
            return Err("a `/`, `?` or `@` in it is to be written as %2F, %3F or %40".to_owned());
        }
        parts
            .hosts
            .split(',')
            .map(|host| parts.address(host))
            .collect()
    }

    /// `host:port`.
    pub(super) fn place(&self) -> String {
        let authority = &self.uri.authority;
        if authority.host.contains(':') {
            return format!("[{}]:{}", authority.host, authority.port);
        }
        format!("{}:{}", authority.host, authority.port)
    }

    /// What the host's name stands for now.
    pub(super) async fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        let authority = &self.uri.authority;
        let host = (authority.host.as_str(), authority.port);
        Ok(lookup_host(host).await?.collect())
    }

    pub(super) fn host(&self) -> &str {
        &self.uri.authority.host
    }

    pub(super) fn user(&self) -> &str {
        &self.uri.authority.userinfo.username
    }

    pub(super) fn vhost(&self) -> &str {
        &self.uri.vhost
    }

    pub(super) fn is_tls(&self) -> bool {
        self.uri.scheme == AMQPScheme::AMQPS
    }
}

/// `urls` with the password left out, for people.
pub(super) fn redacted(urls: &str) -> String {
    match Parts::of(urls) {
        // A password that is not percent-encoded may stand anywhere in it.
        Some(parts) if !parts.rest.contains('@') => {
            let user = parts.user_info.split(':').next().unwrap_or_default();
            let at = if parts.user_info.is_empty() {
                ""
            } else {
                ":***@"
            };
            format!("{}://{user}{at}{}{}", parts.scheme, parts.hosts, parts.rest)
        }
        Some(_) | None => "(not a URL)".to_owned(),
    }
}

struct Parts<'a> {
    scheme: &'a str,
    /// `user:password`, or nothing.
    user_info: &'a str,
    /// Separated by commas.
    hosts: &'a str,
    /// `/vhost?query`, or nothing.
    rest: &'a str,
}

impl<'a> Parts<'a> {
    fn of(urls: &'a str) -> Option<Self> {
        let (scheme, after) = urls.trim().split_once("://")?;
        let end = after.find(['/', '?']).unwrap_or(after.len());
        let (authority, rest) = after.split_at(end);
        let (user_info, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        Some(Self {
            scheme,
            user_info,
            hosts,
            rest,
        })
    }

    fn address(&self, host: &str) -> Result<Address, String> {
        let host = host.trim();
        if host.is_empty() {
            return Err("a host is empty".to_owned());
        }
        // The URI parser of the client knows no IPv6 address: it gets a name in its place.
        let (ip, named) = match host.strip_prefix('[').and_then(|host| host.split_once(']')) {
            Some((ip, port)) => (Some(ip), format!("ip{port}")),
            None => (None, host.to_owned()),
        };
        let user_info = match self.user_info {
            "" => String::new(),
            user_info => format!("{user_info}@"),
        };
        let url = format!("{}://{user_info}{named}{}", self.scheme, self.rest);
        let mut uri: AMQPUri = url
            .parse()
            .map_err(|problem| format!("host `{host}`: {problem}"))?;
        if let Some(ip) = ip {
            uri.authority.host = ip.to_owned();
        }
        if uri.vhost.is_empty() {
            uri.vhost = "/".to_owned();
        }
        uri.query.heartbeat.get_or_insert(HEARTBEAT_S);
        Ok(Address { uri })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_host_of_a_url_is_found() {
        fn check(urls: &str, places: &[&str], user: &str, vhost: &str) {
            let addresses = Address::parse(urls).unwrap();
            let found: Vec<String> = addresses.iter().map(Address::place).collect();
            assert_eq!(found, places, "{urls}");
            for address in addresses {
                assert_eq!((address.user(), address.vhost()), (user, vhost), "{urls}");
            }
        }
        check("amqp://host", &["host:5672"], "guest", "/");
        check("amqp://host/", &["host:5672"], "guest", "/");
        check("amqps://host", &["host:5671"], "guest", "/");
        check(
            "amqp://u:p@a:1,b:2,c/v",
            &["a:1", "b:2", "c:5672"],
            "u",
            "v",
        );
        check("amqp://u%40x:p%2f@a/%2fv", &["a:5672"], "u@x", "/v");
        check(
            "amqp://[::1]:77,[fe80::2]/v",
            &["[::1]:77", "[fe80::2]:5672"],
            "guest",
            "v",
        );
        check(
            "amqp://a,b?heartbeat=7",
            &["a:5672", "b:5672"],
            "guest",
            "/",
        );
    }

    #[test]
    fn heartbeats_are_always_on() {
        let heartbeat = |urls: &str| Address::parse(urls).unwrap()[0].uri.query.heartbeat;
        assert_eq!(heartbeat("amqp://host"), Some(HEARTBEAT_S));
        assert_eq!(heartbeat("amqp://host?heartbeat=7"), Some(7));
    }

    #[test]
    fn what_is_no_url_is_said_without_the_password() {
        for urls in [
            "host",
            "http://u:hush@host",
            "amqp://u:hush@a,,b",
            "amqp://u:hush@a:port",
            "amqp://u:hush/@a",
            "amqp://u:x@hush?@a",
            "",
        ] {
            let problem = Address::parse(urls).err().unwrap();
            assert!(!problem.contains("hush"), "{problem}");
        }
    }

    #[test]
    fn a_password_is_redacted() {
        assert_eq!(
            redacted("amqp://u:p@a:1,b/v?x=1"),
            "amqp://u:***@a:1,b/v?x=1"
        );
        assert_eq!(redacted("amqp://a/v"), "amqp://a/v");
        assert_eq!(redacted("amqp://u:p/p@a/v"), "(not a URL)");
    }
}
