//! A trace as people look at it: spans with plain fields, their tree, its critical path and what is wrong with it.

mod critical_path;
mod otlp;
mod problem;
mod span;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::{HashMap, HashSet};

pub(crate) use self::otlp::{attribute_text, string_attribute};
pub use self::{
    critical_path::Section,
    otlp::{ParseError, spans_from_otlp, spans_from_otlp_json},
    problem::Problem,
    span::{Attributes, Event, Kind, Link, Span, Status},
};

/// The spans of one trace as a tree.
///
/// Nothing is refused: a span whose parent is missing stands under a [`Row::Gap`], and so does one of a ring of parents.
#[derive(Debug, Clone)]
pub struct Trace {
    /// By start time, then by span id.
    spans: Vec<Span>,
    parents: Vec<Option<usize>>,
    /// By start time, like the spans.
    children: Vec<Vec<usize>>,
    rows: Vec<Row>,
    critical_path: Vec<Section>,
}

/// One line of the tree, in the order in which it is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    /// A span: an index into [`Trace::spans`].
    Span {
        /// Which one.
        index: usize,
        /// Above how many ancestors (and a gap) it hangs: 0 for a root.
        depth: usize,
    },
    /// Stands for a parent that is not among the spans; the spans below it at depth 1 name it as their parent.
    Gap {
        /// The id that is missing, or of a span that is its own ancestor.
        span_id: String,
    },
}

/// What a service contributed to a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceTotal {
    /// The service's name; empty for spans without one.
    pub service: String,
    /// How many spans.
    pub spans: usize,
    /// How many of them failed.
    pub errors: usize,
    /// Time on the critical path, in nanoseconds, without that spent in queues.
    pub critical_ns: u64,
}

impl Trace {
    /// Builds the tree. Of spans with the same id the last one counts; the order of the rest does not matter.
    pub fn from_spans(spans: Vec<Span>) -> Self {
        let spans = deduplicated(spans);
        let by_id: HashMap<&str, usize> = spans
            .iter()
            .enumerate()
            .map(|(index, span)| (span.span_id.as_str(), index))
            .collect();
        let parent = |span: &Span| by_id.get(span.parent_span_id.as_deref()?).copied();
        let mut parents: Vec<_> = spans.iter().map(parent).collect();
        cut_rings(&mut parents);
        let mut children = vec![Vec::new(); spans.len()];
        for (index, parent) in parents.iter().enumerate() {
            if let Some(parent) = parent {
                children[*parent].push(index);
            }
        }
        let rows = rows(&spans, &parents, &children);
        let critical_path = critical_path::compute(&spans, &parents, &children);
        Self {
            spans,
            parents,
            children,
            rows,
            critical_path,
        }
    }

    /// The traces that the spans belong to, the latest to start first: what a search answers, taken apart.
    pub fn each_of(spans: Vec<Span>) -> Vec<Self> {
        let mut by_trace: HashMap<String, Vec<Span>> = HashMap::new();
        for span in spans {
            by_trace
                .entry(span.trace_id.clone())
                .or_default()
                .push(span);
        }
        let mut traces: Vec<_> = by_trace.into_values().map(Self::from_spans).collect();
        traces.sort_by_key(|trace| std::cmp::Reverse(trace.start_ns()));
        traces
    }

    /// The spans by start time.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// The tree, flattened: parents before children, siblings by start time, orphans last under their gap.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The parent of a span (both are indexes into [`Trace::spans`]); `None` for roots and orphans.
    pub fn parent(&self, index: usize) -> Option<usize> {
        self.parents[index]
    }

    /// The children of a span by start time.
    pub fn children(&self, index: usize) -> &[usize] {
        &self.children[index]
    }

    /// The first span without a parent, else the earliest span. `None` only for an empty trace.
    pub fn root(&self) -> Option<&Span> {
        let is_root = |span: &&Span| span.parent_span_id.is_none();
        self.spans.iter().find(is_root).or(self.spans.first())
    }

    /// The trace id of the root, lower-case hex; empty for an empty trace.
    pub fn trace_id(&self) -> &str {
        self.root().map_or("", |root| &root.trace_id)
    }

    /// When the first span starts, in nanoseconds since the Unix epoch.
    pub fn start_ns(&self) -> u64 {
        self.spans.first().map_or(0, |span| span.start_ns)
    }

    /// When the last span ends, in nanoseconds since the Unix epoch.
    pub fn end_ns(&self) -> u64 {
        self.spans.iter().map(Span::end_ns).max().unwrap_or(0)
    }

