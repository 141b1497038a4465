//! Requests outside of every trace: telemetry on its way out, which must not make telemetry of its own.

use std::{fmt, time::Duration};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use tokio::sync::OnceCell;
use url::Url;

use super::{HttpError, connection::is_local, retry};
use crate::tls::{Trust, install_crypto_provider};

/// What is read of an answer: enough for the words in which a server says what it does not like.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Longest that a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A client that posts to one URL. It follows no redirect, for its headers hold credentials.
pub(crate) struct Untraced {
    url: Url,
    trust: Trust,
    user_agent: &'static str,
    /// Made by the first request: reading the system's certificates takes its time.
    client: OnceCell<reqwest::Client>,
}

/// What a server answered, whatever the status.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// How long the server wants to be left alone, if it said so.
    pub(crate) retry_after: Option<Duration>,
    /// Its first 64 KiB.
    pub(crate) body: Bytes,
}

impl Untraced {
    /// A client for `url` that calls itself `user_agent`. It opens nothing until the first request.
    ///
    /// # Errors
    /// When a certificate or a key is none.
    pub(crate) fn new(url: Url, trust: Trust, user_agent: &'static str) -> Result<Self, HttpError> {
        certificates(&trust)?;
        identity(&trust)?;
        Ok(Self {
            url,
            trust,
            user_agent,
            client: OnceCell::new(),
        })
    }

    /// Posts `body`.
    ///
    /// # Errors
    /// [`HttpError::Connect`], [`HttpError::Interrupted`] and [`HttpError::Setup`]. No status is an error.
    pub(crate) async fn post(&self, headers: HeaderMap, body: Bytes) -> Result<Answer, HttpError> {
        let client = self.client.get_or_try_init(async || self.client()).await?;
        let request = client.post(self.url.clone()).headers(headers).body(body);
        let mut response = request.send().await.map_err(|error| self.failed(error))?;
        let retry_after = retry::retry_after(response.headers());
        let mut body = BytesMut::new();
        while body.len() < MAX_ANSWER_BYTES {
            match response.chunk().await {
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(error) => return Err(self.failed(error)),
            }
        }
        body.truncate(MAX_ANSWER_BYTES);
        Ok(Answer {
            status: response.status().as_u16(),
            retry_after,
            body: body.freeze(),
        })
    }

    fn client(&self) -> Result<reqwest::Client, HttpError> {
        install_crypto_provider();
        let mut builder = reqwest::Client::builder()
            .user_agent(self.user_agent)
            .connect_timeout(CONNECT_TIMEOUT)
            .referer(false)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never());
        if is_local(&self.url) {
            builder = builder.no_proxy();
        }
        match certificates(&self.trust)? {
            Some(certificates) => builder = builder.tls_certs_only(certificates),
            None if self.url.scheme() == "http" => builder = builder.tls_certs_only([]),
            None => {}
        }
        if let Some(identity) = identity(&self.trust)? {
            builder = builder.identity(identity);
        }
        builder.build().map_err(HttpError::Setup)
    }

    fn failed(&self, error: reqwest::Error) -> HttpError {
        let host = super::request::host(&self.url);
        // The URL may hold credentials; the host says enough.
        let source = error.without_url();
        if source.is_connect() {
            HttpError::Connect { host, source }
        } else {
            HttpError::Interrupted { host, source }
        }
    }
}

/// The URL is left out, because it may hold credentials.
impl fmt::Debug for Untraced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Untraced")
            .field("host", &super::request::host(&self.url))
            .finish_non_exhaustive()
    }
}

fn certificates(trust: &Trust) -> Result<Option<Vec<reqwest::Certificate>>, HttpError> {
    let parse = |pem: &Vec<u8>| reqwest::Certificate::from_pem_bundle(pem);
    let certificates = trust.certificate.as_ref().map(parse).transpose();
    certificates.map_err(HttpError::Setup)
}

fn identity(trust: &Trust) -> Result<Option<reqwest::Identity>, HttpError> {
    let Some(identity) = &trust.identity else {
        return Ok(None);
    };
    let both = [identity.key.as_slice(), b"\n", &identity.certificate].concat();
    let identity = reqwest::Identity::from_pem(&both).map_err(HttpError::Setup)?;
    Ok(Some(identity))
}
