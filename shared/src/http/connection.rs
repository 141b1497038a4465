//! The connections, made ready when they are first needed: reading the system's certificates takes its time.

use std::time::Duration;

use tokio::sync::OnceCell;
use url::{Host, Url};

use super::HttpError;
use crate::tls::install_crypto_provider;

/// How the client names itself.
const USER_AGENT: &str = concat!("chimera/", env!("CARGO_PKG_VERSION"));

pub(super) struct Connections {
    connect_timeout: Duration,
    /// To this machine by `http`: without certificates, and never through a proxy, which could not reach it.
    local: OnceCell<reqwest::Client>,
    /// To all others: through the proxy that the system is set up with, if any.
    remote: OnceCell<reqwest::Client>,
}

impl Connections {
    pub(super) fn new(connect_timeout: Duration) -> Self {
        Self {
            connect_timeout,
            local: OnceCell::new(),
            remote: OnceCell::new(),
        }
    }

    pub(super) async fn to(&self, url: &Url) -> Result<&reqwest::Client, HttpError> {
        let builder = || builder(self.connect_timeout);
        let client = if is_local(url) {
            let make = async || builder().no_proxy().tls_certs_only([]).build();
            self.local.get_or_try_init(make).await
        } else {
            let make = async || {
                let builder = builder();
                let building = tokio::task::spawn_blocking(|| builder.build());
                building.await.expect("building a client does not panic")
            };
            self.remote.get_or_try_init(make).await
        };
        client.map_err(HttpError::Setup)
    }
}

fn builder(connect_timeout: Duration) -> reqwest::ClientBuilder {
    install_crypto_provider();
    reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .connect_timeout(connect_timeout)
        .referer(false)
        // Redirects and retries have spans of their own, so they are not reqwest's.
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
}

pub(super) fn is_local(url: &Url) -> bool {
    url.scheme() == "http"
        && match url.host() {
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_told_from_others() {
        let check = |url: &str, expected: bool| {
            assert_eq!(is_local(&Url::parse(url).unwrap()), expected, "{url}");
        };
        check("http://127.0.0.1:8080/", true);
        check("http://[::1]/", true);
        check("http://localhost/", true);
        check("http://sources.localhost/", true);
        check("http://localhost.example.org/", false);
        check("http://10.0.0.1/", false);
        check("https://127.0.0.1/", false);
        check("https://api.exchange.coinbase.com/", false);
    }
}
