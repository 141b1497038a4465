//! Reads day expressions out of a question's words.

use super::dates::{self, Read};
use super::ranges::range;
use super::{DayMention, Expression, Stretch, Turn, Unit, Year, YearPart};
use crate::understanding::phrases::List;
use crate::understanding::words::{Kind, Words};

/// How deep stretches may be within stretches ("the day after the first week of early 2018").
const MAX_DEPTH: u8 = 4;

/// Every day expression of the question, in the order said.
pub(in crate::understanding) fn mentions(words: &Words) -> Vec<DayMention> {
    let reader = Reader {
        words,
        compares: (0..words.tokens.len()).any(|at| words.is_in(at, COMPARING)),
    };
    let mut mentions = Vec::new();
    let mut at = 0;
    while at < words.tokens.len() {
        match reader.expression(at) {
            Some((expression, next)) => {
                mentions.push(DayMention {
                    tokens: at..next,
                    expression,
                });
                at = next;
            }
            None => at += 1,
        }
    }
    mentions
}

/// With one of these in the question "January to February" is a comparison, no range.
const COMPARING: List = List("compare, compared, comparing, comparison, relative, vs, versus");

/// Reads day expressions; what it reads is a stretch or expression, and the token after it.
pub(super) struct Reader<'a> {
    pub(super) words: &'a Words,
    compares: bool,
}

