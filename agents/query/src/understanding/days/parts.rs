//! Parts of a stretch, and what lies beside it.

use super::dates::Read;
use super::names::{self, unit};
use super::read::Reader;
use super::relative::WHOLE;
use super::{End, Stretch, Third, Unit, YearPart};
use crate::understanding::words::{Kind, Words};

impl Reader<'_> {
    /// `the first week of January`, `the last 10 days of 2018`, `the second half of March`.
    pub(super) fn slice(&self, at: usize, depth: u8) -> Read {
        let words = self.words;
        let place = match (words.kind(at)?, words.word(at)) {
            (Kind::Ordinal(place), _) => Some(place),
            (_, Some("last" | "final")) => None,
            (_, Some(word)) => Some(names::ordinal(word)?),
            _ => return None,
        };
        let (count, unit, next) = match self.span(at + 1, false) {
            Some(span) => span,
            None => {
                let unit_at = at + 1 + usize::from(words.is_in(at + 1, WHOLE));
                let (count, unit) = unit(words.word(unit_at)?).or_else(|| half(words, unit_at))?;
                (count, unit, unit_at + 1)
            }
        };
        if !words.is_any(next, &["of", "in"]) {
            return None;
        }
        let (of, next) = self.stretch(next + 1, depth + 1)?;
        // A week of the last 30 days is nobody's meaning; a week of a month or a year is.
        if !matches!(
            of,
            Stretch::OfYear { .. } | Stretch::Year(_) | Stretch::Calendar { .. }
        ) {
            return None;
        }
        let halves = words.is_any(at + 1, &["half"]);
        let (count, unit) = match (&of, halves) {
            (
                Stretch::OfYear {
                    part: YearPart::Month(_),
                    ..
                }
                | Stretch::Calendar {
                    unit: Unit::Month, ..
                },
                true,
            ) => (15, Unit::Day),
            (
                Stretch::Year(_)
                | Stretch::Calendar {
                    unit: Unit::Year, ..
                },
                true,
            ) => (6, Unit::Month),
            (_, true) => return None,
            _ => (count, unit),
        };
        let (end, skip) = match place {
            None => (End::Last, 0),
            // The second half of a month is what its first 15 days leave.
            Some(2) if halves => return Some((second_half(of, count, unit), next)),
            Some(place) => (
                End::First,
                count * (i32::try_from(place.min(400)).ok()? - 1),
            ),
        };
        let of = Box::new(of);
        Some((
            Stretch::Slice {
                end,
                skip,
                count,
                unit,
                of,
            },
            next,
        ))
    }

    /// `the week of`, `around`, `the day before`, `the week before last`.
    pub(super) fn beside(&self, at: usize, depth: u8) -> Read {
        let words = self.words;
        let inner = |next| self.stretch(next, depth + 1);
        match (words.word(at)?, words.word(at + 1)) {
            (word, Some("before")) if words.is_any(at + 2, &["last"]) => {
                let (_, unit) = unit(word)?;
                Some((Stretch::Calendar { unit, offset: -2 }, at + 3))
            }
            ("week", Some("of" | "starting" | "beginning" | "containing" | "around")) => {
                let (of, next) = inner(at + 2)?;
                Some((Stretch::WeekOf(Box::new(of)), next))
            }
            ("day", Some(side @ ("before" | "after"))) => {
                let (of, next) = inner(at + 2)?;
                let end = if side == "before" {
                    End::First
                } else {
                    End::Last
                };
                Some((
                    Stretch::Beside {
                        end,
                        of: Box::new(of),
                    },
                    next,
                ))
            }
            ("around" | "near" | "circa", _) => {
                let (of, next) = inner(at + 1)?;
                Some((Stretch::Around(Box::new(of)), next))
            }
            ("about", _) => {
                let (of, next) = inner(at + 1)?;
                matches!(of.part(), Some(YearPart::Day { .. }))
                    .then_some((Stretch::Around(Box::new(of)), next))
            }
            _ => None,
        }
    }

    /// `early 2018`, `mid March`, `the end of last year`; "at the end of" is its last day.
    pub(super) fn third(&self, at: usize, depth: u8) -> Read {
        let words = self.words;
        let (third, edge) = match words.word(at)? {
            "early" => (Third::Early, None),
            "mid" | "middle" => (Third::Mid, None),
            "late" => (Third::Late, None),
            "beginning" | "start" => (Third::Early, Some(End::First)),
            "end" | "close" => (Third::Late, Some(End::Last)),
            _ => return None,
        };
        let mut next = at + 1;
        while next < at + 3 && words.is_any(next, &["of", "in", "on"]) {
            next += 1;
        }
        let (of, next) = match self.stretch(next, depth + 1) {
            Some(read) => read,
            None => {
                let unit_at = next + usize::from(words.is_any(next, &["the"]));
                let (_, unit) = unit(words.word(unit_at)?)?;
                (Stretch::Calendar { unit, offset: 0 }, unit_at + 1)
            }
        };
        let whole = match &of {
            Stretch::Year(_) => true,
            Stretch::Calendar { unit, .. } => *unit != Unit::Day,
            Stretch::OfYear { part, .. } => !matches!(part, YearPart::Day { .. }),
            _ => false,
        };
        let of = Box::new(of);
        let pointed = words.is_any_before(at, &["at", "by"])
            || (words.is_any_before(at, &["the"])
                && at >= 2
                && words.is_any(at - 2, &["at", "by"]));
        match edge {
            _ if !whole => None,
            Some(end) if pointed => Some((
                Stretch::Slice {
                    end,
                    skip: 0,
                    count: 1,
                    unit: Unit::Day,
                    of,
                },
                next,
            )),
            _ => Some((Stretch::Third { third, of }, next)),
        }
    }
}

fn half(words: &Words, at: usize) -> Option<(i32, Unit)> {
    words.is_any(at, &["half"]).then_some((6, Unit::Month))
}

fn second_half(of: Stretch, count: i32, unit: Unit) -> Stretch {
    Stretch::Slice {
        end: End::First,
        skip: count,
        // More than is left, and cut at the stretch's end.
        count: count + 1,
        unit,
        of: Box::new(of),
    }
}
