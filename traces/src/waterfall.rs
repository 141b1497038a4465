//! A [`Trace`] as text for a terminal: one line per span with its service, its place in the tree, how long it took, how
//! long its message waited, and when all that was.

mod bar;
mod line;
mod paint;
mod summary;
#[cfg(test)]
mod tests;
mod text;

use std::collections::HashMap;

use self::{
    bar::Axis,
    line::{Line, lines},
    paint::{Paint, Tint},
    text::{fit, pad_left, pad_right, printable, width},
};
use crate::tree::{Span, Trace};

pub use self::text::duration;

/// How a waterfall is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Columns of the terminal; fewer than 60 are drawn as 60.
    pub width: usize,
    /// Colours or none.
    pub colors: Colors,
    /// Which characters the lines are made of.
    pub glyphs: Glyphs,
    /// What happens to long names.
    pub names: Names,
}

/// Whether colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colors {
    /// ANSI colours: one per service, red for errors.
    Ansi,
    /// None.
    Off,
}

/// The characters of lines and marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Glyphs {
    /// Box drawing.
    Unicode,
    /// For terminals that have nothing else: `~` is what was left out, `us` a microsecond. Names stay as they are.
    Ascii,
}

/// What happens to names that are longer than their column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// A message's name is cut to operation and routing key; then the middle is left out until it fits.
    Fitted,
    /// They are shown whole, however long the lines get.
    Full,
}

impl Default for Options {
    /// 100 columns, no colours, box drawing, fitted names.
    fn default() -> Self {
        Self {
            width: 100,
            colors: Colors::Off,
            glyphs: Glyphs::Unicode,
            names: Names::Fitted,
        }
    }
}

/// Draws a trace. The lines end with a line feed each; without colours they are plain text.
///
/// Control characters in names, which anyone may send, are shown as `?`: a trace cannot steer the terminal.
pub fn render(trace: &Trace, options: &Options) -> String {
    if trace.spans().is_empty() {
        return String::from("no spans\n");
    }
    Waterfall::new(trace, *options).draw()
}

struct Waterfall<'a> {
    trace: &'a Trace,
    options: Options,
    paint: Paint,
    lines: Vec<Line<'a>>,
    columns: Columns,
    axis: Axis,
    /// Per span, its pieces of the critical path in nanoseconds since the Unix epoch.
    critical: HashMap<usize, Vec<(u64, u64)>>,
}

struct Columns {
    service: usize,
    name: usize,
    /// 0 if nothing waited in a queue.
    wait: usize,
    bar: usize,
}

const MIN_WIDTH: usize = 60;
const MIN_BAR: usize = 10;
const TIME: usize = 8;

impl<'a> Waterfall<'a> {
    fn new(trace: &'a Trace, options: Options) -> Self {
        let services: Vec<_> = trace
            .services()
            .into_iter()
            .map(|total| total.service)
            .collect();
        let mut critical: HashMap<usize, Vec<(u64, u64)>> = HashMap::new();
        for section in trace
            .critical_path()
            .iter()
            .filter(|section| !section.in_queue)
        {
            critical
                .entry(section.span)
                .or_default()
                .push((section.start_ns, section.end_ns));
        }
        let lines = lines(trace, options);
        let columns = Columns::fitting(trace, &lines, options);
        Self {
            axis: Axis {
                start_ns: trace.start_ns(),
                duration_ns: trace.duration_ns(),
                columns: columns.bar,
            },
            paint: Paint::new(options.colors, services),
            trace,
            options,
            lines,
            columns,
            critical,
        }
    }

    fn draw(&self) -> String {
        let mut drawn = vec![
            self.paint
                .title(self.trace, self.options.width.max(MIN_WIDTH)),
            String::new(),
            self.header(),
        ];
        let mut service_above = None;
        for line in &self.lines {
            drawn.push(match line.span {
                Some((index, span)) => {
                    let is_same = service_above.replace(&span.service) == Some(&span.service);
                    self.span_line(line, index, span, is_same)
                }
                None => {
                    service_above = None;
                    self.gap_line(line)
                }
            });
        }
        drawn.push(String::new());
        drawn.extend(summary::lines(self.trace, &self.paint, self.options));
        let drawn: String = drawn
            .iter()
            .map(|line| format!("{}\n", line.trim_end()))
            .collect();
        match self.options.glyphs {
            Glyphs::Unicode => drawn,
            Glyphs::Ascii => drawn.replace('·', "|").replace('…', "~").replace('µ', "u"),
        }
    }

