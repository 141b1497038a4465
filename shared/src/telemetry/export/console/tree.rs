//! How a trace is drawn: a line for each span, below its parent, with what it says of itself.

mod line;

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    time::{Duration, SystemTime},
};

use chimera_traces::waterfall::duration;
use opentelemetry::{
    KeyValue,
    trace::{Event, SpanId, SpanKind, Status},
};

use super::board::Entry;
use line::{Line, Style, clean};

/// Spans below each other that are drawn; those of a recursion without end would fill the screen, and the stack.
const MAX_DEPTH: usize = 64;

/// Most columns that the name of a service has.
const SERVICE_COLUMNS: usize = 24;

/// The longest duration, as `37.8 ms`.
const TIME_COLUMNS: usize = 7;

/// Shorter values may stand in a name by chance.
const LEAST_SAID: usize = 3;

/// What lines look like.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    pub(super) has_colours: bool,
    /// Longer lines are cut.
    pub(super) columns: usize,
}

/// The part of a trace that `entries` are, with a line that says which.
pub(super) fn draw(entries: &[Entry], look: Look) -> String {
    let ids: HashSet<SpanId> = entries.iter().map(Entry::id).collect();
    let services: BTreeSet<&str> = entries.iter().map(|entry| &*entry.service).collect();
    let longest = services.iter().map(|name| name.chars().count()).max();
    let mut drawing = Drawing {
        text: String::new(),
        children: HashMap::new(),
        service_columns: match services.len() {
            0 | 1 => 0,
            _ => longest.unwrap_or_default().min(SERVICE_COLUMNS),
        },
        look,
    };
    let mut sorted: Vec<_> = entries.iter().collect();
    sorted.sort_by_key(|entry| entry.span.start_time);
    let mut roots = Vec::new();
    for entry in sorted {
        let parent = entry.span.parent_span_id;
        if ids.contains(&parent) {
            drawing.children.entry(parent).or_default().push(entry);
        } else {
            roots.push(entry);
        }
    }
    drawing.title(entries, &services);
    drawing.spans(&roots, Place::default(), None);
    drawing.text
}

struct Drawing<'a> {
    text: String,
    children: HashMap<SpanId, Vec<&'a Entry>>,
    /// None where all is one service's.
    service_columns: usize,
    look: Look,
}

/// Where in the tree something is drawn.
#[derive(Debug, Default)]
struct Place {
    indent: String,
    depth: usize,
}

impl<'a> Drawing<'a> {
    fn line(&mut self, line: Line) {
        line.write(self.look, &mut self.text);
    }

    /// `trace 4bf9… · 12.3 ms · 5 spans · 1 failed · chimera-api, query_agent`.
    fn title(&mut self, entries: &[Entry], services: &BTreeSet<&str>) {
        let Some(first) = entries.first() else { return };
        let start = entries.iter().map(|entry| entry.span.start_time).min();
        let end = entries.iter().map(|entry| entry.span.end_time).max();
        let took = start.zip(end).map(|(start, end)| between(start, end));
        let failed = entries.iter().filter(|entry| has_failed(entry)).count();
        let services: Vec<_> = services.iter().copied().collect();
        let plural = if entries.len() == 1 { "" } else { "s" };
        let mut line = Line::default();
        let trace = first.span.span_context.trace_id();
        line.put(Style::Bold, format!("trace {trace}"));
        line.put(
            Style::Plain,
            format!(
                " · {} · {} span{plural}",
                read(took.unwrap_or_default()),
                entries.len(),
            ),
        );
        if failed > 0 {
            line.put(Style::Plain, " · ");
            line.put(Style::Red, format!("{failed} failed"));
        }
        let services = clean(&services.join(", "));
        line.put(Style::Plain, format!(" · {services}"));
        self.line(line);
    }

    fn spans(&mut self, entries: &[&'a Entry], place: Place, above: Option<&str>) {
        if place.depth >= MAX_DEPTH {
            return self.rest(entries, &place);
        }
        let Place { indent, depth } = place;
        for (index, entry) in entries.iter().enumerate() {
            let is_last = index + 1 == entries.len();
            let (branch, below) = if is_last {
                ("└─", "  ")
            } else {
                ("├─", "│ ")
            };
            let service = (above != Some(&*entry.service)).then_some(&*entry.service);
            let took = read(between(entry.span.start_time, entry.span.end_time));
            let service = service.unwrap_or_default();
            let mut line = self.begin((service, &took), &[&indent, branch]);
            span(&mut line, entry);
            self.line(line);
            let below = format!("{indent}{below}");
            let children = self.children.remove(&entry.id()).unwrap_or_default();
            let branch = if children.is_empty() { "  " } else { "│ " };
            for happened in &entry.span.events.events {
                let mut line = self.begin(("", ""), &[&below, branch]);
                event(&mut line, happened);
                self.line(line);
            }
            let place = Place {
                indent: below,
                depth: depth + 1,
            };
            self.spans(&children, place, Some(&entry.service));
        }
    }

    /// A line with its service, which is named where it is another one than above, how long it took, and its place.
    fn begin(&self, (service, took): (&str, &str), place: &[&str]) -> Line {
        let mut line = Line::default();
        if self.service_columns > 0 {
            line.put_column(Style::Cyan, &clean(service), self.service_columns);
        }
        line.put(
            Style::Plain,
            format!("{took:>TIME_COLUMNS$}  {}", place.concat()),
        );
        line
    }

    /// How many there are that are not drawn.
    fn rest(&mut self, entries: &[&'a Entry], place: &Place) {
        let (mut left, mut count) = (entries.to_vec(), 0);
        while let Some(entry) = left.pop() {
            count += 1;
            left.extend(self.children.remove(&entry.id()).unwrap_or_default());
        }
        if count > 0 {
            let mut line = self.begin(("", ""), &[&place.indent, "└─"]);
            line.put(Style::Plain, format!("… {count} more"));
            self.line(line);
        }
    }
}

/// `GET CLIENT ERROR no answer key=value …`.
fn span(line: &mut Line, entry: &Entry) {
    let span = &entry.span;
    line.put(Style::Bold, clean(&span.name));
    line.put(Style::Plain, format!(" {}", kind(&span.span_kind)));
    if let Status::Error { description } = &span.status {
        line.put(Style::Plain, " ");
        let error = format!("ERROR {}", clean(description));
        line.put(Style::Red, error.trim_end());
    }
    attributes(line, &span.attributes, &span.name);
}

fn event(line: &mut Line, event: &Event) {
    line.put(Style::Plain, format!("• {}", clean(&event.name)));
    attributes(line, &event.attributes, &event.name);
}

/// What `name` says already is left out: the line has room for other things.
fn attributes(line: &mut Line, attributes: &[KeyValue], name: &str) {
    for attribute in attributes {
        let value = attribute.value.to_string();
        if value.len() < LEAST_SAID || !name.contains(&value) {
            line.put(Style::Dim, format!(" {}={}", attribute.key, clean(&value)));
        }
    }
}

fn has_failed(entry: &Entry) -> bool {
    matches!(entry.span.status, Status::Error { .. })
}

fn between(start: SystemTime, end: SystemTime) -> Duration {
    end.duration_since(start).unwrap_or_default()
}

fn read(took: Duration) -> String {
    duration(took.as_secs_f64() * 1e9)
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