    /// From the start of the first span to the end of the last, in nanoseconds.
    pub fn duration_ns(&self) -> u64 {
        self.end_ns() - self.start_ns()
    }

    /// When it started, in UTC to the second: `2019-03-28 12:00:01`.
    pub fn started(&self) -> String {
        span::timestamp(self.start_ns())
            .strftime("%F %T")
            .to_string()
    }

    /// How long it took, as people read it: `312 µs`, `1.24 s`.
    pub fn took(&self) -> String {
        crate::waterfall::duration(self.duration_ns() as f64)
    }

    /// How many spans failed.
    pub fn errors(&self) -> usize {
        self.spans.iter().filter(|span| span.is_error()).count()
    }

    /// Where the time went: sections that follow each other in time, the earliest first. See [`Section`].
    pub fn critical_path(&self) -> &[Section] {
        &self.critical_path
    }

    /// What each service contributed, in the order in which the services first appear.
    pub fn services(&self) -> Vec<ServiceTotal> {
        let mut totals: Vec<ServiceTotal> = Vec::new();
        let mut places = HashMap::new();
        for span in &self.spans {
            let place = *places.entry(span.service.as_str()).or_insert(totals.len());
            if place == totals.len() {
                totals.push(ServiceTotal {
                    service: span.service.clone(),
                    spans: 0,
                    errors: 0,
                    critical_ns: 0,
                });
            }
            totals[place].spans += 1;
            totals[place].errors += usize::from(span.is_error());
        }
        for section in self
            .critical_path
            .iter()
            .filter(|section| !section.in_queue)
        {
            let place = places[self.spans[section.span].service.as_str()];
            totals[place].critical_ns += section.end_ns - section.start_ns;
        }
        totals
    }

    /// What breaks the contract "One trace": empty for a trace as it should be.
    pub fn problems(&self) -> Vec<Problem> {
        problem::find(self)
    }
}

fn deduplicated(spans: Vec<Span>) -> Vec<Span> {
    let mut last: HashMap<(String, String), Span> = HashMap::with_capacity(spans.len());
    for span in spans {
        last.insert((span.trace_id.clone(), span.span_id.clone()), span);
    }
    let mut spans: Vec<_> = last.into_values().collect();
    spans.sort_by(|a, b| (a.start_ns, &a.span_id).cmp(&(b.start_ns, &b.span_id)));
    spans
}

/// Takes the parent from one span of each ring of parents, so that every span hangs on a root.
fn cut_rings(parents: &mut [Option<usize>]) {
    let mut settled = vec![false; parents.len()];
    for first in 0..parents.len() {
        let mut path = Vec::new();
        let mut on_path = HashSet::new();
        let mut current = first;
        while !settled[current] && on_path.insert(current) {
            path.push(current);
            match parents[current] {
                Some(parent) if on_path.contains(&parent) => parents[current] = None,
                Some(parent) => current = parent,
                None => {}
            }
        }
        for index in path {
            settled[index] = true;
        }
    }
}

fn rows(spans: &[Span], parents: &[Option<usize>], children: &[Vec<usize>]) -> Vec<Row> {
    let mut rows = Vec::with_capacity(spans.len());
    let mut gaps: Vec<(&str, Vec<usize>)> = Vec::new();
    for (index, span) in spans
        .iter()
        .enumerate()
        .filter(|(index, _)| parents[*index].is_none())
    {
        match span.parent_span_id.as_deref() {
            None => push_subtree(&mut rows, children, index, 0),
            Some(missing) => match gaps.iter_mut().find(|(id, _)| *id == missing) {
                Some((_, orphans)) => orphans.push(index),
                None => gaps.push((missing, vec![index])),
            },
        }
    }
    for (missing, orphans) in gaps {
        rows.push(Row::Gap {
            span_id: missing.to_owned(),
        });
        for orphan in orphans {
            push_subtree(&mut rows, children, orphan, 1);
        }
    }
    rows
}

/// Without recursion: a hostile trace is a chain of as many spans as someone likes.
fn push_subtree(rows: &mut Vec<Row>, children: &[Vec<usize>], top: usize, depth: usize) {
    let mut open = vec![(top, depth)];
    while let Some((index, depth)) = open.pop() {
        rows.push(Row::Span { index, depth });
        open.extend(
            children[index]
                .iter()
                .rev()
                .map(|child| (*child, depth + 1)),
        );
    }
}
