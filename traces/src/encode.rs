//! A span of the SDK in OTLP's encoding, straight away.
//!
//! `opentelemetry-proto` makes a message of it first, which allocates every key and every value of every attribute, to
//! free them as soon as they are encoded. A span is encoded by the one who ends it, in the middle of other work.
//!
//! Source: `opentelemetry/proto/trace/v1/trace.proto` and <https://protobuf.dev/programming-guides/encoding/>.

use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry::{
    Array, KeyValue, SpanId, Value,
    trace::{SpanContext, SpanKind, Status},
};
use opentelemetry_proto::tonic::trace::v1::{
    SpanFlags, span::SpanKind as OtlpKind, status::StatusCode,
};
use opentelemetry_sdk::trace::SpanData;

/// Appends the span as OTLP's `Span`, but for its ids, name, start and end, which are kept beside it.
pub(crate) fn rest(buffer: &mut Vec<u8>, span: &SpanData) {
    let mut message = Message(std::mem::take(buffer));
    message.rest(span);
    *buffer = message.0;
}

/// The kind as OTLP numbers it.
pub(crate) fn kind(kind: &SpanKind) -> i32 {
    OtlpKind::from(kind.clone()) as i32
}

/// Nanoseconds since the Unix epoch; 0 for a time before it.
pub(crate) fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// How a value is written, the lower three bits of a field's tag.
#[derive(Clone, Copy)]
enum Wire {
    Varint = 0,
    Fixed64 = 1,
    Length = 2,
    Fixed32 = 5,
}

/// A message being written. Fields whose value is the default are left out, except in a `oneof`.
struct Message(Vec<u8>);

impl Message {
    fn rest(&mut self, span: &SpanData) {
        self.bytes(3, span.span_context.trace_state().header().as_bytes());
        if span.parent_span_id != SpanId::INVALID {
            self.bytes(4, &span.parent_span_id.to_bytes());
        }
        self.number(6, kind(&span.span_kind).unsigned_abs());
        self.attributes(9, &span.attributes);
        self.number(10, span.dropped_attributes_count);
        for event in &span.events.events {
            self.message(11, |message| {
                message.fixed64(1, nanos(event.timestamp));
                message.bytes(2, event.name.as_bytes());
                message.attributes(3, &event.attributes);
                message.number(4, event.dropped_attributes_count);
            });
        }
        self.number(12, span.events.dropped_count);
        for link in &span.links.links {
            self.message(13, |message| {
                message.ids(&link.span_context);
                message.attributes(4, &link.attributes);
                message.number(5, link.dropped_attributes_count);
                message.flags(6, &link.span_context, link.span_context.is_remote());
            });
        }
        self.number(14, span.links.dropped_count);
        self.message(15, |message| message.status(&span.status));
        self.flags(16, &span.span_context, span.parent_span_is_remote);
    }

    /// Trace id, span id and trace state, which links begin with.
    fn ids(&mut self, context: &SpanContext) {
        self.bytes(1, &context.trace_id().to_bytes());
        self.bytes(2, &context.span_id().to_bytes());
        self.bytes(3, context.trace_state().header().as_bytes());
    }

    fn flags(&mut self, field: u32, context: &SpanContext, is_remote: bool) {
        let mut flags = u32::from(context.trace_flags().to_u8());
        flags |= SpanFlags::ContextHasIsRemoteMask as u32;
        if is_remote {
            flags |= SpanFlags::ContextIsRemoteMask as u32;
        }
        self.tag(field, Wire::Fixed32);
        self.0.extend_from_slice(&flags.to_le_bytes());
    }

    fn status(&mut self, status: &Status) {
        let code = match status {
            Status::Unset => StatusCode::Unset,
            Status::Ok => StatusCode::Ok,
            Status::Error { description } => {
                self.bytes(2, description.as_bytes());
                StatusCode::Error
            }
        };
        self.number(3, (code as i32).unsigned_abs());
    }

