//! The shapes of the answers.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, span::SpanKind};
use serde_json::{Value, json};

use super::parameter::Malformed;
use crate::store::ReadError;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApiError {
    #[error("No traces found")]
    NotFound,
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("reading the trace store failed")]
    Read(#[from] ReadError),
    #[error("encoding the answer failed")]
    Encode(#[from] serde_json::Error),
    #[error("reading the trace store failed")]
    Panicked(#[source] tokio::task::JoinError),
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Read(_) | Self::Encode(_) | Self::Panicked(_) => {
                let error: &dyn std::error::Error = &self;
                tracing::error!(error, "the query API failed");
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        let body = json!({ "error": { "httpCode": status.as_u16(), "message": self.to_string() } });
        (status, Json(body)).into_response()
    }
}

pub(super) fn services(names: &[String]) -> Response {
    Json(json!({ "services": names })).into_response()
}

/// Jaeger names kinds in lower case, and none for an unspecified one.
pub(super) fn operations(operations: Vec<(String, SpanKind)>, only: Option<&str>) -> Response {
    let operations: Vec<_> = operations
        .into_iter()
        .map(|(name, kind)| (name, kind_name(kind)))
        .filter(|(_, kind)| only.is_none_or(|only| only.is_empty() || only == *kind))
        .map(|(name, kind)| {
            if kind.is_empty() {
                json!({ "name": name })
            } else {
                json!({ "name": name, "spanKind": kind })
            }
        })
        .collect();
    Json(json!({ "operations": operations })).into_response()
}

fn kind_name(kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::Unspecified => "",
        SpanKind::Internal => "internal",
        SpanKind::Server => "server",
        SpanKind::Client => "client",
        SpanKind::Producer => "producer",
        SpanKind::Consumer => "consumer",
    }
}

pub(super) fn traces(resources: &[ResourceSpans]) -> Result<Response, ApiError> {
    if resources.is_empty() {
        return Err(ApiError::NotFound);
    }
    let mut resources = serde_json::to_value(resources)?;
    leave_out_defaults(&mut resources);
    Ok(Json(json!({ "result": { "resourceSpans": resources } })).into_response())
}

/// Protobuf's JSON, and so Jaeger's, leaves out fields that have their default. Inside of an attribute's value the same
/// bytes mean something: `"stringValue":""` stays.
fn leave_out_defaults(json: &mut Value) {
    match json {
        Value::Array(items) => items.iter_mut().for_each(leave_out_defaults),
        Value::Object(fields) => fields.retain(|key, value| {
            leave_out_defaults(value);
            let is_no_time = key.ends_with("UnixNano") && value == "0";
            if key == "doubleValue" && value.is_null() {
                // What is no number is `null` to serde_json, which no reader of OTLP expects here.
                *value = Value::from("NaN");
            }
            key.ends_with("Value") || !(is_no_time || is_default(value))
        }),
        _ => {}
    }
}

fn is_default(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Number(number) => number.as_u64() == Some(0),
        Value::Array(items) => items.is_empty(),
        Value::Bool(_) | Value::Object(_) => false,
    }
}
