//! When a span was: half a column is the finest step.

use super::text::{duration, width};
use crate::tree::Span;

/// The time axis of a trace.
pub(super) struct Axis {
    pub(super) start_ns: u64,
    pub(super) duration_ns: u64,
    pub(super) columns: usize,
}

/// What happens in half a column; of several things the last of these is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Half {
    Nothing,
    /// The message waits in its queue.
    Queued,
    /// The span is open.
    Open,
    /// The span is open and the trace waits for it.
    Critical,
}

impl Axis {
    /// The halves of a span's bar; `critical` are its pieces of the critical path.
    pub(super) fn bar(&self, span: &Span, critical: &[(u64, u64)]) -> Vec<Half> {
        let mut halves = vec![Half::Nothing; self.columns * 2];
        let queued_ns = span
            .queue_wait_ms()
            .map_or(0, |ms| (ms.max(0.0) * 1e6) as u64);
        fill(
            &mut halves,
            Half::Queued,
            self.span_of(span.start_ns.saturating_sub(queued_ns), span.start_ns),
        );
        let (first, end) = self.span_of(span.start_ns, span.end_ns());
        // However short, it is seen.
        let first = first.min(halves.len() - 1);
        fill(&mut halves, Half::Open, (first, end.max(first + 1)));
        for (start_ns, end_ns) in critical {
            fill(
                &mut halves,
                Half::Critical,
                self.span_of(*start_ns, *end_ns),
            );
        }
        if !critical.is_empty() && !halves.contains(&Half::Critical) {
            halves[first] = Half::Critical;
        }
        halves
    }

    /// The halves whose middle is between the two times.
    fn span_of(&self, start_ns: u64, end_ns: u64) -> (usize, usize) {
        let half = |ns: u64| {
            let share = ns.saturating_sub(self.start_ns) as f64 / self.duration_ns.max(1) as f64;
            (share * (self.columns * 2) as f64).round() as usize
        };
        (half(start_ns), half(end_ns))
    }

    /// `0`, and where there is room the middle, and the end, flush with the bars.
    pub(super) fn labels(&self) -> String {
        let (middle, end) = (
            duration(self.duration_ns as f64 / 2.0),
            duration(self.duration_ns as f64),
        );
        let mut labels = String::from("0");
        for (label, at) in [(middle, self.columns / 2), (end, self.columns)] {
            let blanks = at.saturating_sub(width(&labels) + width(&label));
            if blanks > 1 {
                labels = format!("{labels}{}{label}", " ".repeat(blanks));
            }
        }
        labels
    }
}

fn fill(halves: &mut [Half], with: Half, (first, end): (usize, usize)) {
    let end = end.min(halves.len());
    for half in &mut halves[first.min(end)..end] {
        *half = with.max(*half);
    }
}
