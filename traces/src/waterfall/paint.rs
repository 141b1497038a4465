//! Colours, and the characters of a bar.

use std::collections::HashMap;

use super::{
    Colors, Glyphs,
    bar::Half,
    text::{duration, printable, width},
};
use crate::tree::Trace;

/// What a piece of text is, as far as its colour goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tint {
    Plain,
    Strong,
    Dim,
    Error,
    Queue,
    /// A service, by the order in which they appear.
    Service(usize),
}

pub(super) struct Paint {
    colors: Colors,
    services: HashMap<String, usize>,
}

/// Told apart on dark and on light ground; red is for errors, yellow for queues.
const SERVICE_COLORS: [&str; 6] = ["36", "32", "35", "34", "96", "95"];

impl Paint {
    pub(super) fn new(colors: Colors, services: Vec<String>) -> Self {
        let services = services
            .into_iter()
            .enumerate()
            .map(|(place, name)| (name, place))
            .collect();
        Self { colors, services }
    }

    pub(super) fn service(&self, name: &str) -> Tint {
        Tint::Service(self.services.get(name).copied().unwrap_or_default())
    }

    pub(super) fn tinted(&self, tint: Tint, text: &str) -> String {
        let code = match tint {
            Tint::Plain => return text.to_owned(),
            Tint::Strong => "1",
            Tint::Dim => "2",
            Tint::Error => "31",
            Tint::Queue => "33",
            Tint::Service(place) => SERVICE_COLORS[place % SERVICE_COLORS.len()],
        };
        match self.colors {
            Colors::Ansi if !text.trim().is_empty() => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            Colors::Ansi | Colors::Off => text.to_owned(),
        }
    }

    /// `trace 0af7… · 47.9 ms · 41 spans · 4 services · 1 error`, in two lines where one has no room.
    pub(super) fn title(&self, trace: &Trace, columns: usize) -> String {
        let counted = |count: usize, noun: &str| {
            format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
        };
        let facts = [
            duration(trace.duration_ns() as f64),
            counted(trace.spans().len(), "span"),
            counted(trace.services().len(), "service"),
        ];
        let (trace_id, facts) = (printable(trace.trace_id()), facts.join(" · "));
        let errors = match trace.errors() {
            0 => String::new(),
            errors => counted(errors, "error"),
        };
        let plain = format!("trace {trace_id} · {facts} · {errors}");
        let separator = if width(&plain) > columns {
            "\n"
        } else {
            " · "
        };
        let title = format!(
            "trace {}{separator}{facts}",
            self.tinted(Tint::Strong, &trace_id)
        );
        if errors.is_empty() {
            return title;
        }
        format!("{title} · {}", self.tinted(Tint::Error, &errors))
    }

    /// A bar; runs of what looks the same are painted at once.
    pub(super) fn bar(&self, halves: &[Half], glyphs: Glyphs, tint: Tint) -> String {
        let mut drawn = String::new();
        let mut run = String::new();
        let mut run_tint = Tint::Plain;
        for pair in halves.chunks_exact(2) {
            let (glyph, is_queue) = glyph(pair[0], pair[1], glyphs);
            let glyph_tint = if is_queue { Tint::Queue } else { tint };
            if glyph != ' ' && glyph_tint != run_tint {
                drawn += &self.tinted(run_tint, &std::mem::take(&mut run));
                run_tint = glyph_tint;
            }
            run.push(glyph);
        }
        drawn + &self.tinted(run_tint, run.trim_end())
    }
}

/// The character of a column, and whether it is a queue's.
fn glyph(left: Half, right: Half, glyphs: Glyphs) -> (char, bool) {
    use Half::{Critical, Nothing, Open, Queued};
    if glyphs == Glyphs::Ascii {
        return match left.max(right) {
            Nothing => (' ', false),
            Queued => ('.', true),
            Open => ('-', false),
            Critical => ('=', false),
        };
    }
    match (left, right) {
        (Critical, Critical) => ('━', false),
        (Critical, Open) => ('╾', false),
        (Open, Critical) => ('╼', false),
        (Critical, Nothing | Queued) => ('╸', false),
        (Nothing | Queued, Critical) => ('╺', false),
        (Open, Open) => ('─', false),
        (Open, Nothing | Queued) => ('╴', false),
        (Nothing | Queued, Open) => ('╶', false),
        (Queued, Queued | Nothing) | (Nothing, Queued) => ('┄', true),
        (Nothing, Nothing) => (' ', false),
    }
}
