//! The lines below the waterfall: what failed, where the time went, what the marks mean.

use super::{
    Glyphs, MIN_WIDTH, Options,
    paint::{Paint, Tint},
    text::{duration, fit, printable, width},
};
use crate::{
    attribute,
    tree::{Span, Trace},
};

/// More failed spans than this are counted, not listed.
const MAX_ERRORS: usize = 5;

pub(super) fn lines(trace: &Trace, paint: &Paint, options: Options) -> Vec<String> {
    let failed: Vec<_> = trace
        .spans()
        .iter()
        .filter(|span| span.is_error())
        .collect();
    let error = |span: &&Span| paint.tinted(Tint::Error, &error_line(span, options.glyphs));
    let mut lines: Vec<_> = failed.iter().take(MAX_ERRORS).map(error).collect();
    if failed.len() > MAX_ERRORS {
        let more = format!("  and {} more", failed.len() - MAX_ERRORS);
        lines.push(paint.tinted(Tint::Error, &more));
    }
    lines.extend(critical_path(trace, paint, options.width.max(MIN_WIDTH)));
    let legend = match options.glyphs {
        Glyphs::Unicode => "━ critical path   ─ other work   ┄ in a queue   ✗ failed",
        Glyphs::Ascii => "= critical path   - other work   . in a queue   ! failed",
    };
    lines.push(paint.tinted(Tint::Dim, legend));
    lines
}

fn error_line(span: &Span, glyphs: Glyphs) -> String {
    let mark = match glyphs {
        Glyphs::Unicode => "✗",
        Glyphs::Ascii => "!",
    };
    let cause = match span.status_message.as_str() {
        "" => span
            .attributes
            .text(attribute::ERROR_TYPE)
            .unwrap_or("failed"),
        message => message,
    };
    printable(&format!("{mark} {}: {}: {cause}", span.service, span.name))
}

/// `critical path: query_agent 20.1 ms (42 %) · … · queues 1.2 ms (3 %)`, the largest first, wrapped.
fn critical_path(trace: &Trace, paint: &Paint, columns: usize) -> Vec<String> {
    let in_queues = trace
        .critical_path()
        .iter()
        .filter(|section| section.in_queue);
    let in_queues: u64 = in_queues
        .map(|section| section.end_ns - section.start_ns)
        .sum();
    let mut shares: Vec<_> = trace
        .services()
        .into_iter()
        .map(|total| {
            (
                paint.service(&total.service),
                printable(&total.service),
                total.critical_ns,
            )
        })
        .collect();
    shares.push((Tint::Queue, String::from("queues"), in_queues));
    shares.retain(|(_, _, ns)| *ns > 0);
    shares.sort_by_key(|(_, _, ns)| std::cmp::Reverse(*ns));
    let total: u64 = shares.iter().map(|(_, _, ns)| ns).sum();
    let mut lines = vec![String::from(TITLE)];
    let mut used = width(TITLE);
    for (tint, name, ns) in &shares {
        let percent = 100.0 * *ns as f64 / total as f64;
        let share = format!(" {} ({percent:.0} %)", duration(*ns as f64));
        let separator = if used == width(TITLE) { "" } else { " · " };
        let name = fit(name, columns / 3);
        let columns_needed = width(separator) + width(&name) + width(&share);
        if used > width(TITLE) && used + columns_needed > columns {
            lines.push(" ".repeat(width(TITLE)));
            used = width(TITLE);
        } else if let Some(line) = lines.last_mut() {
            line.push_str(separator);
        }
        used += columns_needed;
        if let Some(line) = lines.last_mut() {
            *line += &format!("{}{share}", paint.tinted(*tint, &name));
        }
    }
    lines
}

const TITLE: &str = "critical path: ";
