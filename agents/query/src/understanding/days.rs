//! Day expressions: what of the calendar a question names.
//!
//! They are read ([`read`]) without knowing what day it is, and turned into days ([`resolve`]) once that and the first
//! day of the data are known.

mod dates;
pub(super) mod names;
mod parts;
mod ranges;
pub(super) mod read;
mod relative;
pub(super) mod resolve;

use std::ops::Range;

use jiff::civil::Weekday;

/// A day expression, and where in the question it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayMention {
    /// The tokens it is made of.
    pub tokens: Range<usize>,
    /// What it means.
    pub expression: Expression,
}

/// A range of days as it was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expression {
    /// In it.
    Within(Stretch),
    /// From its first day on.
    Since(Stretch),
    /// From the day after its end on.
    After(Stretch),
    /// Up to the day before it.
    Before(Stretch),
    /// Up to its last day.
    Until(Stretch),
    /// From the first one's first day to the second one's last.
    Between(Stretch, Stretch),
}

/// A stretch of days as it was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stretch {
    /// A day, month, quarter or half of a year.
    OfYear {
        /// Which part of the year.
        part: YearPart,
        /// Which year.
        year: Year,
        /// Whether the day was written so that month and day could be the other way round.
        ambiguous: bool,
    },
    /// A whole year.
    Year(i16),
    /// The 17th.
    DayOfMonth(i8),
    /// A day of the week.
    Weekday {
        /// Which.
        weekday: Weekday,
        /// Of which week.
        turn: Turn,
    },
    /// Now: today, but nobody would insist.
    Now,
    /// A day so many units from today; before it when negative.
    Away {
        /// How many.
        count: i32,
        /// Of what.
        unit: Unit,
    },
    /// The last so many units, up to today.
    Last {
        /// How many.
        count: i32,
        /// Of what.
        unit: Unit,
    },
    /// The next so many units, from tomorrow.
    Next {
        /// How many.
        count: i32,
        /// Of what.
        unit: Unit,
    },
    /// A unit of the calendar: the running one (0), the one before (-1), the one after (1).
    Calendar {
        /// Of what.
        unit: Unit,
        /// How many units after the running one.
        offset: i32,
    },
    /// A third of a stretch.
    Third {
        /// Which.
        third: Third,
        /// Of what.
        of: Box<Stretch>,
    },
    /// So many units at an end of a stretch: the first week of, the last 10 days of; or the one after so many.
    Slice {
        /// Which end it is counted from.
        end: End,
        /// Units left out before it, counted from that end.
        skip: i32,
        /// How many.
        count: i32,
        /// Of what.
        unit: Unit,
        /// The stretch.
        of: Box<Stretch>,
    },
    /// The Monday-to-Sunday week that a stretch begins in.
    WeekOf(Box<Stretch>),
    /// Seven days before to seven days after.
    Around(Box<Stretch>),
    /// The day before a stretch, or the day after it.
    Beside {
        /// Which side.
        end: End,
        /// The stretch.
        of: Box<Stretch>,
    },
    /// Everything there is.
    AllTime,
    /// The first day there is.
    FirstDay,
    /// A day that no calendar has, such as 30 February 2018.
    NoSuchDay {
        /// The year, if one was said.
        year: Option<i16>,
        /// The month said.
        month: u32,
        /// The day said.
        day: u32,
    },
}

/// A part of a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum YearPart {
    /// A day, which exists in some year.
    Day {
        /// 1 to 12.
        month: i8,
        /// 1 to 31.
        day: i8,
    },
    /// 1 to 12.
    Month(i8),
    /// 1 to 4.
    Quarter(i8),
    /// 1 or 2.
    Half(i8),
    /// Three whole months, by the first: spring 3, summer 6, autumn 9, winter 12.
    Season(i8),
}

/// A year as it was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Year {
    /// By its number.
    Said(i16),
    /// So many years after the running one: "last year" is -1.
    Offset(i16),
    /// Not said, or only by "last", "this", "next".
    Unsaid(Turn),
}

/// Which of those that come round again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Not said: the latest (of the future: the next).
    Nearest,
    /// The latest that is over.
    Last,
    /// That of the running year or week.
    This,
    /// The first that has not begun.
    Next,
}

/// A unit of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A day.
    Day,
    /// Seven days; as a unit of the calendar from Monday.
    Week,
    /// A month.
    Month,
    /// Three months.
    Quarter,
    /// A year.
    Year,
}

/// Early, mid or late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Third {
    /// Days 1 to 10, months 1 to 4.
    Early,
    /// Days 11 to 20, months 5 to 8.
    Mid,
    /// The rest.
    Late,
}

/// An end of a stretch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Its beginning.
    First,
    /// Its end.
    Last,
}

impl Stretch {
    /// A part of a year, written so that it can be read in one way only.
    pub(super) fn of_year(part: YearPart, year: Year) -> Self {
        Self::OfYear {
            part,
            year,
            ambiguous: false,
        }
    }

    /// Whether it lies in whatever year suits, because none was said.
    pub(super) fn has_open_year(&self) -> bool {
        matches!(self.year(), Some(Year::Unsaid(Turn::Nearest)))
    }

    /// The year it was said with, if it is the kind that has one.
    pub(super) fn year(&self) -> Option<Year> {
        match self {
            Self::OfYear { year, .. } => Some(*year),
            Self::Third { of, .. }
            | Self::Slice { of, .. }
            | Self::WeekOf(of)
            | Self::Around(of)
            | Self::Beside { of, .. } => of.year(),
            _ => None,
        }
    }

    /// The same of another year; unchanged where it is not the kind that has one.
    #[must_use]
    pub(super) fn in_year(mut self, other: Year) -> Self {
        match &mut self {
            Self::OfYear { year, .. } => *year = other,
            Self::Third { of, .. }
            | Self::Slice { of, .. }
            | Self::WeekOf(of)
            | Self::Around(of)
            | Self::Beside { of, .. } => **of = of.as_ref().clone().in_year(other),
            _ => {}
        }
        self
    }

    /// The part of the year it lies in.
    pub(super) fn part(&self) -> Option<YearPart> {
        match self {
            Self::OfYear { part, .. } => Some(*part),
            Self::Third { of, .. }
            | Self::Slice { of, .. }
            | Self::WeekOf(of)
            | Self::Around(of)
            | Self::Beside { of, .. } => of.part(),
            _ => None,
        }
    }

    /// Whether it can only lie in the future, however it is asked for.
    pub(super) fn is_ahead(&self) -> bool {
        match self {
            Self::Away { count, .. } => *count > 0,
            Self::Calendar { offset, .. } => *offset > 0,
            Self::Next { .. } => true,
            Self::Weekday { turn, .. } => *turn == Turn::Next,
            Self::OfYear { year, .. } => {
                matches!(year, Year::Unsaid(Turn::Next) | Year::Offset(1..))
            }
            Self::Third { of, .. }
            | Self::Slice { of, .. }
            | Self::WeekOf(of)
            | Self::Around(of)
            | Self::Beside { of, .. } => of.is_ahead(),
            _ => false,
        }
    }
}

impl YearPart {
    /// Its first day as month and day.
    pub(super) fn start(self) -> (i8, i8) {
        match self {
            Self::Day { month, day } => (month, day),
            Self::Month(month) | Self::Season(month) => (month, 1),
            Self::Quarter(quarter) => (3 * quarter - 2, 1),
            Self::Half(half) => (6 * half - 5, 1),
        }
    }
}
