//! A log line as an OTLP log record.
//!
//! Source: <https://opentelemetry.io/docs/specs/otel/logs/data-model/>; severities by its table for `tracing`'s levels.

use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, ArrayValue, KeyValue, any_value::Value as Any},
    logs::v1::{LogRecord, SeverityNumber},
};
use serde_json::Value;
use tracing::Level;

use super::line::Line;
use crate::{
    config::LimitsConfig,
    telemetry::{Correlation, keys},
};

/// A record, and the module that it comes from, which is its scope.
#[derive(Debug, Clone)]
pub(in crate::telemetry) struct Record {
    pub(in crate::telemetry) target: &'static str,
    pub(in crate::telemetry) record: LogRecord,
}

/// How much a record can hold.
#[derive(Debug, Clone, Copy)]
pub(in crate::telemetry) struct RecordLimits {
    attributes: usize,
    /// Characters of a text in an attribute.
    value_length: usize,
}

impl From<&LimitsConfig> for RecordLimits {
    fn from(limits: &LimitsConfig) -> Self {
        Self {
            attributes: limits.log_attributes() as usize,
            value_length: limits
                .log_value_length()
                .map_or(usize::MAX, |length| length as usize),
        }
    }
}

impl Line<'_> {
    /// The line as a record. Like the line, it is redacted.
    pub(super) fn record(&self, limits: RecordLimits) -> Record {
        let nanos = nanos(self.time);
        let (severity, text) = severity(self.metadata.level());
        let mut record = LogRecord {
            time_unix_nano: nanos,
            observed_time_unix_nano: nanos,
            severity_number: severity.into(),
            severity_text: text.to_owned(),
            body: Some(any(&Value::from(self.fields.message.as_str()), usize::MAX)),
            ..LogRecord::default()
        };
        if self.span.is_valid() {
            record.trace_id = self.span.trace_id().to_bytes().to_vec();
            record.span_id = self.span.span_id().to_bytes().to_vec();
            record.flags = u32::from(self.span.trace_flags().to_u8());
        }
        let conversation = self.correlation.as_ref().map(|Correlation(id)| {
            (
                keys::MESSAGING_MESSAGE_CONVERSATION_ID,
                Value::from(id.as_str()),
            )
        });
        let fields = self
            .fields
            .others
            .iter()
            .map(|(key, value)| (key.as_str(), value.clone()));
        let mut attributes = conversation.into_iter().chain(fields);
        let kept = attributes.by_ref().take(limits.attributes);
        record.attributes = kept
            .map(|(key, value)| KeyValue {
                key: key.to_owned(),
                value: Some(any(&value, limits.value_length)),
                ..KeyValue::default()
            })
            .collect();
        record.dropped_attributes_count = u32::try_from(attributes.count()).unwrap_or(u32::MAX);
        Record {
            target: self.metadata.target(),
            record,
        }
    }
}

fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

fn severity(level: &Level) -> (SeverityNumber, &'static str) {
    match *level {
        Level::ERROR => (SeverityNumber::Error, "ERROR"),
        Level::WARN => (SeverityNumber::Warn, "WARN"),
        Level::INFO => (SeverityNumber::Info, "INFO"),
        Level::DEBUG => (SeverityNumber::Debug, "DEBUG"),
        Level::TRACE => (SeverityNumber::Trace, "TRACE"),
    }
}

/// A value of a field; fields are flat, so that lists come only from what was a list before.
fn any(value: &Value, length: usize) -> AnyValue {
    let value = match value {
        Value::Null => None,
        Value::Bool(value) => Some(Any::BoolValue(*value)),
        Value::Number(number) => number
            .as_i64()
            .map(Any::IntValue)
            .or_else(|| number.as_f64().map(Any::DoubleValue)),
        Value::String(text) => Some(Any::StringValue(text.chars().take(length).collect())),
        Value::Array(values) => Some(Any::ArrayValue(ArrayValue {
            values: values.iter().map(|value| any(value, length)).collect(),
        })),
        Value::Object(_) => Some(Any::StringValue(value.to_string())),
    };
    AnyValue { value }
}
