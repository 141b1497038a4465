//! Requests to InfluxDB. The database's spans stand for them, so that they are not made by the client whose requests are
//! spans of their own.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use tokio::time::Instant;

use super::{InfluxDbError, InfluxDbSettings, address::Address};
use crate::{telemetry::Peer, timeseries::OpenError, tls::install_crypto_provider};

/// How long nothing is asked after the server could not be had: everybody fails at once then.
const REST: Duration = Duration::from_secs(1);

/// The most that is read of an answer.
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;

/// The header that tells InfluxDB from others.
const VERSION: &str = "x-influxdb-version";

#[derive(Debug)]
pub(super) struct Client {
    pub(super) address: Address,
    http: reqwest::Client,
    timeout: Duration,
    /// The last request, where it got no answer.
    failed: Mutex<Option<(Instant, InfluxDbError)>>,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Bytes,
    is_influxdb: bool,
}

impl Client {
    pub(super) fn new(address: Address, settings: &InfluxDbSettings) -> Result<Self, OpenError> {
        let unusable = |reason| OpenError::Url {
            url: settings.url.clone(),
            reason,
        };
        install_crypto_provider();
        let builder = reqwest::Client::builder()
            .user_agent(concat!("chimera/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(settings.connect_timeout)
            .timeout(settings.timeout)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none());
        let builder = match (&settings.ca_file, address.base.scheme()) {
            // Without this, the system's certificates are read for nothing.
            (None, "http") => builder.tls_certs_only([]),
            (None, _) => builder,
            (Some(_), "http") => {
                return Err(unusable(
                    "it must begin with `influxdbs://` where `timeseries.ca_file` is set",
                ));
            }
            (Some(path), _) => builder.tls_certs_only(certificates(path)?),
        };
        Ok(Self {
            http: builder
                .build()
                .map_err(|_| unusable("no client can be made for it"))?,
            address,
            timeout: settings.timeout,
            failed: Mutex::new(None),
        })
    }

    pub(super) async fn write(&self, lines: String, peer: &Peer) -> Result<Reply, InfluxDbError> {
        let request = self.post("write", &[("precision", "ns")]);
        self.send(
            request
                .header(CONTENT_TYPE, "text/plain; charset=utf-8")
                .body(lines),
            peer,
        )
        .await
    }

    pub(super) async fn query(&self, query: &str, peer: &Peer) -> Result<Reply, InfluxDbError> {
        // In the body, because a URL may not be that long.
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("q", query)
            .finish();
        let request = self.post("query", &[("epoch", "ns")]);
        let form_type = "application/x-www-form-urlencoded";
        self.send(request.header(CONTENT_TYPE, form_type).body(form), peer)
            .await
    }

    /// What the server has against something.
    pub(super) fn refused(&self, what: &'static str, reply: &Reply) -> InfluxDbError {
        #[derive(serde::Deserialize)]
        struct Body {
            error: String,
        }
        let body: Option<Body> = serde_json::from_slice(&reply.body).ok();
        match body {
            Some(body) => self.said(what, reply.status, &body.error),
            None if reply.is_influxdb => self.said(what, reply.status, ""),
            None => self.is_something_else(),
        }
    }

    pub(super) fn said(&self, what: &'static str, status: u16, said: &str) -> InfluxDbError {
        InfluxDbError::said(&self.address.server, what, status, said)
    }

    pub(super) fn is_something_else(&self) -> InfluxDbError {
        InfluxDbError::NotInfluxDb {
            server: Arc::clone(&self.address.server),
        }
    }

    fn post(&self, path: &str, parameters: &[(&str, &str)]) -> reqwest::RequestBuilder {
        let mut url = self.address.base.clone();
        url.set_path(path);
        url.query_pairs_mut()
            .append_pair("db", &self.address.database)
            .extend_pairs(parameters);
        let request = self.http.post(url);
        match &self.address.login {
            Some((user, password)) => request.basic_auth(user, Some(password.expose())),
            None => request,
        }
    }

    async fn send(
        &self,
        request: reqwest::RequestBuilder,
        peer: &Peer,
    ) -> Result<Reply, InfluxDbError> {
        if let Some(error) = self.resting() {
            return Err(error);
        }
        let result = match request.send().await {
            Ok(response) => {
                peer.is(response.remote_addr());
                self.reply(response).await
            }
            Err(error) => Err(self.failure(error)),
        };
        self.note(result.as_ref().err());
        result
    }

    async fn reply(&self, mut response: reqwest::Response) -> Result<Reply, InfluxDbError> {
        let mut body = BytesMut::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| self.failure(error))?
        {
            if body.len() + chunk.len() > MAX_BODY_BYTES {
                return Err(InfluxDbError::TooLarge {
                    server: Arc::clone(&self.address.server),
                    limit: MAX_BODY_BYTES,
                });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply {
            status: response.status().as_u16(),
            is_influxdb: response.headers().contains_key(VERSION),
            body: body.freeze(),
        })
    }

    fn failure(&self, error: reqwest::Error) -> InfluxDbError {
        InfluxDbError::of_request(&self.address.server, self.timeout, error)
    }

    /// Why nothing is asked, while nothing is.
    fn resting(&self) -> Option<InfluxDbError> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, error) = failed.as_ref()?;
        (since.elapsed() < REST).then(|| error.clone())
    }

    /// Writes down how a request ended. The platform tells it, which looks at the store now and then.
    fn note(&self, failure: Option<&InfluxDbError>) {
        let failed = failure.map(|error| (Instant::now(), error.clone()));
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = failed;
    }
}

fn certificates(path: &Path) -> Result<Vec<reqwest::Certificate>, OpenError> {
    let bytes = fs::read(path).map_err(|source| OpenError::File {
        path: path.to_owned(),
        source,
    })?;
    let certificates = reqwest::Certificate::from_pem_bundle(&bytes).unwrap_or_default();
    match certificates.is_empty() {
        false => Ok(certificates),
        true => Err(OpenError::Certificates {
            path: path.to_owned(),
        }),
    }
}
