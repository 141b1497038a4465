//! What breaks the contract "One trace".

use std::{collections::HashSet, fmt};

use super::{Kind, Span, Trace};

/// A breach of "One trace": for every path through the agents there is one trace, without gaps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// A span belongs to another trace than the root.
    OtherTrace {
        /// The span, `service: name`.
        span: String,
        /// Its trace id.
        trace_id: String,
    },
    /// There is no span without a parent, or a second one.
    Roots {
        /// The spans without a parent, `service: name`.
        spans: Vec<String>,
    },
    /// The parent of a span is missing, or the span is its own ancestor.
    Orphan {
        /// The span, `service: name`.
        span: String,
        /// The parent's id.
        parent_span_id: String,
    },
    /// A span's resource has no `service.name`.
    NoService {
        /// The span's name.
        span: String,
    },
    /// A consumer span does not link to the span that sent its message.
    NoLinkToSender {
        /// The span, `service: name`.
        span: String,
    },
    /// A span ends before it starts.
    EndsBeforeStart {
        /// The span, `service: name`.
        span: String,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherTrace { span, trace_id } => {
                write!(f, "`{span}` belongs to another trace, {trace_id}")
            }
            Self::Roots { spans } if spans.is_empty() => f.write_str("no span is a root"),
            Self::Roots { spans } => write!(f, "several spans are roots: {}", spans.join(", ")),
            Self::Orphan {
                span,
                parent_span_id,
            } => write!(f, "the parent {parent_span_id} of `{span}` is missing"),
            Self::NoService { span } => write!(f, "`{span}` has no service name"),
            Self::NoLinkToSender { span } => {
                write!(f, "`{span}` has no link to the span that sent its message")
            }
            Self::EndsBeforeStart { span } => write!(f, "`{span}` ends before it starts"),
        }
    }
}

pub(super) fn find(trace: &Trace) -> Vec<Problem> {
    if trace.spans().is_empty() {
        return Vec::new();
    }
    let mut problems = Vec::new();
    let trace_id = trace.trace_id();
    let mut other_traces = HashSet::new();
    for (index, span) in trace.spans().iter().enumerate() {
        if span.trace_id != trace_id && other_traces.insert(&span.trace_id) {
            problems.push(Problem::OtherTrace {
                span: label(span),
                trace_id: span.trace_id.clone(),
            });
        }
        problems.extend(of_span(span, trace.parent(index).is_some()));
    }
    let roots: Vec<_> = trace
        .spans()
        .iter()
        .filter(|span| span.parent_span_id.is_none())
        .map(label)
        .collect();
    if roots.len() != 1 {
        problems.push(Problem::Roots { spans: roots });
    }
    problems
}

fn of_span(span: &Span, has_parent: bool) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Some(parent) = &span.parent_span_id {
        if !has_parent {
            problems.push(Problem::Orphan {
                span: label(span),
                parent_span_id: parent.clone(),
            });
        }
        let links_to_parent = span
            .links
            .iter()
            .any(|link| link.span_id == *parent && link.trace_id == span.trace_id);
        if span.kind == Kind::Consumer && !links_to_parent {
            problems.push(Problem::NoLinkToSender { span: label(span) });
        }
    }
    if span.service.is_empty() {
        problems.push(Problem::NoService {
            span: span.name.clone(),
        });
    }
    if span.ends_before_start {
        problems.push(Problem::EndsBeforeStart { span: label(span) });
    }
    problems
}

fn label(span: &Span) -> String {
    format!("{}: {}", span.service, span.name)
}
