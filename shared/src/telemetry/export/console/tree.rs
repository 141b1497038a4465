//! How a trace is drawn: a line for each span, below its parent, with what it says of itself.

use std::{
    collections::{HashMap, HashSet},
    fmt::{self, Write as _},
    time::{Duration, SystemTime},
};

use opentelemetry::{
    KeyValue,
    trace::{Event, SpanId, SpanKind, Status},
};
use opentelemetry_sdk::trace::SpanData;

/// Longest value that is shown: a line is for reading.
const MAX_VALUE: usize = 120;

/// Spans below each other that are drawn; those of a recursion without end would fill the screen, and the stack.
const MAX_DEPTH: usize = 64;

const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const RED: &str = "\x1b[31m";
const PLAIN: &str = "\x1b[0m";

/// The part of a trace that `spans` are, with a line that says which.
pub(super) fn draw(service: &str, spans: &[SpanData], has_colours: bool) -> String {
    let mut drawing = Drawing {
        text: String::new(),
        children: HashMap::new(),
        has_colours,
    };
    let ids: HashSet<SpanId> = spans
        .iter()
        .map(|span| span.span_context.span_id())
        .collect();
    let mut sorted: Vec<_> = spans.iter().collect();
    sorted.sort_by_key(|span| span.start_time);
    let mut roots = Vec::new();
    for span in sorted {
        if ids.contains(&span.parent_span_id) {
            drawing
                .children
                .entry(span.parent_span_id)
                .or_default()
                .push(span);
        } else {
            roots.push(span);
        }
    }
    drawing.title(service, spans);
    drawing.spans(&roots, "", 1);
    drawing.text
}

struct Drawing<'a> {
    text: String,
    children: HashMap<SpanId, Vec<&'a SpanData>>,
    has_colours: bool,
}

impl<'a> Drawing<'a> {
    fn put(&mut self, text: fmt::Arguments<'_>) {
        self.text.write_fmt(text).expect("a string takes any text");
    }

    fn styled(&mut self, style: &str, text: &str) {
        if self.has_colours {
            self.put(format_args!("{style}{text}{PLAIN}"));
        } else {
            self.text.push_str(text);
        }
    }

    /// `trace 4bf9… of api, 5 spans in 12.3ms, 1 failed`.
    fn title(&mut self, service: &str, spans: &[SpanData]) {
        let Some(first) = spans.first() else { return };
        let start = spans.iter().map(|span| span.start_time).min();
        let end = spans.iter().map(|span| span.end_time).max();
        let took = start.zip(end).map(|(start, end)| between(start, end));
        let failed = spans
            .iter()
            .filter(|span| matches!(span.status, Status::Error { .. }));
        let (count, failed) = (spans.len(), failed.count());
        let trace = first.span_context.trace_id();
        self.styled(BOLD, &format!("trace {trace}"));
        let plural = if count == 1 { "" } else { "s" };
        self.put(format_args!(
            " of {}, {count} span{plural} in {}",
            clean(service),
            read(took.unwrap_or_default())
        ));
        if failed > 0 {
            self.text.push_str(", ");
            self.styled(RED, &format!("{failed} failed"));
        }
        self.text.push('\n');
    }

    fn spans(&mut self, spans: &[&'a SpanData], indent: &str, depth: usize) {
        if depth > MAX_DEPTH {
            return self.rest(spans, indent);
        }
        for (index, span) in spans.iter().enumerate() {
            let is_last = index + 1 == spans.len();
            let (branch, below) = if is_last {
                ("└─ ", "   ")
            } else {
                ("├─ ", "│  ")
            };
            self.put(format_args!("{indent}{branch}"));
            self.span(span);
            let below = format!("{indent}{below}");
            let children = self
                .children
                .remove(&span.span_context.span_id())
                .unwrap_or_default();
            for event in &span.events.events {
                let branch = if children.is_empty() { "   " } else { "│  " };
                self.put(format_args!("{below}{branch}"));
                self.event(event);
            }
            self.spans(&children, &below, depth + 1);
        }
    }

    /// How many there are that are not drawn.
    fn rest(&mut self, spans: &[&'a SpanData], indent: &str) {
        let (mut left, mut count) = (spans.to_vec(), 0);
        while let Some(span) = left.pop() {
            count += 1;
            let children = self.children.remove(&span.span_context.span_id());
            left.extend(children.unwrap_or_default());
        }
        if count > 0 {
            self.put(format_args!("{indent}└─ … {count} more\n"));
        }
    }

    /// `GET CLIENT 1.2ms ERROR no answer key=value …`.
    fn span(&mut self, span: &SpanData) {
        self.styled(BOLD, &clean(&span.name));
        let took = read(between(span.start_time, span.end_time));
        self.put(format_args!(" {} {took}", kind(&span.span_kind)));
        if let Status::Error { description } = &span.status {
            self.text.push(' ');
            self.styled(RED, format!("ERROR {}", clean(description)).trim_end());
        }
        self.attributes(&span.attributes);
        self.text.push('\n');
    }

    fn event(&mut self, event: &Event) {
        self.put(format_args!("• {}", clean(&event.name)));
        self.attributes(&event.attributes);
        self.text.push('\n');
    }

    fn attributes(&mut self, attributes: &[KeyValue]) {
        for attribute in attributes {
            let value = attribute.value.to_string();
            let text = format!(" {}={}", attribute.key, clean(&value));
            self.styled(DIM, &text);
        }
    }
}

/// Values come from outside: they must not be able to forge a line, to paint, or to fill the screen.
fn clean(text: &str) -> String {
    let mut clean: String = text
        .chars()
        .take(MAX_VALUE)
        .map(|char| if char.is_control() { ' ' } else { char })
        .collect();
    if text.chars().nth(MAX_VALUE).is_some() {
        clean.push('…');
    }
    clean
}

fn between(start: SystemTime, end: SystemTime) -> Duration {
    end.duration_since(start).unwrap_or_default()
}

/// A duration with three digits behind the point, at most.
fn read(duration: Duration) -> String {
    format!("{duration:.3?}")
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
