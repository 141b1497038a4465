//! Days by what they are to today, and counts of units.

use super::dates::{self, Read};
use super::names::{self, is_hours, unit};
use super::read::Reader;
use super::{End, Stretch, Turn, Unit, Year, YearPart};
use crate::understanding::phrases::List;
use crate::understanding::words::Kind;

/// Words before a unit that add nothing.
pub(super) const WHOLE: List =
    List("full, whole, entire, complete, calendar, trading, consecutive");

/// Words after which a count of days ranks them.
const RANKING: List =
    List("top, best, worst, highest, lowest, biggest, largest, smallest, strongest, weakest");

/// The largest count that is read; a larger one is no span of days that any data has.
const MAX_COUNT: u32 = 40_000;

impl Reader<'_> {
    /// `all time`, `ever`, `the first day`.
    pub(super) fn said_whole(&self, at: usize) -> Read {
        let words = self.words;
        let all = |next| Some((Stretch::AllTime, next));
        match words.word(at)? {
            "all" if words.is_any(at + 1, &["time", "times"]) => all(at + 2),
            "launch" if words.is_any(at + 1, &["day", "date"]) => Some((Stretch::FirstDay, at + 2)),
            "alltime" | "ever" | "lifetime" | "history" => all(at + 1),
            "entire" | "whole" | "full" | "complete" | "all"
                if words.is_any(
                    at + 1,
                    &[
                        "history",
                        "time",
                        "period",
                        "range",
                        "recording",
                        "lifetime",
                    ],
                ) =>
            {
                all(at + 2)
            }
            "first" => {
                let mut next = at + 1;
                while next < at + 4
                    && words.is_any(next, &["ever", "recorded", "known", "trading", "available"])
                {
                    next += 1;
                }
                if words.is_any(next, &["day"]) {
                    Some((Stretch::FirstDay, next + 1))
                } else {
                    words
                        .is_any(next, &["price", "value", "quote"])
                        .then_some((Stretch::FirstDay, next))
                }
            }
            _ => None,
        }
    }

    /// `today`, `yesterday`, `now`, `year to date`.
    pub(super) fn near_today(&self, at: usize) -> Read {
        let words = self.words;
        let days = |count, next| {
            let unit = Unit::Day;
            Some((Stretch::Away { count, unit }, next))
        };
        let to_date = |unit, next| Some((Stretch::Calendar { unit, offset: 0 }, next));
        match words.word(at)? {
            "today" | "tonight" => days(0, at + 1),
            "yesterday" => days(-1, at + 1),
            "tomorrow" => days(1, at + 1),
            "day" if words.is_any(at + 1, &["before"]) && words.is_any(at + 2, &["yesterday"]) => {
                days(-2, at + 3)
            }
            "day" if words.is_any(at + 1, &["after"]) && words.is_any(at + 2, &["tomorrow"]) => {
                days(2, at + 3)
            }
            "now" | "currently" | "presently" | "nowadays" | "moment" | "present" => {
                Some((Stretch::Now, at + 1))
            }
            "current" if words.word(at + 1).is_none_or(|word| unit(word).is_none()) => {
                Some((Stretch::Now, at + 1))
            }
            "ytd" => to_date(Unit::Year, at + 1),
            "qtd" => to_date(Unit::Quarter, at + 1),
            "mtd" => to_date(Unit::Month, at + 1),
            "wtd" => to_date(Unit::Week, at + 1),
            word @ ("year" | "quarter" | "month" | "week")
                if words.is_any(at + 1, &["to"]) && words.is_any(at + 2, &["date"]) =>
            {
                to_date(unit(word)?.1, at + 3)
            }
            "same" | "this"
                if words.is_any(at + 1, &["day", "time"])
                    && words.is_any(at + 2, &["last"])
                    && words.is_any(at + 3, &["year", "month", "week"]) =>
            {
                let (count, unit) = unit(words.word(at + 3)?)?;
                Some((
                    Stretch::Away {
                        count: -count,
                        unit,
                    },
                    at + 4,
                ))
            }
            _ => None,
        }
    }

    /// A count: `30`, `three`, `a couple of`; `a` and `an` where `article` says that they count.
    pub(super) fn count(&self, at: usize, article: bool) -> Option<(u32, usize)> {
        let words = self.words;
        let read = match words.kind(at)? {
            Kind::Number(number) => (number, at + 1),
            Kind::Word => match words.word(at)? {
                "a" if words.is_any(at + 1, &["couple", "few", "dozen", "hundred"]) => {
                    return self.count(at + 1, article);
                }
                "a" | "an" if article => (1, at + 1),
                word => (names::number(word)?, at + 1),
            },
            _ => return None,
        };
        let (count, next) = read;
        let next = next
            + usize::from(words.is_any(next, &["of"]) && names::number(words.word(at)?).is_some());
        (1..=MAX_COUNT).contains(&count).then_some((count, next))
    }

    /// A count of units: `30 days`, `a couple of weeks`, `half a year`, `24 hours`.
    pub(super) fn span(&self, at: usize, article: bool) -> Option<(i32, Unit, usize)> {
        let words = self.words;
        if words.is_any(at, &["half"]) {
            let next = at + 1 + usize::from(words.is_any(at + 1, &["a"]));
            return words
                .is_any(next, &["year"])
                .then_some((6, Unit::Month, next + 1));
        }
        let (count, next) = self.count(at, article)?;
        let next = next + usize::from(words.is_in(next, WHOLE));
        let word = words.word(next)?;
        if is_hours(word) {
            return Some((i32::try_from(count.div_ceil(24)).ok()?, Unit::Day, next + 1));
        }
        let (each, unit) = unit(word)?;
        Some((i32::try_from(count).ok()? * each, unit, next + 1))
    }

    /// `3 days ago`, `a year ago today`.
    pub(super) fn ago(&self, at: usize) -> Read {
        let (count, unit, next) = self.span(at, true)?;
        let today = usize::from(self.words.is_any(next + 1, &["today"]));
        self.words
            .is_any(next, &["ago", "back", "earlier"])
            .then_some((
                Stretch::Away {
                    count: -count,
                    unit,
                },
                next + 1 + today,
            ))
    }

    /// `in 10 days`, `10 days from now`, `in a week's time`.
    pub(super) fn ahead(&self, at: usize) -> Read {
        let words = self.words;
        let said_in = words.is_any(at, &["in", "within"]);
        let (count, unit, next) = self.span(at + usize::from(said_in), true)?;
        let from_now = words.is_any(next, &["from"]) && words.is_any(next + 1, &["now", "today"]);
        let time = words.is_any(next, &["time"]);
        let hours = words.word(next - 1).is_some_and(is_hours);
        let counted = said_in && !hours && !words.is_any(at + 1, &["a", "an", "one"]);
        let next = match (from_now, time) {
            (true, _) => next + 2,
            (_, true) if said_in => next + 1,
            // "In 30 days of trading", "in 2 days ago" are something else.
            _ if counted && !words.is_any(next, &["of", "ago", "before", "after"]) => next,
            _ => return None,
        };
        Some((Stretch::Away { count, unit }, next))
    }

    /// `last`, `this`, `next` with a unit, a count of units, a month or a day of the week.
    pub(super) fn turned(&self, at: usize) -> Read {
        let words = self.words;
        let said = words.word(at)?;
        let (turn, rolls) = match said {
            "last" | "previous" | "prior" | "preceding" => (Turn::Last, false),
            "past" | "trailing" | "recent" => (Turn::Last, true),
            "this" | "current" | "running" | "ongoing" => (Turn::This, false),
            "next" => (Turn::Next, false),
            "coming" | "upcoming" | "following" => (Turn::Next, true),
            _ => return None,
        };
        let next = at + 1 + usize::from(words.is_in(at + 1, WHOLE));
        if turn != Turn::This
            && let Some((count, unit, next)) = self.span(next, false)
        {
            return Some((rolling(turn, count, unit), next));
        }
        let word = words.word(next)?;
        if let Some((each, unit)) = unit(word) {
            return Some((self.turned_unit(turn, rolls, each, unit, next), next + 1));
        }
        let month = names::month(word).map(YearPart::Month);
        if let Some(part) = month.or_else(|| names::season(word)) {
            return Some((Stretch::of_year(part, Year::Unsaid(turn)), next + 1));
        }
        if matches!(word, "weekend" | "weekends") {
            return Some((weekend(turn), next + 1));
        }
        let (weekday, _) = names::weekday(word)?;
        Some((Stretch::Weekday { weekday, turn }, next + 1))
    }

    pub(super) fn turned_unit(
        &self,
        turn: Turn,
        rolls: bool,
        each: i32,
        unit: Unit,
        at: usize,
    ) -> Stretch {
        let offset = match turn {
            Turn::Last => -1,
            Turn::This | Turn::Nearest => 0,
            Turn::Next => 1,
        };
        match unit {
            Unit::Day if turn == Turn::Last && self.words.is_any(at - 1, &["last", "past"]) => {
                rolling(turn, 1, unit)
            }
            Unit::Day => Stretch::Away {
                count: offset,
                unit,
            },
            _ if turn != Turn::This && (rolls || each > 1) => rolling(turn, each, unit),
            _ => Stretch::Calendar { unit, offset },
        }
    }

    /// `Monday`, `Monday 17 December 2018`, `Monday of last week`.
    pub(super) fn weekday(&self, at: usize) -> Read {
        let words = self.words;
        let (weekday, written_out) = names::weekday(words.word(at)?)?;
        let next = at + 1 + usize::from(words.is_mark(at + 1, ',') || words.is_mark(at + 1, '.'));
        let next = next + usize::from(words.is_any(next, &["the"]));
        if let Some((day, next)) = dates::read(words, next)
            && matches!(day.part(), Some(YearPart::Day { .. }))
        {
            return Some((day, next));
        }
        if let Some((
            of @ Stretch::Calendar {
                unit: Unit::Week, ..
            },
            next,
        )) = self.turned(self.skip(at + 1))
        {
            let skip = i32::from(weekday.to_monday_zero_offset());
            let (end, unit, of) = (End::First, Unit::Day, Box::new(of));
            return Some((
                Stretch::Slice {
                    end,
                    skip,
                    count: 1,
                    unit,
                    of,
                },
                next,
            ));
        }
        let placed = written_out
            || words.is_any_before(
                at,
                &[
                    "on", "since", "until", "from", "to", "before", "after", "between",
                ],
            );
        let turn = Turn::Nearest;
        placed.then_some((Stretch::Weekday { weekday, turn }, at + 1))
    }

    /// `the 17th`: an ordinal after an article or "on", before nothing that it could count.
    pub(super) fn day_of_month(&self, before: usize, at: usize) -> Read {
        let Some(Kind::Ordinal(day @ 1..=31)) = self.words.kind(at) else {
            return None;
        };
        let led = at > before || self.words.is_any_before(at, &["the", "on", "and"]);
        let counts = self
            .words
            .word(at + 1)
            .is_some_and(|word| unit(word).is_some())
            || self.words.is_any(
                at + 1,
                &[
                    "half", "highest", "lowest", "best", "worst", "largest", "biggest",
                ],
            );
        (led && !counts).then_some((Stretch::DayOfMonth(i8::try_from(day).ok()?), at + 1))
    }

    /// `30 days`, as in "the 30 day average" and "over 3 months".
    pub(super) fn rolling(&self, at: usize) -> Read {
        if !matches!(self.words.kind(at), Some(Kind::Number(_)))
            && !self.words.is_any_before(at, &["over", "for"])
        {
            return None;
        }
        let (count, unit, next) = self.span(at, false)?;
        // "The top 5 days" are days to be found, and no range.
        if self.words.is_in_before(at, RANKING)
            && self.words.is_any(next - 1, &["days", "weeks", "months"])
        {
            return None;
        }
        // The "24h volume" of a day is its volume, whichever day that is.
        let daily = is_hours(self.words.word(next - 1)?)
            && count == 1
            && self
                .words
                .is_any(next, &["volume", "trading", "turnover", "price"]);
        let stretch = if daily {
            Stretch::Now
        } else {
            Stretch::Last { count, unit }
        };
        Some((stretch, next))
    }
}

fn rolling(turn: Turn, count: i32, unit: Unit) -> Stretch {
    match turn {
        Turn::Next => Stretch::Next { count, unit },
        _ => Stretch::Last { count, unit },
    }
}

/// Saturday and Sunday of the running week, the one before or the one after.
fn weekend(turn: Turn) -> Stretch {
    let offset = match turn {
        Turn::Last => -1,
        Turn::This | Turn::Nearest => 0,
        Turn::Next => 1,
    };
    let unit = Unit::Week;
    Stretch::Slice {
        end: End::First,
        skip: 5,
        count: 2,
        unit: Unit::Day,
        of: Box::new(Stretch::Calendar { unit, offset }),
    }
}
