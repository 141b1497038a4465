//! Why a batch was not taken: what to say of it, and whether to try again.

use std::{error::Error, io, path::Path, time::Duration};

use http::StatusCode;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::http::{Answer, HttpError};

/// A batch was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// What happened, with every cause below it, on one line.
    pub(super) cause: String,
    pub(super) kind: Kind,
    pub(super) again: Again,
}

/// What kind of failure it is, for advice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nobody could be reached.
    Unreachable,
    /// The other side's certificate, or ours.
    Certificate,
    /// The other side speaks something else.
    Protocol,
    /// The other side answers with pages for people.
    Page,
    /// Nothing is there at this path.
    NotFound,
    /// The other side does not know us, or lets us not.
    Credentials,
    /// The batch is too large.
    TooLarge,
    /// Too much at once.
    Throttled,
    /// What was sent is not understood.
    Malformed,
    /// It is the other side's own fault.
    Backend,
    /// There was no answer in time.
    Timeout,
    /// A file cannot be written.
    File,
    /// Somebody else has the file to themselves.
    Locked,
    /// The exporter cannot be made of its settings.
    Settings,
    /// The program ended before.
    Ended,
}

/// Whether the same batch may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    Never,
    /// When the back-off says so.
    Later,
    /// Not before.
    After(Duration),
}

impl Failure {
    pub(super) fn timeout(limit: Duration) -> Self {
        Self {
            cause: format!("no answer within {}", humantime::format_duration(limit)),
            kind: Kind::Timeout,
            again: Again::Never,
        }
    }

    pub(super) fn ended() -> Self {
        Self {
            cause: "the program ended first".to_owned(),
            kind: Kind::Ended,
            again: Again::Never,
        }
    }

    /// A file could not be written; the next batch may find room.
    pub(super) fn file(error: &io::Error) -> Self {
        Self {
            cause: chain(error),
            kind: Kind::File,
            again: Again::Never,
        }
    }

    /// Another process has had a file to itself for too long.
    pub(super) fn locked(path: &Path, limit: Duration) -> Self {
        Self {
            cause: format!(
                "another process has held the lock of {} for {}",
                path.display(),
                humantime::format_duration(limit)
            ),
            kind: Kind::Locked,
            again: Again::Never,
        }
    }

    /// There was no answer to a request.
    pub(super) fn http(error: &HttpError) -> Self {
        let cause = chain(error);
        let (kind, again) = match error {
            _ if is_about_certificates(&cause) => (Kind::Certificate, Again::Never),
            HttpError::Setup(_) => (Kind::Certificate, Again::Never),
            // A server of HTTP/2 alone, as one for gRPC is, answers HTTP/1.1 with frames, or not at all.
            HttpError::Interrupted { .. } if is_gibberish(&cause) => (Kind::Protocol, Again::Later),
            _ => (Kind::Unreachable, Again::Later),
        };
        Self { cause, kind, again }
    }

    /// The answer to a request was no success.
    ///
    /// Source: <https://opentelemetry.io/docs/specs/otlp/#retryable-response-codes>, which has 429, 502, 503 and 504.
    pub(super) fn status(answer: &Answer, said: &str) -> Self {
        let status = StatusCode::from_u16(answer.status).unwrap_or_default();
        let again = match (answer.status, answer.retry_after) {
            (429 | 502 | 503 | 504, Some(wait)) => Again::After(wait),
            (429 | 502 | 503 | 504, None) => Again::Later,
            _ => Again::Never,
        };
        let kind = match answer.status {
            401 | 403 | 407 => Kind::Credentials,
            404 | 405 => Kind::NotFound,
            300..400 => Kind::NotFound,
            413 => Kind::TooLarge,
            415 => Kind::Protocol,
            429 => Kind::Throttled,
            400..500 => Kind::Malformed,
            _ => Kind::Backend,
        };
        let colon = if said.is_empty() { "" } else { ": " };
        let cause = one_line(&format!("it answered {status}{colon}{said}"));
        Self { cause, kind, again }
    }

    /// A call failed, at the other side or on the way.
    ///
    /// Source: <https://opentelemetry.io/docs/specs/otlp/#failures>, "retryable" of each code.
    pub(super) fn grpc(status: &Status) -> Self {
        let wait = status
            .get_details_retry_info()
            .and_then(|info| info.retry_delay);
        let again = match (status.code(), wait) {
            (Code::Unavailable | Code::ResourceExhausted, Some(wait)) => Again::After(wait),
            (
                Code::Cancelled
                | Code::DeadlineExceeded
                | Code::Aborted
                | Code::OutOfRange
                | Code::Unavailable
                | Code::DataLoss,
                _,
            ) => Again::Later,
            // RESOURCE_EXHAUSTED too, unless the server says when it will have recovered.
            _ => Again::Never,
        };
        let cause = grpc_cause(status);
        let is_local = status.source().is_some();
        let kind = match status.code() {
            _ if is_about_certificates(&cause) => Kind::Certificate,
            // A server of HTTP/1.1 answers the first frame with text.
            _ if is_gibberish(&cause) => Kind::Protocol,
            // One of HTTP/2 answers, and has never heard of gRPC.
            Code::Unimplemented | Code::Unknown | Code::Internal
                if cause.contains("grpc-status header missing") =>
            {
                Kind::Protocol
            }
            Code::Unavailable if is_local => Kind::Unreachable,
            Code::Unauthenticated | Code::PermissionDenied => Kind::Credentials,
            Code::Unimplemented | Code::NotFound => Kind::NotFound,
            Code::ResourceExhausted => Kind::Throttled,
            Code::InvalidArgument | Code::OutOfRange => Kind::Malformed,
            Code::DeadlineExceeded => Kind::Timeout,
            _ => Kind::Backend,
        };
        Self { cause, kind, again }
    }
}

/// The code and the words of a status, or what is below one that was made on our side.
fn grpc_cause(status: &Status) -> String {
    let text = match status.source() {
        Some(source) => chain(source),
        None => format!("it answered {:?}: {}", status.code(), status.message()),
    };
    one_line(text.trim_end_matches(": "))
}

/// `error` and all that is below it; what an error says again of its cause is left out.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    let mut text = String::new();
    for cause in causes.map(ToString::to_string) {
        if text.ends_with(&cause) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&cause);
    }
    one_line(&text)
}

/// Longest cause: some servers answer with a page.
const MAX_CAUSE: usize = 500;

fn one_line(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(MAX_CAUSE) {
        Some((at, _)) => format!("{} …", &line[..at]),
        None => line,
    }
}

fn is_about_certificates(cause: &str) -> bool {
    let cause = cause.to_lowercase();
    [
        "certificate",
        "unknownissuer",
        "tls handshake",
        "corrupt message",
        "builder error",
    ]
    .iter()
    .any(|sign| cause.contains(sign))
}

/// Whether it is what hyper and h2 say to bytes that are not theirs.
fn is_gibberish(cause: &str) -> bool {
    let cause = cause.to_lowercase();
    [
        "frame with invalid size",
        "invalid http version",
        "invalid http",
        "http2 error",
        "h2 protocol error",
        "invalid compression flag",
        "invalid content-type",
        "frame too large",
        "message completed",
        "unexpected message",
        "broken pipe",
        "connection reset",
    ]
    .iter()
    .any(|sign| cause.contains(sign))
}

#[cfg(test)]
mod tests;
