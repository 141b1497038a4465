//! The HTTP client: every attempt is a span, and its context travels in the headers.
//!
//! Semantic conventions: <https://opentelemetry.io/docs/specs/semconv/http/http-spans/>. Around it stand
//! [`retry`](mod@retry) and [`breaker`]; what a caller puts between them, a cache or a rate limit, is its own.

pub mod breaker;
pub mod retry;

mod attempt;
mod connection;
mod error;
mod hosts;
mod redirect;
mod request;
mod untraced;

use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

use crate::telemetry::{Scope, propagation::Disclosure};
use attempt::Attempt;
use connection::Connections;
use hosts::Hosts;

pub use error::HttpError;
pub use request::{Request, Response};
pub(crate) use untraced::{Answer, Untraced};

/// What holds for all requests of a client.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// Hosts that baggage and `tracestate` may be sent to: `api.example.org`, `*.example.org` for all below it, or `*`.
    pub propagate_to: Vec<String>,
    /// Hosts that `traceparent`, which says nothing but ids, is sent to, written likewise. `tracestate` goes nowhere
    /// without it.
    pub traceparent_to: Vec<String>,
    /// The most bytes that a response body may have once it is decompressed.
    pub max_body_bytes: usize,
    /// How long establishing a connection may take; within the request's own timeout.
    pub connect_timeout: Duration,
}

impl Default for HttpSettings {
    /// Nothing but ids leaves, to all; bodies of 32 MiB; 5 s to connect.
    fn default() -> Self {
        Self {
            propagate_to: Vec::new(),
            traceparent_to: vec!["*".to_owned()],
            max_body_bytes: 32 * 1024 * 1024,
            connect_timeout: Duration::from_secs(5),
        }
    }
}

/// An HTTP client, made once per process: its connections are shared. A cheap clone.
#[derive(Clone)]
pub struct Http(Arc<Client>);

struct Client {
    connections: Connections,
    propagate_to: Hosts,
    traceparent_to: Hosts,
    max_body_bytes: usize,
}

impl Http {
    /// A client. It opens nothing until the first request.
    pub fn new(settings: HttpSettings) -> Self {
        Self(Arc::new(Client {
            connections: Connections::new(settings.connect_timeout),
            propagate_to: Hosts::new(settings.propagate_to),
            traceparent_to: Hosts::new(settings.traceparent_to),
            max_body_bytes: settings.max_body_bytes,
        }))
    }

    /// The client as it is used under `scope`: its spans are children of the scope's.
    pub fn scoped(&self, scope: &Scope) -> ScopedHttp {
        ScopedHttp {
            client: Arc::clone(&self.0),
            scope: scope.clone(),
        }
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http")
            .field("propagate_to", &self.0.propagate_to)
            .finish_non_exhaustive()
    }
}

/// An HTTP client under a span. A cheap clone.
#[derive(Clone)]
pub struct ScopedHttp {
    client: Arc<Client>,
    scope: Scope,
}

impl ScopedHttp {
    /// Sends a request and reads its response whole.
    ///
    /// A redirected GET or HEAD is followed, each hop in a span of its own, but never from `https` to `http`, and
    /// without credentials to another host.
    ///
    /// # Errors
    /// [`HttpError::Status`] for 4xx and 5xx; see [`HttpError`] for the others.
    ///
    /// # Cancel safety
    /// Dropping the future ends the span and the connection; the server may have done its work.
    pub async fn send(&self, request: &Request) -> Result<Response, HttpError> {
        self.resend(request, 0).await
    }

    /// The same, when the request was sent `resend_count` times before. [`Retry`](retry::Retry) counts them.
    ///
    /// # Errors
    /// As [`ScopedHttp::send`].
    pub async fn resend(
        &self,
        request: &Request,
        mut resend_count: u32,
    ) -> Result<Response, HttpError> {
        let mut request = Cow::Borrowed(request);
        for _ in 0..=redirect::MOST {
            let response = self.attempt(&request, resend_count).await?;
            match redirect::next(&request, &response)? {
                Some(next) => request = Cow::Owned(next),
                None => return Ok(response),
            }
            resend_count += 1;
        }
        Err(HttpError::Redirect {
            host: request.host(),
            reason: "it redirects too often",
        })
    }

    /// One request and its response, in one span.
    async fn attempt(&self, request: &Request, resend_count: u32) -> Result<Response, HttpError> {
        request.check()?;
        let mut attempt = Attempt::start(&self.scope, request, resend_count);
        let exchange = tokio::time::timeout(request.timeout, self.exchange(request, &mut attempt));
        let result = exchange.await.unwrap_or_else(|_| {
            Err(HttpError::Timeout {
                host: request.host(),
                after: request.timeout,
            })
        });
        attempt.finish(&result);
        result
    }

    async fn exchange(
        &self,
        request: &Request,
        attempt: &mut Attempt<'_>,
    ) -> Result<Response, HttpError> {
        let mut headers = request.headers.clone();
        self.inject(request, attempt.scope(), &mut headers);
        let connection = self.client.connections.to(&request.url).await?;
        let mut answer = connection
            .request(request.method.clone(), request.url.clone())
            .headers(headers)
            .body(request.body.clone())
            .send()
            .await
            .map_err(|error| HttpError::from_reqwest(request, error))?;
        attempt.answered(answer.status(), answer.version());
        attempt.came_from(answer.remote_addr());
        let limit = self.client.max_body_bytes;
        Response::read(request, &mut answer, limit).await
    }

    fn inject(&self, request: &Request, scope: &Scope, headers: &mut ::http::HeaderMap) {
        let host = request.url.host_str().unwrap_or_default();
        let told = Disclosure {
            ids: self.client.traceparent_to.contain(host),
            values: self.client.propagate_to.contain(host),
        };
        let propagator = scope.telemetry().propagator();
        propagator.inject_http(scope.context(), told, headers);
    }
}

impl fmt::Debug for ScopedHttp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopedHttp")
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
