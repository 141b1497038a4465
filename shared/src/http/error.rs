//! Why a request got no usable response.

use std::{borrow::Cow, time::Duration};

use bytes::Bytes;

use super::Request;

/// A request got no usable response. `host` is the host and port, never the whole URL, which may hold a secret.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The request cannot be sent as it is.
    #[error("a request that cannot be sent: {reason}")]
    Request {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The request's body cannot be written as JSON.
    #[error("writing the body of a request as JSON")]
    Encode(#[source] serde_json::Error),
    /// The client could not be set up, which is about certificates.
    #[error("setting up the HTTP client")]
    Setup(#[source] reqwest::Error),
    /// There was no whole response in time.
    #[error("no response from {host} within {}", rounded(*after))]
    Timeout {
        /// Who was asked.
        host: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// No connection could be made, so that the request was not sent.
    #[error("cannot connect to {host}")]
    Connect {
        /// Who was asked.
        host: String,
        /// What the system said.
        #[source]
        source: reqwest::Error,
    },
    /// The connection ended before the response did.
    #[error("the connection to {host} broke")]
    Interrupted {
        /// Who was asked.
        host: String,
        /// What the connection said.
        #[source]
        source: reqwest::Error,
    },
    /// The caller's time was up while an attempt was under way.
    #[error("no response within the {} that were left", rounded(*within))]
    OutOfTime {
        /// What the caller had.
        within: Duration,
    },
    /// It failed too often lately, and is left alone for a while: nothing was sent.
    #[error("{peer} is not asked for {}, because it failed too often", rounded(*retry_in))]
    CircuitOpen {
        /// Who would have been asked.
        peer: String,
        /// How long it is still left alone; zero while it is being tried.
        retry_in: Duration,
    },
    /// The answer was 4xx or 5xx.
    #[error("{host} answered with status {status}")]
    Status {
        /// Who was asked.
        host: String,
        /// What was answered.
        status: u16,
        /// How long the server wants to be left alone, if it said so.
        retry_after: Option<Duration>,
        /// The first 16 KiB of the body.
        body: Bytes,
    },
    /// The response's body is larger than the client takes.
    #[error("the response from {host} has more than {limit} bytes")]
    TooLarge {
        /// Who was asked.
        host: String,
        /// What the client takes.
        limit: usize,
    },
    /// The server sent the client somewhere it does not go.
    #[error("the redirect from {host} is not followed: {reason}")]
    Redirect {
        /// Who was asked.
        host: String,
        /// Why not.
        reason: &'static str,
    },
    /// The response's body is not what was expected.
    #[error("reading the response from {host} at `{path}`")]
    Decode {
        /// Who was asked.
        host: String,
        /// Where in the body, as `data[0].time`.
        path: String,
        /// What the decoder said.
        #[source]
        source: serde_json::Error,
    },
}

/// A duration as people read it, to the millisecond.
fn rounded(duration: Duration) -> humantime::FormattedDuration {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    humantime::format_duration(Duration::from_millis(millis))
}

impl HttpError {
    /// Whether the same request may go well later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Timeout { .. }
            | Self::OutOfTime { .. }
            | Self::Connect { .. }
            | Self::Interrupted { .. }
            | Self::CircuitOpen { .. } => true,
            // 501 says that the server will never do this.
            Self::Status { status, .. } => {
                matches!(status, 408 | 425 | 429) || (*status >= 500 && *status != 501)
            }
            Self::Request { .. }
            | Self::Encode(_)
            | Self::Setup(_)
            | Self::TooLarge { .. }
            | Self::Redirect { .. }
            | Self::Decode { .. } => false,
        }
    }

    /// How long the server is to be left alone, where that is known.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            Self::CircuitOpen { retry_in, .. } => Some(*retry_in),
            _ => None,
        }
    }

    /// The kind of error as `error.type` names it: the status code, or a word.
    pub fn error_type(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Status { status, .. } => return Cow::Owned(status.to_string()),
            Self::Request { .. } => "invalid_request",
            Self::Encode(_) => "encode",
            Self::Setup(_) => "setup",
            Self::Timeout { .. } => "timeout",
            Self::OutOfTime { .. } => "out_of_time",
            Self::CircuitOpen { .. } => "circuit_open",
            Self::Connect { .. } => "connect",
            Self::Interrupted { .. } => "interrupted",
            Self::TooLarge { .. } => "too_large",
            Self::Redirect { .. } => "redirect",
            Self::Decode { .. } => "decode",
        })
    }

    pub(super) fn from_reqwest(request: &Request, error: reqwest::Error) -> Self {
        let host = request.host();
        // The URL may hold credentials; the host says enough.
        let source = error.without_url();
        if source.is_connect() {
            Self::Connect { host, source }
        } else {
            Self::Interrupted { host, source }
        }
    }
}
