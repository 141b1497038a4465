//! What is sent and what comes back.

use std::{fmt, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use serde::{Serialize, de::DeserializeOwned};
use url::Url;

use super::{HttpError, retry};
use crate::telemetry::redact;

/// How long a request takes at most where nothing else is said.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// How much of an error's body is kept.
const ERROR_BODY_BYTES: usize = 16 * 1024;

/// A request, which can be sent any number of times.
#[derive(Clone)]
pub struct Request {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) timeout: Duration,
    pub(super) template: Option<&'static str>,
    pub(super) peer: Option<String>,
}

impl Request {
    /// A request of any method, without headers and body. It is given 10 s.
    pub fn new(method: Method, mut url: Url) -> Self {
        // It stays with the client.
        url.set_fragment(None);
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            timeout: DEFAULT_TIMEOUT,
            template: None,
            peer: None,
        }
    }

    /// A GET request.
    pub fn get(url: Url) -> Self {
        Self::new(Method::GET, url)
    }

    /// A POST request with a JSON body.
    ///
    /// # Errors
    /// [`HttpError::Encode`] when `body` cannot be written as JSON.
    pub fn post_json<T: Serialize>(url: Url, body: &T) -> Result<Self, HttpError> {
        let body = serde_json::to_vec(body).map_err(HttpError::Encode)?;
        let json = HeaderValue::from_static("application/json");
        Ok(Self::new(Method::POST, url)
            .header(header::CONTENT_TYPE, json)
            .body(body))
    }

    /// The same with a header, in place of the one of that name.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// The same with a body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// The same, with what an attempt may take until its response is read whole.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The same, with its path as a template without values, for the span's name: `/products/{product}/ticker`.
    #[must_use]
    pub fn template(mut self, template: &'static str) -> Self {
        self.template = Some(template);
        self
    }

    /// The same, with the logical name of who is asked: `exchange_api`.
    #[must_use]
    pub fn peer(mut self, peer: impl Into<String>) -> Self {
        self.peer = Some(peer.into());
        self
    }

    /// Host and port.
    pub(super) fn host(&self) -> String {
        host(&self.url)
    }

    pub(super) fn check(&self) -> Result<(), HttpError> {
        if matches!(self.url.scheme(), "http" | "https") {
            return Ok(());
        }
        let reason = "its URL does not start with `http://` or `https://`";
        Err(HttpError::Request { reason })
    }
}

/// Host and port of `url`.
pub(super) fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port_or_known_default() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// Headers are left out, because they may hold credentials.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("url", &redact::text(self.url.as_str()))
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// A response below 400, read whole.
#[derive(Clone)]
pub struct Response {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    host: String,
}

impl Response {
    /// Reads the response to `request`, whose body may have `limit` bytes.
    pub(super) async fn read(
        request: &Request,
        answer: &mut reqwest::Response,
        limit: usize,
    ) -> Result<Self, HttpError> {
        let (host, status) = (request.host(), answer.status());
        if status.is_client_error() || status.is_server_error() {
            let headers = std::mem::take(answer.headers_mut());
            return Err(HttpError::Status {
                host,
                status: status.as_u16(),
                retry_after: retry::retry_after(&headers),
                body: beginning(answer).await,
            });
        }
        let too_large = || HttpError::TooLarge {
            host: request.host(),
            limit,
        };
        if answer.content_length() > Some(limit as u64) {
            return Err(too_large());
        }
        let mut body = BytesMut::new();
        let broken = |error| HttpError::from_reqwest(request, error);
        while let Some(chunk) = answer.chunk().await.map_err(broken)? {
            if body.len() + chunk.len() > limit {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Self {
            status,
            headers: std::mem::take(answer.headers_mut()),
            body: body.freeze(),
            host,
        })
    }

    /// The status code.
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The body.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The body, read as JSON.
    ///
    /// # Errors
    /// [`HttpError::Decode`], which says where in the body.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, HttpError> {
        let mut reader = serde_json::Deserializer::from_slice(&self.body);
        serde_path_to_error::deserialize(&mut reader).map_err(|error| HttpError::Decode {
            host: self.host.clone(),
            path: error.path().to_string(),
            source: error.into_inner(),
        })
    }
}

/// Headers and body are left out: they are the server's secrets as much as ours.
impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("host", &self.host)
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// As much of an error's body as is kept; what cannot be read does not hide the error.
async fn beginning(answer: &mut reqwest::Response) -> Bytes {
    let mut body = BytesMut::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() >= ERROR_BODY_BYTES {
            body.truncate(ERROR_BODY_BYTES);
            break;
        }
    }
    body.freeze()
}
