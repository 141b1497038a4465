//! A span in Zipkin's words.
//!
//! Sources: <https://zipkin.io/zipkin-api/zipkin2-api.yaml> (Span, Endpoint, Annotation), and the OpenTelemetry
//! specification, "OpenTelemetry to Zipkin Transformation".

use std::{
    collections::BTreeMap,
    net::IpAddr,
    time::{SystemTime, UNIX_EPOCH},
};

use opentelemetry::{
    Array, KeyValue, Value,
    trace::{Event, SpanId, SpanKind, Status},
};
use opentelemetry_sdk::trace::SpanData;
use serde::Serialize;
use serde_json::Value as Json;

use crate::telemetry::keys;

/// `Span` of Zipkin's API v2.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ZipkinSpan {
    trace_id: String,
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_id: Option<String>,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    /// Microseconds since the epoch.
    timestamp: u64,
    /// Microseconds, of which there is at least one.
    duration: u64,
    local_endpoint: Endpoint,
    #[serde(skip_serializing_if = "Option::is_none")]
    remote_endpoint: Option<Endpoint>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    annotations: Vec<Annotation>,
    tags: BTreeMap<String, String>,
}

/// `Endpoint` of Zipkin's API v2.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Endpoint {
    #[serde(skip_serializing_if = "Option::is_none")]
    service_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ipv4: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ipv6: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
}

/// `Annotation` of Zipkin's API v2.
#[derive(Debug, Serialize)]
struct Annotation {
    timestamp: u64,
    value: String,
}

impl ZipkinSpan {
    pub(super) fn new(service: &str, span: &SpanData) -> Self {
        let took = span
            .end_time
            .duration_since(span.start_time)
            .unwrap_or_default();
        let has_parent = span.parent_span_id != SpanId::INVALID;
        Self {
            trace_id: span.span_context.trace_id().to_string(),
            id: span.span_context.span_id().to_string(),
            parent_id: has_parent.then(|| span.parent_span_id.to_string()),
            name: span.name.to_string(),
            kind: kind(&span.span_kind),
            timestamp: micros(span.start_time),
            duration: u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1),
            local_endpoint: Endpoint {
                service_name: Some(service.to_owned()),
                ..Endpoint::default()
            },
            remote_endpoint: remote(span),
            annotations: span.events.events.iter().map(annotation).collect(),
            tags: tags(span),
        }
    }
}

/// Zipkin has no kind for work inside of a service.
fn kind(kind: &SpanKind) -> Option<&'static str> {
    match kind {
        SpanKind::Client => Some("CLIENT"),
        SpanKind::Server => Some("SERVER"),
        SpanKind::Producer => Some("PRODUCER"),
        SpanKind::Consumer => Some("CONSUMER"),
        SpanKind::Internal => None,
    }
}

fn micros(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// Whom a client or a producer called: the first of these attributes that it has, as the specification ranks them.
fn remote(span: &SpanData) -> Option<Endpoint> {
    if !matches!(span.span_kind, SpanKind::Client | SpanKind::Producer) {
        return None;
    }
    let get = |key: &str| {
        let found = span
            .attributes
            .iter()
            .find(|attribute| attribute.key.as_str() == key);
        found.map(|attribute| attribute.value.to_string())
    };
    let port = get(keys::SERVER_PORT).and_then(|port| port.parse().ok());
    let name = get(keys::PEER_SERVICE).or_else(|| get(keys::SERVICE_PEER_NAME));
    if name.is_some() {
        return Some(Endpoint {
            service_name: name,
            ..Endpoint::default()
        });
    }
    if let Some(address) = get(keys::SERVER_ADDRESS) {
        return Some(Endpoint::at(address, port));
    }
    let name = get(keys::DB_NAMESPACE)?;
    Some(Endpoint {
        service_name: Some(name),
        ..Endpoint::default()
    })
}

impl Endpoint {
    /// An address goes where Zipkin has a place for it, a name where it shows names.
    fn at(address: String, port: Option<u16>) -> Self {
        let mut endpoint = Self {
            port,
            ..Self::default()
        };
        match address.parse() {
            Ok(IpAddr::V4(_)) => endpoint.ipv4 = Some(address),
            Ok(IpAddr::V6(_)) => endpoint.ipv6 = Some(address),
            Err(_) => endpoint.service_name = Some(address),
        }
        endpoint
    }
}

fn tags(span: &SpanData) -> BTreeMap<String, String> {
    let attributes = span.attributes.iter();
    let mut tags: BTreeMap<String, String> = attributes
        .map(|KeyValue { key, value, .. }| (key.to_string(), text(value)))
        .collect();
    let mut put = |key: &str, value: String| drop(tags.insert(key.to_owned(), value));
    match &span.status {
        Status::Unset => {}
        Status::Ok => put("otel.status_code", "OK".to_owned()),
        Status::Error { description } => {
            put("otel.status_code", "ERROR".to_owned());
            put("error", description.to_string());
        }
    }
    let scope = &span.instrumentation_scope;
    put("otel.scope.name", scope.name().to_owned());
    if let Some(version) = scope.version() {
        put("otel.scope.version", version.to_owned());
    }
    let dropped = [
        (
            "otel.dropped_attributes_count",
            span.dropped_attributes_count,
        ),
        ("otel.dropped_events_count", span.events.dropped_count),
        ("otel.dropped_links_count", span.links.dropped_count),
    ];
    for (key, count) in dropped.into_iter().filter(|(_, count)| *count > 0) {
        put(key, count.to_string());
    }
    tags
}

/// A tag is a text; a list is one in JSON.
fn text(value: &Value) -> String {
    match value {
        Value::Array(_) => json(value).to_string(),
        other => other.to_string(),
    }
}

/// `name`, or `"name": {attributes}`.
fn annotation(event: &Event) -> Annotation {
    let value = if event.attributes.is_empty() {
        event.name.to_string()
    } else {
        let attributes = event.attributes.iter();
        let attributes: serde_json::Map<_, _> = attributes
            .map(|attribute| (attribute.key.to_string(), json(&attribute.value)))
            .collect();
        format!(
            "{}: {}",
            Json::from(event.name.as_ref()),
            Json::Object(attributes)
        )
    };
    Annotation {
        timestamp: micros(event.timestamp),
        value,
    }
}

fn json(value: &Value) -> Json {
    match value {
        Value::Bool(value) => (*value).into(),
        Value::I64(value) => (*value).into(),
        Value::F64(value) => (*value).into(),
        Value::Array(Array::Bool(values)) => values.clone().into(),
        Value::Array(Array::I64(values)) => values.clone().into(),
        Value::Array(Array::F64(values)) => values.clone().into(),
        Value::Array(Array::String(values)) => values
            .iter()
            .map(|value| Json::from(value.as_str()))
            .collect(),
        other => other.to_string().into(),
    }
}
