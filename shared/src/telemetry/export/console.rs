//! Spans on standard error, one line each, for people.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
    time::Duration,
};

use opentelemetry::{
    Context as OtelContext,
    trace::{SpanId, SpanKind, Status},
};
use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{Span, SpanData, SpanProcessor},
};

/// Writes a span when it ends, children hence before their parents.
#[derive(Debug)]
pub(in crate::telemetry) struct Console {
    service: String,
}

impl Console {
    pub(in crate::telemetry) fn new(service: &str) -> Self {
        Self {
            service: service.to_owned(),
        }
    }
}

impl SpanProcessor for Console {
    fn on_start(&self, _span: &mut Span, _context: &OtelContext) {}

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() {
            let line = line(&self.service, &span);
            // A console that is gone is no reason to fail.
            let _ = io::stderr().lock().write_all(line.as_bytes());
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// `span service: name KIND 1.234ms [ERROR why] trace=… id=… [parent=…] key=value … [event …]`.
fn line(service: &str, span: &SpanData) -> String {
    let took = span
        .end_time
        .duration_since(span.start_time)
        .unwrap_or_default();
    let mut line = format!(
        "span {service}: {} {} {took:.3?}",
        span.name,
        kind(&span.span_kind)
    );
    if let Status::Error { description } = &span.status {
        put(&mut line, format_args!(" ERROR {description}"));
    }
    let context = &span.span_context;
    put(
        &mut line,
        format_args!(" trace={} id={}", context.trace_id(), context.span_id()),
    );
    if span.parent_span_id != SpanId::INVALID {
        put(&mut line, format_args!(" parent={}", span.parent_span_id));
    }
    for attribute in &span.attributes {
        put(
            &mut line,
            format_args!(" {}={}", attribute.key, attribute.value),
        );
    }
    for event in &span.events.events {
        put(&mut line, format_args!(" [{}", event.name));
        for attribute in &event.attributes {
            put(
                &mut line,
                format_args!(" {}={}", attribute.key, attribute.value),
            );
        }
        line.push(']');
    }
    // Values come from outside and must not be able to forge a line.
    line = line.replace(|c: char| c.is_control(), " ");
    line.push('\n');
    line
}

fn put(line: &mut String, text: std::fmt::Arguments<'_>) {
    line.write_fmt(text).expect("a string takes any text");
}

fn kind(kind: &SpanKind) -> &'static str {
    match kind {
        SpanKind::Client => "CLIENT",
        SpanKind::Server => "SERVER",
        SpanKind::Producer => "PRODUCER",
        SpanKind::Consumer => "CONSUMER",
        SpanKind::Internal => "INTERNAL",
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::KeyValue;

    use super::*;
    use crate::telemetry::{SpanStart, Telemetry};

    #[test]
    fn a_span_is_one_line() {
        let (telemetry, spans) = Telemetry::for_test("svc");
        let start = SpanStart::new(SpanKind::Client, "GET").with(KeyValue::new("k", "a\nb"));
        let span = telemetry.root().start(start);
        span.event("retry", vec![KeyValue::new("n", 2)]);
        span.fail("timeout", "no answer");
        span.end();
        let span = spans.get_finished_spans().unwrap().remove(0);
        let text = line("svc", &span);
        let ids = format!(
            "trace={} id={}",
            span.span_context.trace_id(),
            span.span_context.span_id()
        );
        assert!(text.starts_with("span svc: GET CLIENT "), "{text}");
        let end = format!(" ERROR no answer {ids} k=a b error.type=timeout [retry n=2]\n");
        assert!(text.ends_with(&end), "{text}");
    }
}