impl Reader<'_> {
    fn expression(&self, at: usize) -> Option<(Expression, usize)> {
        match self.words.word(at) {
            Some("start" | "beginning") if self.words.is_any(at + 1, &["to"]) => {
                self.start_to_end(at)
            }
            Some("between") => self.between(at),
            Some("from" | "starting" | "beginning") => self.from(at).or_else(|| self.plain(at)),
            Some("since") => self.since(at),
            Some("after") => self.bound(at + 1, Expression::After),
            Some("before") => self.bound(at + 1, Expression::Before),
            Some("prior") if self.words.is_any(at + 1, &["to"]) => {
                self.bound(at + 2, Expression::Before)
            }
            Some("until" | "till" | "til" | "through") => self.bound(at + 1, Expression::Until),
            Some("up") if self.words.is_any(at + 1, &["to", "until", "till"]) => {
                self.bound(at + 2, Expression::Until)
            }
            _ => self.plain(at),
        }
    }

    /// `start to end of 2018`, which is all of it.
    fn start_to_end(&self, at: usize) -> Option<(Expression, usize)> {
        if self.words.is_any(at + 2, &["end", "finish"]) {
            self.bound(at + 3, Expression::Within)
        } else {
            None
        }
    }

    fn bound(&self, at: usize, make: fn(Stretch) -> Expression) -> Option<(Expression, usize)> {
        let (stretch, next) = self.stretch(at, 0)?;
        Some((make(stretch), next))
    }

    fn between(&self, at: usize) -> Option<(Expression, usize)> {
        let (start, next) = self.start(at + 1)?;
        let joined = self.words.is_any(next, &["and"]).then_some(next + 1);
        let end_at = joined.or_else(|| self.connector(next, true))?;
        let (end, next) = self.end(end_at, &start)?;
        Some((range(start, end), next))
    }

    fn from(&self, at: usize) -> Option<(Expression, usize)> {
        let at = at + 1 + usize::from(self.words.is_any(at + 1, &["from", "in", "on", "with"]));
        if let Some(whole) = self.start_to_end(self.skip(at)) {
            return Some(whole);
        }
        let (start, next) = self.start(at)?;
        if let Some(end_at) = self.connector(next, true)
            && let Some((end, next)) = self.end(end_at, &start)
        {
            return Some((range(start, end), next));
        }
        let itself = match start {
            Stretch::Calendar { .. } | Stretch::Last { .. } | Stretch::Now => true,
            Stretch::Away { count, unit } => count == 0 || (count == -1 && unit == Unit::Day),
            Stretch::DayOfMonth(_) => return None,
            _ => false,
        };
        let next = next + usize::from(self.words.is_any(next, &["on", "onward", "onwards"]));
        Some(if itself {
            (Expression::Within(start), next)
        } else {
            (Expression::Since(start), next)
        })
    }

    fn since(&self, at: usize) -> Option<(Expression, usize)> {
        let next = at + 1 + usize::from(self.words.is_any(at + 1, &["the", "its", "about", "it"]));
        if let Some(since) = self.bound(next, Expression::Since) {
            return Some(since);
        }
        self.words
            .is_in(next, BEGINNINGS)
            .then_some((Expression::Within(Stretch::AllTime), next + 1))
    }

    /// A stretch, or two with a "to" or a dash between them.
    fn plain(&self, at: usize) -> Option<(Expression, usize)> {
        let (start, next) = match self.stretch(at, 0) {
            Some(read) => read,
            None => (self.bare_day(at)?, at + 1),
        };
        if let Some(end_at) = self.connector(next, !self.compares)
            && let Some((end, next)) = self.end(end_at, &start)
            && (!matches!(start, Stretch::DayOfMonth(_)) || end.part().is_some())
        {
            return Some((range(start, end), next));
        }
        // A bare number is a day only with a month behind the dash; an ordinal may stand alone.
        (!matches!(self.words.kind(at), Some(Kind::Number(_)) if matches!(start, Stretch::DayOfMonth(_))))
            .then_some((Expression::Within(start), next))
    }

    /// The beginning of a range: also a bare number, whose month stands at the range's end.
    fn start(&self, at: usize) -> Read {
        let at = self.skip(at);
        self.stretch(at, 0)
            .or_else(|| Some((self.bare_day(at)?, at + 1)))
    }

    /// The end of a range: also a bare number, in the month of the range's start.
    fn end(&self, at: usize, start: &Stretch) -> Read {
        let at = self.skip(at);
        if let Some(read) = self.stretch(at, 0) {
            return Some(read);
        }
        let Some(YearPart::Day { month, .. }) = start.part() else {
            return None;
        };
        let Stretch::DayOfMonth(day) = self.bare_day(at)? else {
            return None;
        };
        let year_at = at + 1 + usize::from(self.words.is_mark(at + 1, ','));
        let (year, next) = match self.words.kind(year_at) {
            Some(Kind::Number(year @ 1000..=9999)) => {
                (Year::Said(i16::try_from(year).ok()?), year_at + 1)
            }
            _ => (Year::Unsaid(Turn::Nearest), at + 1),
        };
        Some((Stretch::of_year(YearPart::Day { month, day }, year), next))
    }

    fn bare_day(&self, at: usize) -> Option<Stretch> {
        match self.words.kind(at)? {
            Kind::Number(day @ 1..=31) | Kind::Ordinal(day @ 1..=31) => {
                Some(Stretch::DayOfMonth(i8::try_from(day).ok()?))
            }
            _ => None,
        }
    }

    /// The token after what joins the two ends of a range.
    fn connector(&self, at: usize, to: bool) -> Option<usize> {
        match self.words.kind(at)? {
            Kind::Mark('-' | '~' | '\u{2026}') => Some(at + 1),
            Kind::Mark('.') if self.words.is_mark(at + 1, '.') => Some(at + 2),
            Kind::Word => match self.words.word(at)? {
                "to" if to => Some(at + 1),
                "until" | "till" | "til" | "through" | "thru" => Some(at + 1),
                "up" if self.words.is_any(at + 1, &["to", "until"]) => Some(at + 2),
                _ => None,
            },
            _ => None,
        }
    }

    /// The token after the little words that may stand before a stretch.
    pub(super) fn skip(&self, at: usize) -> usize {
        let mut next = at;
        while next < at + 3
            && self
                .words
                .is_any(next, &["the", "in", "on", "of", "during"])
        {
            next += 1;
        }
        next
    }

    pub(super) fn stretch(&self, at: usize, depth: u8) -> Read {
        if depth > MAX_DEPTH || at >= self.words.tokens.len() {
            return None;
        }
        if let Some(read) = self.ahead(at) {
            return Some(read);
        }
        let bare = at;
        let at = self.skip(at);
        self.slice(at, depth)
            .or_else(|| self.said_whole(at))
            .or_else(|| self.near_today(at))
            .or_else(|| self.ago(at))
            .or_else(|| self.turned(at))
            .or_else(|| self.beside(at, depth))
            .or_else(|| self.third(at, depth))
            .or_else(|| dates::read(self.words, at))
            .or_else(|| self.weekday(at))
            .or_else(|| self.day_of_month(bare, at))
            .or_else(|| self.rolling(at))
    }
}

/// Words for the first day there is, after "since".
const BEGINNINGS: List = List(
    "inception, launch, genesis, beginning, start, birth, creation, began, started, launched, listing",
);
