//! Errors of the API, as `application/problem+json` (RFC 9457).
//!
//! A handler returns a [`Problem`]; the middleware [`render`] writes it, because only there the trace and the path are
//! at hand. What the client reads (`detail`) and what the log gets (`cause`) are apart: a cause never leaves the process.

use std::{fmt, sync::Arc};

use axum::{
    Json,
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use chimera_shared::Context;
use serde::Serialize;

/// What went wrong: the `type`, the `title` and the status of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The body is not JSON in UTF-8, or a parameter of the URL is not what it should be.
    Malformed,
    /// There is nothing at this path.
    NoSuchPath,
    /// There is no query with this id.
    NoSuchQuery,
    /// The path is there, the method is not.
    MethodNotAllowed,
    /// The query has ended already.
    AlreadyEnded,
    /// The body is larger than allowed.
    TooLarge,
    /// The body is not said to be JSON.
    NotJson,
    /// The body is JSON and not a question.
    NotAQuestion,
    /// The question is in another language than English.
    NotEnglish,
    /// As many questions are open as may be.
    TooManyQuestions,
    /// The store or the bus does not take anything now.
    Unavailable,
    /// A fault of ours.
    Internal,
}

impl Kind {
    fn describe(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Malformed => (
                StatusCode::BAD_REQUEST,
                "malformed",
                "The request cannot be read",
            ),
            Self::NoSuchPath => (
                StatusCode::NOT_FOUND,
                "no-such-path",
                "There is nothing here",
            ),
            Self::NoSuchQuery => (
                StatusCode::NOT_FOUND,
                "no-such-query",
                "There is no such query",
            ),
            Self::MethodNotAllowed => (
                StatusCode::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "The method is not allowed here",
            ),
            Self::AlreadyEnded => (
                StatusCode::CONFLICT,
                "already-ended",
                "The query has already ended",
            ),
            Self::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "too-large",
                "The body is too large",
            ),
            Self::NotJson => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "not-json",
                "The body must be JSON",
            ),
            Self::NotAQuestion => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "not-a-question",
                "The body is not a question",
            ),
            Self::NotEnglish => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "not-english",
                "The question is not in English",
            ),
            Self::TooManyQuestions => (
                StatusCode::TOO_MANY_REQUESTS,
                "too-many-questions",
                "Too many questions are open",
            ),
            Self::Unavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "Not available at the moment",
            ),
            Self::Internal => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "The server failed",
            ),
        }
    }
}

/// An error of the API.
#[derive(Debug, Clone)]
pub(crate) struct Problem(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    kind: Kind,
    detail: String,
    cause: Option<anyhow::Error>,
}

impl Problem {
    /// A problem that the client can do something about; `detail` says what happened, and what to do.
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self(Arc::new(Parts {
            kind,
            detail: detail.into(),
            cause: None,
        }))
    }

    /// Something that does not work now and may later. The cause is logged, and not shown.
    pub(crate) fn unavailable(detail: impl Into<String>, cause: impl Into<anyhow::Error>) -> Self {
        Self(Arc::new(Parts {
            kind: Kind::Unavailable,
            detail: detail.into(),
            cause: Some(cause.into()),
        }))
    }

    /// A fault of ours. The cause is logged, and not shown.
    pub(crate) fn internal(cause: impl Into<anyhow::Error>) -> Self {
        let detail = "the cause is in the log of chimera-api, under this trace_id".to_owned();
        Self(Arc::new(Parts {
            kind: Kind::Internal,
            detail,
            cause: Some(cause.into()),
        }))
    }

    fn log(&self) {
        let (status, name, _) = self.0.kind.describe();
        let status = status.as_u16();
        match &self.0.cause {
            Some(cause) => tracing::error!(
                status,
                problem = name,
                error = format!("{cause:#}"),
                "a request failed"
            ),
            None => tracing::info!(
                status,
                problem = name,
                detail = self.0.detail,
                "a request was refused"
            ),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.detail)
    }
}

impl IntoResponse for Problem {
    /// The status, with the problem for [`render`] to write.
    fn into_response(self) -> Response {
        let (status, ..) = self.0.kind.describe();
        let mut response = status.into_response();
        if matches!(self.0.kind, Kind::TooManyQuestions | Kind::Unavailable) {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, RETRY_AFTER_SECONDS);
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// When it makes sense to try again. Questions take well under a second.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// Members of the JSON, in the order and with the meaning of RFC 9457; `trace_id` is an extension.
#[derive(Debug, Serialize)]
struct Body<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    instance: &'a str,
    trace_id: String,
}

/// Middleware: logs and writes the problem that a handler returned.
pub(crate) async fn render(context: Context, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let mut response = next.run(request).await;
    let Some(problem) = response.extensions_mut().remove::<Problem>() else {
        return response;
    };
    problem.log();
    let (status, name, title) = problem.0.kind.describe();
    let body = Json(Body {
        // A name, not an address: there is no page to keep alive behind it. docs/api.md lists them.
        r#type: format!("urn:chimera:problem:{name}"),
        title,
        status: status.as_u16(),
        detail: &problem.0.detail,
        instance: &path,
        trace_id: context.trace_id(),
    });
    let mut written = (status, body).into_response();
    written.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    written.headers_mut().extend(
        response
            .headers()
            .get(header::RETRY_AFTER)
            .map(|value| (header::RETRY_AFTER, value.clone())),
    );
    written
}

#[cfg(test)]
mod tests {
    use chimera_shared::telemetry::Telemetry;

    use super::*;

    #[tokio::test]
    async fn what_a_client_gets_wrong_is_no_error_of_ours() {
        let (telemetry, _spans, lines) = Telemetry::for_test_with_logs("chimera-api");
        let scope = telemetry.root();
        let logged = async |problem: Problem| {
            scope.run(async move { problem.log() }).await;
            lines.text().lines().last().unwrap_or_default().to_owned()
        };
        let refused = logged(Problem::new(Kind::NotAQuestion, "`query` is empty")).await;
        assert!(
            refused.contains("\"INFO\"") && refused.contains("`query` is empty"),
            "{refused}"
        );
        let failed = logged(Problem::internal(
            anyhow::anyhow!("the cause").context("doing it"),
        ))
        .await;
        assert!(
            failed.contains("\"ERROR\"") && failed.contains("doing it: the cause"),
            "{failed}"
        );
    }
}
