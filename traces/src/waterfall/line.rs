//! The lines of the tree: what stands in the column of names.

use super::{
    Glyphs, MIN_WIDTH, Names, Options,
    text::{printable, width},
};
use crate::{
    attribute,
    tree::{Row, Span, Trace},
};

/// A row with its text, before it is cut to the columns.
pub(super) struct Line<'a> {
    pub(super) span: Option<(usize, &'a Span)>,
    pub(super) guide: String,
    pub(super) name: String,
}

impl Line<'_> {
    pub(super) fn width(&self) -> usize {
        let mark = if self.span.is_some_and(|(_, span)| span.is_error()) {
            2
        } else {
            0
        };
        width(&self.guide) + mark + width(&self.name)
    }
}

/// The rows from the last to the first: only from below it is known whether a sibling follows.
pub(super) fn lines(trace: &Trace, options: Options) -> Vec<Line<'_>> {
    let mut sibling_below: Vec<bool> = Vec::new();
    let mut lines = Vec::with_capacity(trace.rows().len());
    for row in trace.rows().iter().rev() {
        let depth = match row {
            Row::Span { depth, .. } => *depth,
            Row::Gap { .. } => 0,
        };
        sibling_below.resize(depth + 1, false);
        lines.push(line(trace, row, &sibling_below, options));
        sibling_below[depth] = true;
    }
    lines.reverse();
    lines
}

fn line<'a>(trace: &'a Trace, row: &Row, sibling_below: &[bool], options: Options) -> Line<'a> {
    match row {
        Row::Span { index, .. } => {
            let span = &trace.spans()[*index];
            let name = match options.names {
                Names::Fitted => short_name(span),
                Names::Full => span.name.clone(),
            };
            Line {
                span: Some((*index, span)),
                guide: guide(&sibling_below[1..], options),
                name: printable(&name),
            }
        }
        Row::Gap { span_id } => Line {
            span: None,
            guide: String::new(),
            name: format!("? the parent {} is missing", printable(span_id)),
        },
    }
}

/// `process chimera.events:data_retrieval.request:data_retrieval_agent` says nothing that `process
/// data_retrieval.request` in the line of `data_retrieval_agent` does not.
fn short_name(span: &Span) -> String {
    let routing_key = span
        .attributes
        .text(attribute::MESSAGING_RABBITMQ_DESTINATION_ROUTING_KEY);
    match (routing_key, span.name.split_once(' ')) {
        (Some(routing_key), Some((operation, destination)))
            if destination.contains(routing_key) =>
        {
            format!("{operation} {routing_key}")
        }
        _ => span.name.clone(),
    }
}

/// The lines of the tree before a name: whether a sibling is below, per level. Of a deep tree only the last levels.
fn guide(levels: &[bool], options: Options) -> String {
    let (through, fork, corner, cut) = match options.glyphs {
        Glyphs::Unicode => ("│ ", "├─", "└─", "… "),
        Glyphs::Ascii => ("| ", "|-", "`-", ".. "),
    };
    let Some((own, above)) = levels.split_last() else {
        return String::new();
    };
    let max_levels = match options.names {
        Names::Full => levels.len(),
        // Half of the narrowest name column a terminal of this width gets.
        Names::Fitted => options.width.max(MIN_WIDTH) / 8,
    };
    let skipped = levels.len().saturating_sub(max_levels);
    let mut guide = String::from(if skipped > 0 { cut } else { "" });
    for continues in &above[skipped.min(above.len())..] {
        guide.push_str(if *continues { through } else { "  " });
    }
    guide + if *own { fork } else { corner }
}