    fn attributes(&mut self, field: u32, attributes: &[KeyValue]) {
        for attribute in attributes {
            self.message(field, |message| {
                message.bytes(1, attribute.key.as_str().as_bytes());
                message.message(2, |message| message.value(&attribute.value));
            });
        }
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::String(value) => self.text(value.as_str()),
            Value::Bool(value) => self.truth(*value),
            Value::I64(value) => self.integer(*value),
            Value::F64(value) => self.real(*value),
            Value::Array(values) => self.message(5, |message| message.array(values)),
            // A kind of value that this version of the API does not have.
            _ => {}
        }
    }

    fn array(&mut self, values: &Array) {
        match values {
            Array::String(values) => self.values(values, |message, value| {
                message.text(value.as_str());
            }),
            Array::Bool(values) => self.values(values, |message, value| message.truth(*value)),
            Array::I64(values) => self.values(values, |message, value| message.integer(*value)),
            Array::F64(values) => self.values(values, |message, value| message.real(*value)),
            // As above.
            _ => {}
        }
    }

    fn values<T>(&mut self, values: &[T], write: impl Fn(&mut Self, &T)) {
        for value in values {
            self.message(1, |message| write(message, value));
        }
    }

    fn text(&mut self, value: &str) {
        self.tag(1, Wire::Length);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value.as_bytes());
    }

    fn truth(&mut self, value: bool) {
        self.tag(2, Wire::Varint);
        self.0.push(u8::from(value));
    }

    fn integer(&mut self, value: i64) {
        self.tag(3, Wire::Varint);
        self.varint(value.cast_unsigned());
    }

    fn real(&mut self, value: f64) {
        self.tag(4, Wire::Fixed64);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn bytes(&mut self, field: u32, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.tag(field, Wire::Length);
            self.varint(bytes.len() as u64);
            self.0.extend_from_slice(bytes);
        }
    }

    fn number(&mut self, field: u32, number: u32) {
        if number != 0 {
            self.tag(field, Wire::Varint);
            self.varint(u64::from(number));
        }
    }

    fn fixed64(&mut self, field: u32, number: u64) {
        if number != 0 {
            self.tag(field, Wire::Fixed64);
            self.0.extend_from_slice(&number.to_le_bytes());
        }
    }

    /// A message in this one. Its length comes first and is known last: one byte is kept for it, which mostly does.
    fn message(&mut self, field: u32, write: impl FnOnce(&mut Self)) {
        self.tag(field, Wire::Length);
        let at = self.0.len();
        self.0.push(0);
        write(self);
        let length = self.0.len() - at - 1;
        match u8::try_from(length) {
            Ok(length) if length < 0x80 => self.0[at] = length,
            _ => {
                let mut prefix = Self(Vec::with_capacity(10));
                prefix.varint(length as u64);
                self.0.splice(at..=at, prefix.0);
            }
        }
    }

    fn tag(&mut self, field: u32, wire: Wire) {
        self.varint(u64::from(field << 3 | wire as u32));
    }

    fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::{
        InstrumentationScope, TraceFlags, TraceId,
        trace::{Event, Link, TraceState},
    };
    use opentelemetry_proto::tonic::trace::v1::Span as OtlpSpan;
    use opentelemetry_sdk::trace::{SpanEvents, SpanLinks};
    use prost::Message as _;

    use super::*;

    fn context(state: &[(&str, &str)]) -> SpanContext {
        let state = TraceState::from_key_value(state.iter().copied()).unwrap();
        let (trace, span) = (TraceId::from(7), SpanId::from(9));
        SpanContext::new(trace, span, TraceFlags::SAMPLED, true, state)
    }

    fn bare() -> SpanData {
        SpanData {
            span_context: context(&[]),
            parent_span_id: SpanId::INVALID,
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name: "".into(),
            start_time: UNIX_EPOCH,
            end_time: UNIX_EPOCH,
            attributes: Vec::new(),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: InstrumentationScope::default(),
        }
    }

    fn attributes() -> Vec<KeyValue> {
        let long = "ü".repeat(40_000);
        vec![
            KeyValue::new("string", long),
            KeyValue::new("", ""),
            KeyValue::new("truth", true),
            KeyValue::new("untruth", false),
            KeyValue::new("integer", i64::MIN),
            KeyValue::new("zero", 0),
            KeyValue::new("real", -0.0),
            KeyValue::new(
                "strings",
                Value::Array(Array::String(vec!["a".into(), "".into()])),
            ),
            KeyValue::new("truths", Value::Array(Array::Bool(vec![true, false]))),
            KeyValue::new("integers", Value::Array(Array::I64(vec![1, -1]))),
            KeyValue::new("reals", Value::Array(Array::F64(vec![0.5, f64::MAX]))),
            KeyValue::new("nothing", Value::Array(Array::I64(Vec::new()))),
        ]
    }

    fn check(data: &SpanData) {
        let expected = OtlpSpan {
            trace_id: Vec::new(),
            span_id: Vec::new(),
            name: String::new(),
            start_time_unix_nano: 0,
            end_time_unix_nano: 0,
            ..OtlpSpan::from(data.clone())
        };
        let mut encoded = b"before".to_vec();
        rest(&mut encoded, data);
        let encoded = encoded.strip_prefix(b"before").unwrap();
        assert_eq!(OtlpSpan::decode(encoded).unwrap(), expected);
        assert_eq!(encoded.len(), expected.encoded_len());
    }

    #[test]
    fn spans_are_encoded_as_otlp_has_them() {
        check(&bare());
        let mut events = SpanEvents::default();
        events.events = vec![Event::new("exception", SystemTime::now(), attributes(), 3)];
        events.dropped_count = 4;
        let mut links = SpanLinks::default();
        links.links = vec![
            Link::new(context(&[("vendor", "1")]), attributes(), 5),
            Link::new(context(&[]), Vec::new(), 0),
        ];
        links.dropped_count = u32::MAX;
        let full = SpanData {
            span_context: context(&[("vendor", "1"), ("other", "2")]),
            parent_span_id: SpanId::from(3),
            parent_span_is_remote: true,
            span_kind: SpanKind::Consumer,
            name: "process".into(),
            start_time: SystemTime::now(),
            end_time: SystemTime::now(),
            attributes: attributes(),
            dropped_attributes_count: 2,
            events,
            links,
            status: Status::error("broke"),
            ..bare()
        };
        check(&full);
        for span_kind in [SpanKind::Client, SpanKind::Producer, SpanKind::Server] {
            let status = Status::Ok;
            check(&SpanData {
                span_kind,
                status,
                ..bare()
            });
        }
    }
}
