//! Publishing test messages over HTTP: what `chimera publish` and `chimera request` talk to.
//!
//! | route | body | answer |
//! |---|---|---|
//! | `POST /api/bus/messages` | [`Outgoing`] | 202 with [`Accepted`] |
//! | `POST /api/bus/requests` | [`Outgoing`] | 200 with [`Replied`]; 422 more than five minutes are to be waited, 404 nobody takes it, 502 its agent failed, 504 no reply in time |
//!
//! These routes let anyone who reaches them act on the bus, so that they are for loopback only. They take JSON by its
//! content type, which a page in a browser cannot send across origins without being refused first.

mod direct;

use std::{collections::BTreeMap, time::Duration};

use axum::{
    Json, Router,
    response::{IntoResponse, Response},
    routing::post,
};
use chimera_bus::{FieldValue, Message, RequestError, Routed};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{Context, agent::Messaging, context::SendError, deadline::Deadline};

pub use direct::{Direct, DirectError};

/// The longest a request may be waited for.
pub const MAX_TIMEOUT: Duration = Duration::from_secs(300);

/// A message to publish, or a request to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outgoing {
    /// Where it goes.
    pub routing_key: String,
    /// The JSON body.
    pub body: Value,
    /// Further headers, as long strings.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// How long a reply is waited for, milliseconds; 30,000 unless said, 300,000 at most. For requests only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

/// A message that the bus has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// Its id, UUID v7.
    pub message_id: String,
    /// The trace it belongs to.
    pub trace_id: String,
    /// Whether a queue took it.
    pub routed: bool,
}

/// A reply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Replied {
    /// The trace of the request.
    pub trace_id: String,
    /// The reply's body, as JSON where it is JSON, else as text.
    pub reply: Value,
}

/// The routes, to be served with a context for each request.
pub fn router() -> Router {
    Router::new()
        .route("/api/bus/messages", post(publish))
        .route("/api/bus/requests", post(request))
}

async fn publish(cx: Context, Json(outgoing): Json<Outgoing>) -> Response {
    let message = match outgoing.message(cx.messaging()) {
        Ok(message) => message,
        Err(error) => return refuse(&cx, StatusCode::UNPROCESSABLE_ENTITY, &error),
    };
    let message_id = message.properties.message_id.clone().unwrap_or_default();
    match cx.send(message).await {
        Ok(routed) => {
            let accepted = Accepted {
                message_id,
                trace_id: cx.trace_id(),
                routed: routed == Routed::ToQueue,
            };
            (StatusCode::ACCEPTED, Json(accepted)).into_response()
        }
        Err(error) => refuse(&cx, StatusCode::SERVICE_UNAVAILABLE, &error),
    }
}

async fn request(cx: Context, Json(outgoing): Json<Outgoing>) -> Response {
    let timeout = match outgoing.timeout() {
        Ok(timeout) => timeout,
        Err(error) => return refuse(&cx, StatusCode::UNPROCESSABLE_ENTITY, &error),
    };
    let cx = cx.with_deadline(Deadline::after(timeout));
    let message = match outgoing.message(cx.messaging()) {
        Ok(message) => message.transient(),
        Err(error) => return refuse(&cx, StatusCode::UNPROCESSABLE_ENTITY, &error),
    };
    match cx.ask(message).await {
        Ok(reply) => Json(Replied::of(cx.trace_id(), &reply)).into_response(),
        Err(error) => refuse(&cx, status(&error), &error),
    }
}

fn status(error: &RequestError) -> StatusCode {
    match error {
        RequestError::Unroutable { .. } => StatusCode::NOT_FOUND,
        RequestError::Timeout { .. } => StatusCode::GATEWAY_TIMEOUT,
        RequestError::Failed { .. } => StatusCode::BAD_GATEWAY,
        RequestError::Interrupted { .. }
        | RequestError::Publish(_)
        | RequestError::Subscribe(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// More patience than is allowed was asked for.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a reply is waited for {} at most, not {}", humantime::format_duration(MAX_TIMEOUT), humantime::format_duration(*asked))]
pub struct TooPatient {
    /// For how long the reply was to be waited for.
    pub asked: Duration,
}

impl Outgoing {
    /// How long its reply is waited for.
    fn timeout(&self) -> Result<Duration, TooPatient> {
        let asked = self.timeout_ms.map_or(
            crate::context::DEFAULT_REQUEST_TIMEOUT,
            Duration::from_millis,
        );
        match asked > MAX_TIMEOUT {
            true => Err(TooPatient { asked }),
            false => Ok(asked),
        }
    }

    fn message(&self, messaging: &Messaging) -> Result<Message, SendError> {
        let mut message = messaging.event(&self.routing_key, &self.body)?;
        for (name, value) in &self.headers {
            message
                .headers
                .set(name.as_str(), FieldValue::from(value.as_str()));
        }
        Ok(message)
    }
}

impl Replied {
    fn of(trace_id: String, reply: &Message) -> Self {
        let text = || Value::String(String::from_utf8_lossy(&reply.body).into_owned());
        let reply = serde_json::from_slice(&reply.body).unwrap_or_else(|_| text());
        Self { trace_id, reply }
    }
}

/// A problem by RFC 9457.
fn refuse(cx: &Context, status: StatusCode, error: &(dyn std::error::Error + 'static)) -> Response {
    let chain: Vec<String> = std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect();
    let problem = json!({
        "type": "about:blank",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "detail": chain.join(": "),
        "trace_id": cx.trace_id(),
    });
    (
        status,
        [(http::header::CONTENT_TYPE, "application/problem+json")],
        Json(problem),
    )
        .into_response()
}
