//! From OTLP, as messages or as JSON, to [`Span`].

use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, KeyValue, any_value::Value as OtlpValue},
    trace::v1::{
        ResourceSpans, Span as OtlpSpan,
        span::SpanKind,
        span::{Event as OtlpEvent, Link as OtlpLink},
        status::StatusCode,
    },
};
use serde::Deserialize;
use serde_json::Value;

use super::{Attributes, Event, Kind, Link, Span, Status};
use crate::attribute;

/// What Jaeger thought of a span when somebody looked at it: it keeps that with the span, and nobody recorded it.
const JAEGERS_WARNINGS: &str = "@jaeger@warnings";

/// Why bytes are not OTLP JSON.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// Not JSON, or not of OTLP's shape.
    #[error("reading spans from OTLP JSON")]
    Json(#[from] serde_json::Error),
}

/// The spans of OTLP resources, in their order.
pub fn spans_from_otlp(resources: &[ResourceSpans]) -> Vec<Span> {
    let mut spans = Vec::new();
    for resource in resources {
        let attributes = resource
            .resource
            .as_ref()
            .map(|resource| resource.attributes.as_slice());
        let service = string_attribute(attributes.unwrap_or_default(), attribute::SERVICE_NAME)
            .unwrap_or_default();
        let of_resource = resource.scope_spans.iter().flat_map(|scope| &scope.spans);
        spans.extend(of_resource.map(|span| from_otlp(service, span)));
    }
    spans
}

/// The spans in OTLP JSON: a `TracesData` (`{"resourceSpans":[…]}`), or an answer of Jaeger's API v3 (the same under
/// `result`). Both our own and a real Jaeger's are understood.
///
/// # Errors
/// [`ParseError::Json`] if it is neither.
pub fn spans_from_otlp_json(json: &[u8]) -> Result<Vec<Span>, ParseError> {
    let mut json: Value = serde_json::from_slice(json)?;
    spell_out(&mut json);
    let Envelope {
        result,
        resource_spans,
    } = serde_json::from_value(json)?;
    let resources = result.map_or(resource_spans, |traces| traces.resource_spans);
    Ok(spans_from_otlp(&resources))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    result: Option<Traces>,
    #[serde(default)]
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Traces {
    #[serde(default)]
    resource_spans: Vec<ResourceSpans>,
}

/// Protobuf's JSON leaves defaults out and has words for what no JSON number is; the generated types refuse both:
/// `"arrayValue":{}`, an attribute whose key is empty, `"doubleValue":"NaN"`.
fn spell_out(json: &mut Value) {
    match json {
        Value::Array(items) => items.iter_mut().for_each(spell_out),
        Value::Object(fields) => {
            if fields.contains_key("value") {
                fields.entry("key").or_insert_with(|| Value::from(""));
            }
            if let Some(word) = fields
                .get("doubleValue")
                .and_then(Value::as_str)
                .map(str::to_owned)
            {
                fields.remove("doubleValue");
                fields.insert("stringValue".to_owned(), word.into());
            }
            for (key, value) in fields {
                if let ("arrayValue" | "kvlistValue", Value::Object(list)) =
                    (key.as_str(), &mut *value)
                {
                    list.entry("values")
                        .or_insert_with(|| Value::Array(Vec::new()));
                }
                spell_out(value);
            }
        }
        _ => {}
    }
}

fn from_otlp(service: &str, span: &OtlpSpan) -> Span {
    let (start_ns, end_ns) = (span.start_time_unix_nano, span.end_time_unix_nano);
    let status = span.status.as_ref();
    Span {
        trace_id: hex(&span.trace_id),
        span_id: hex(&span.span_id),
        parent_span_id: span
            .parent_span_id
            .iter()
            .any(|byte| *byte != 0)
            .then(|| hex(&span.parent_span_id)),
        service: service.to_owned(),
        name: span.name.clone(),
        kind: kind(span.kind),
        start_ns,
        duration_ns: end_ns.saturating_sub(start_ns),
        status: status.map_or(Status::Unset, |status| {
            match StatusCode::try_from(status.code) {
                Ok(StatusCode::Ok) => Status::Ok,
                Ok(StatusCode::Error) => Status::Error,
                Ok(StatusCode::Unset) | Err(_) => Status::Unset,
            }
        }),
        status_message: status
            .map(|status| status.message.clone())
            .unwrap_or_default(),
        attributes: attributes(&span.attributes),
        events: span.events.iter().map(event).collect(),
        links: span.links.iter().map(link).collect(),
        ends_before_start: end_ns < start_ns,
    }
}

fn kind(kind: i32) -> Kind {
    match SpanKind::try_from(kind) {
        Ok(SpanKind::Internal) => Kind::Internal,
        Ok(SpanKind::Server) => Kind::Server,
        Ok(SpanKind::Client) => Kind::Client,
        Ok(SpanKind::Producer) => Kind::Producer,
        Ok(SpanKind::Consumer) => Kind::Consumer,
        Ok(SpanKind::Unspecified) | Err(_) => Kind::Unspecified,
    }
}

fn event(event: &OtlpEvent) -> Event {
    Event {
        name: event.name.clone(),
        time_ns: event.time_unix_nano,
        attributes: attributes(&event.attributes),
    }
}

fn link(link: &OtlpLink) -> Link {
    Link {
        trace_id: hex(&link.trace_id),
        span_id: hex(&link.span_id),
        attributes: attributes(&link.attributes),
    }
}

fn attributes(attributes: &[KeyValue]) -> Attributes {
    Attributes(
        attributes
            .iter()
            .filter(|attribute| attribute.key != JAEGERS_WARNINGS)
            .map(|attribute| (attribute.key.clone(), value(attribute.value.as_ref())))
            .collect(),
    )
}

fn value(any: Option<&AnyValue>) -> Value {
    match any.and_then(|any| any.value.as_ref()) {
        None => Value::Null,
        Some(OtlpValue::StringValue(text)) => text.as_str().into(),
        Some(OtlpValue::BoolValue(flag)) => (*flag).into(),
        Some(OtlpValue::IntValue(number)) => (*number).into(),
        // JSON has no NaN and no infinity.
        Some(OtlpValue::DoubleValue(number)) if !number.is_finite() => number.to_string().into(),
        Some(OtlpValue::DoubleValue(number)) => (*number).into(),
        Some(OtlpValue::ArrayValue(list)) => {
            list.values.iter().map(|item| value(Some(item))).collect()
        }
        Some(OtlpValue::KvlistValue(list)) => Value::Object(
            list.values
                .iter()
                .map(|entry| (entry.key.clone(), value(entry.value.as_ref())))
                .collect(),
        ),
        Some(OtlpValue::BytesValue(bytes)) => hex(bytes).into(),
        // An index into a table that only profiles carry.
        Some(OtlpValue::StringValueStrindex(index)) => (*index).into(),
    }
}

/// The value of the first text attribute under `key`.
pub(crate) fn string_attribute<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a str> {
    let attribute = attributes.iter().find(|attribute| attribute.key == key)?;
    match attribute.value.as_ref()?.value.as_ref()? {
        OtlpValue::StringValue(text) => Some(text),
        _ => None,
    }
}

/// An attribute's value as text: text as it is, the rest as JSON.
pub(crate) fn attribute_text(attribute: &KeyValue) -> String {
    match value(attribute.value.as_ref()) {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}
