//! One log line: the event, and whose it is.

use std::{
    fmt::{self, Write as _},
    time::SystemTime,
};

use opentelemetry::{
    Context as OtelContext,
    trace::{SpanContext, TraceContextExt as _},
};
use serde_json::{Map, Value};
use tracing::{Event, Metadata, field};

use crate::telemetry::{Correlation, redact, tracer::RETURN};

/// What a line says. The ids are those of the OpenTelemetry context that is active where the event was made.
pub(super) struct Line<'a> {
    pub(super) time: SystemTime,
    service: &'a str,
    pub(super) metadata: &'static Metadata<'static>,
    pub(super) span: SpanContext,
    pub(super) correlation: Option<Correlation>,
    pub(super) fields: Fields,
}

impl<'a> Line<'a> {
    pub(super) fn new(service: &'a str, event: &Event<'_>) -> Self {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let (span, correlation) = OtelContext::map_current(|context| {
            (
                context.span().span_context().clone(),
                context.get::<Correlation>().map(clean),
            )
        });
        Self {
            time: SystemTime::now(),
            service,
            metadata: event.metadata(),
            span,
            correlation,
            fields,
        }
    }

    fn timestamp(&self) -> impl fmt::Display {
        humantime::format_rfc3339_micros(self.time)
    }

    /// `{"timestamp", "level", "service", "trace_id", "span_id", "correlation_id", "target", "message", "fields": {…}}`;
    /// what there is nothing of is left out.
    pub(super) fn json(&self) -> String {
        let mut line = Map::new();
        let mut put = |key: &str, value: String| {
            line.insert(key.to_owned(), Value::String(value));
        };
        put("timestamp", self.timestamp().to_string());
        put("level", self.metadata.level().to_string());
        put("service", self.service.to_owned());
        if self.span.is_valid() {
            put("trace_id", self.span.trace_id().to_string());
            put("span_id", self.span.span_id().to_string());
        }
        if let Some(Correlation(id)) = &self.correlation {
            put("correlation_id", id.clone());
        }
        put("target", self.metadata.target().to_owned());
        put("message", self.fields.message.clone());
        if !self.fields.others.is_empty() {
            line.insert(
                "fields".to_owned(),
                Value::Object(self.fields.others.clone()),
            );
        }
        Value::Object(line).to_string()
    }

    /// `time LEVEL service: message key=value … trace_id=… span_id=… correlation_id=…`.
    pub(super) fn readable(&self) -> String {
        let mut line = format!(
            "{} {:5} {}: {}",
            self.timestamp(),
            self.metadata.level(),
            self.service,
            Printable(&self.fields.message)
        );
        let mut put = |key: &str, value: &dyn fmt::Display| {
            write!(line, " {key}={value}").expect("a string takes any text");
        };
        for (key, value) in &self.fields.others {
            match value {
                Value::String(text) => put(key, &Printable(text)),
                other => put(key, other),
            }
        }
        if self.span.is_valid() {
            put("trace_id", &self.span.trace_id());
            put("span_id", &self.span.span_id());
        }
        if let Some(Correlation(id)) = &self.correlation {
            put("correlation_id", &Printable(id));
        }
        line
    }
}

/// A correlation id comes from the sender, who may have put anything there.
fn clean(Correlation(id): &Correlation) -> Correlation {
    Correlation(redact::text(id).into_owned())
}

/// Text on one line: what comes from outside must not be able to forge a line of its own.
struct Printable<'a>(&'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for char in self.0.chars() {
            if char.is_control() {
                write!(f, "{}", char.escape_default())?;
            } else {
                f.write_char(char)?;
            }
        }
        Ok(())
    }
}

/// The fields of an event, redacted.
#[derive(Default)]
pub(super) struct Fields {
    pub(super) message: String,
    pub(super) others: Map<String, Value>,
}

impl Fields {
    /// What `ret` and `err` of `#[tracing::instrument]` log has no message: it is made of the function's name.
    pub(super) fn name_outcome(&mut self, function: Option<&str>) {
        let function = function.unwrap_or("a function");
        let outcome = match () {
            () if self.others.contains_key(RETURN) => "returned",
            () if self.others.contains_key("error") => "failed",
            () => return,
        };
        self.message = format!("{function} {outcome}");
    }

    fn put_text(&mut self, field: &field::Field, text: &str) {
        let clean = redact::value(field.name(), text).into_owned();
        if field.name() == "message" {
            self.message = clean;
        } else {
            self.put(field, Value::String(clean));
        }
    }

    fn put(&mut self, field: &field::Field, value: Value) {
        self.others.insert(field.name().to_owned(), value);
    }
}

impl field::Visit for Fields {
    fn record_f64(&mut self, field: &field::Field, value: f64) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &field::Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &field::Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &field::Field, value: bool) {
        self.put(field, value.into());
    }

    fn record_str(&mut self, field: &field::Field, value: &str) {
        self.put_text(field, value);
    }

    fn record_error(&mut self, field: &field::Field, value: &(dyn std::error::Error + 'static)) {
        let causes = std::iter::successors(value.source(), |cause| (*cause).source());
        let text = causes.fold(value.to_string(), |text, cause| format!("{text}: {cause}"));
        self.put_text(field, &text);
    }

    fn record_debug(&mut self, field: &field::Field, value: &dyn fmt::Debug) {
        self.put_text(field, &format!("{value:?}"));
    }
}