    fn header(&self) -> String {
        let Columns {
            service,
            name,
            wait,
            ..
        } = self.columns;
        let mut header = format!(
            "{} {} {}",
            pad_right("service", service),
            pad_right("span", name),
            pad_left("time", TIME)
        );
        if wait > 0 {
            header += &format!(" {}", pad_left("queued", wait));
        }
        header += &format!("  {}", self.axis.labels());
        self.paint.tinted(Tint::Dim, &header)
    }

    fn span_line(
        &self,
        line: &Line<'_>,
        index: usize,
        span: &Span,
        is_same_service: bool,
    ) -> String {
        let tint = self.paint.service(&span.service);
        // Named where it changes: forty times the same word would hide the five places where the trace moves on.
        let service = if is_same_service {
            String::new()
        } else {
            fit(&printable(&span.service), self.columns.service)
        };
        let service = self
            .paint
            .tinted(tint, &pad_right(&service, self.columns.service));
        let time = pad_left(&duration(span.duration_ns as f64), TIME);
        let time_tint = match () {
            () if span.is_error() => Tint::Error,
            () if self.critical.contains_key(&index) => Tint::Plain,
            () => Tint::Dim,
        };
        let mut drawn = format!(
            "{service} {} {}",
            self.name_cell(line, span),
            self.paint.tinted(time_tint, &time)
        );
        if self.columns.wait > 0 {
            let wait = span
                .queue_wait_ms()
                .map(|ms| duration(ms * 1e6))
                .unwrap_or_default();
            drawn += &format!(
                " {}",
                self.paint
                    .tinted(Tint::Queue, &pad_left(&wait, self.columns.wait))
            );
        }
        let critical = self.critical.get(&index).map_or(&[][..], Vec::as_slice);
        let bar = self.axis.bar(span, critical);
        drawn
            + "  "
            + &self.paint.bar(
                &bar,
                self.options.glyphs,
                if span.is_error() { Tint::Error } else { tint },
            )
    }

    fn name_cell(&self, line: &Line<'_>, span: &Span) -> String {
        let mark = match (span.is_error(), self.options.glyphs) {
            (false, _) => "",
            (true, Glyphs::Unicode) => "✗ ",
            (true, Glyphs::Ascii) => "! ",
        };
        let room = self
            .columns
            .name
            .saturating_sub(width(&line.guide) + width(mark));
        let name = fit(&line.name, room);
        let used = width(&line.guide) + width(mark) + width(&name);
        let padding = " ".repeat(self.columns.name.saturating_sub(used));
        let tint = if span.is_error() {
            Tint::Error
        } else {
            Tint::Plain
        };
        let name = self.paint.tinted(tint, &format!("{mark}{name}"));
        format!(
            "{}{name}{padding}",
            self.paint.tinted(Tint::Dim, &line.guide)
        )
    }

    fn gap_line(&self, line: &Line<'_>) -> String {
        let service = " ".repeat(self.columns.service);
        format!("{service} {}", self.paint.tinted(Tint::Queue, &line.name))
    }
}

impl Columns {
    fn fitting(trace: &Trace, lines: &[Line<'_>], options: Options) -> Self {
        let total = options.width.max(MIN_WIDTH);
        let longest = |widths: &mut dyn Iterator<Item = usize>| widths.max().unwrap_or(0);
        let service = longest(&mut trace.spans().iter().map(|span| width(&span.service)));
        let service = service.clamp("service".len(), total / 5);
        let waits = trace
            .spans()
            .iter()
            .any(|span| span.queue_wait_ms().is_some());
        let wait = if waits { TIME } else { 0 };
        // Two blanks set the bars apart, one the other columns.
        let rest = total - service - TIME - wait - 4 - usize::from(waits);
        let name = longest(&mut lines.iter().map(Line::width));
        let name = match options.names {
            Names::Full => name,
            Names::Fitted => name.min(rest * 3 / 5),
        };
        Self {
            service,
            name,
            wait,
            bar: rest.saturating_sub(name).max(MIN_BAR),
        }
    }
}
