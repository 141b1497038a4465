//! One thing that was looked at.

use crate::terminal::{Style, Terminal};

/// Columns of what was looked at.
const NAME: usize = 17;
/// What stands before advice.
const ADVICE: &str = "→ ";

/// What is to be thought of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is as it should be.
    Good,
    /// It may be meant so, and is a usual cause all the same.
    Doubtful,
    /// It keeps spans from being seen.
    Bad,
    /// There is nothing to look at.
    Idle,
}

/// A usual cause, and what was seen of it.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) cause: &'static str,
    pub(super) verdict: Verdict,
    /// What was looked at, and what was there.
    pub(super) seen: String,
    /// What to do; there is something to do unless all is well.
    pub(super) advice: Option<String>,
}

impl Verdict {
    /// The word for it, on the screen and in JSON.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Doubtful => "look",
            Self::Bad => "bad",
            Self::Idle => "-",
        }
    }

    fn style(self) -> Style {
        match self {
            Self::Good => Style::Good,
            Self::Doubtful => Style::Doubtful,
            Self::Bad => Style::Bad,
            Self::Idle => Style::Dim,
        }
    }
}

impl Finding {
    pub(super) fn good(cause: &'static str, seen: impl Into<String>) -> Self {
        Self::new(cause, Verdict::Good, seen, None)
    }

    pub(super) fn idle(cause: &'static str, why: impl Into<String>) -> Self {
        Self::new(cause, Verdict::Idle, why, None)
    }

    pub(super) fn doubtful(
        cause: &'static str,
        seen: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self::new(cause, Verdict::Doubtful, seen, Some(advice.into()))
    }

    pub(super) fn bad(
        cause: &'static str,
        seen: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self::new(cause, Verdict::Bad, seen, Some(advice.into()))
    }

    fn new(
        cause: &'static str,
        verdict: Verdict,
        seen: impl Into<String>,
        advice: Option<String>,
    ) -> Self {
        Self {
            cause,
            verdict,
            seen: seen.into(),
            advice,
        }
    }

    /// As lines: verdict, cause and what was seen; below it what to do.
    pub(super) fn lines(&self, terminal: Terminal) -> Vec<String> {
        let verdict = self.verdict.as_str();
        let start = format!("{verdict:4}  {:NAME$}  ", self.cause);
        let indent = " ".repeat(start.len());
        let room = Terminal {
            width: terminal.width.saturating_sub(start.len()).max(30),
            ..terminal
        };
        let seen = room.wrap(&self.seen);
        let advice = self.advice.as_ref().map(|advice| {
            let narrower = Terminal {
                width: room.width.saturating_sub(2),
                ..room
            };
            narrower.wrap(advice)
        });
        let mut lines = Vec::new();
        for (at, line) in seen.lines().enumerate() {
            let before = match at {
                0 => {
                    let painted = terminal.paint(self.verdict.style(), &format!("{verdict:4}"));
                    format!("{painted}{}", &start[4..])
                }
                _ => indent.clone(),
            };
            lines.push(format!("{before}{line}"));
        }
        for (at, line) in advice.iter().flat_map(|advice| advice.lines()).enumerate() {
            let mark = if at == 0 { ADVICE } else { "  " };
            lines.push(format!(
                "{indent}{}",
                terminal.paint(Style::Strong, &format!("{mark}{line}"))
            ));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_stands_below_what_was_seen() {
        let finding = Finding::bad(
            "sampler",
            "it records nothing at all",
            "set it to always_on",
        );
        assert_eq!(
            finding.lines(Terminal::plain(58)),
            [
                "bad   sampler            it records nothing at all",
                "                         → set it to always_on",
            ]
        );
    }
}
