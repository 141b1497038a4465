//! Turns day expressions into days.

use chimera_questions::{Day, Period};
use jiff::Span;
use jiff::civil::Weekday;

use super::{End, Expression, Stretch, Third, Turn, Unit, Year, YearPart};

/// What has to be known to turn words into days.
#[derive(Debug, Clone, Copy)]
pub(in crate::understanding) struct Clock {
    /// The clock of the data.
    pub(in crate::understanding) today: Day,
    /// The first day with a value of what is asked for.
    pub(in crate::understanding) first: Day,
    /// Which way a day without a year is looked for.
    pub(in crate::understanding) aim: Aim,
}

/// Which way a day without a year is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::understanding) enum Aim {
    /// The latest up to today.
    Past,
    /// The next.
    Future,
}

/// The days an expression stands for, not yet cut at today.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::understanding) struct Reach {
    /// The first and the last day; the first is the later one when the range is empty ("before" the first day).
    pub(in crate::understanding) period: Period,
    /// Whether its ends were said the wrong way round.
    pub(in crate::understanding) swapped: bool,
    /// Whether an end was named that lies after today.
    pub(in crate::understanding) named_future: bool,
}

/// The first day of the calendar, as people know it.
const EARLIEST: Day = jiff::civil::date(1, 1, 1);

/// How many years without the day in question can follow each other: 29 February around 1900.
const MAX_YEARS_APART: i16 = 8;

impl Clock {
    /// The days of an expression; `None` when it names a day that does not exist.
    pub(in crate::understanding) fn reach(&self, expression: &Expression) -> Option<Reach> {
        let (from, to) = match expression {
            Expression::Within(stretch) => {
                let period = self.period(stretch)?;
                (period.from, period.to)
            }
            Expression::Since(stretch) => (self.period(stretch)?.from, self.today),
            Expression::After(stretch) => {
                (moved(self.period(stretch)?.to, 1, Unit::Day), self.today)
            }
            Expression::Before(stretch) => {
                (self.first, moved(self.period(stretch)?.from, -1, Unit::Day))
            }
            Expression::Until(stretch) => (self.first, self.period(stretch)?.to),
            Expression::Between(start, end) => return self.between(start, end),
        };
        let since = matches!(expression, Expression::Since(_) | Expression::After(_));
        Some(Reach {
            period: Period {
                from,
                to: if since { to.max(from) } else { to },
            },
            swapped: false,
            named_future: matches!(expression, Expression::Until(_)) && to > self.today,
        })
    }

    fn between(&self, start: &Stretch, end: &Stretch) -> Option<Reach> {
        let last = self.period(end)?;
        let first = if start.has_open_year() && end.has_open_year() && self.aim == Aim::Past {
            self.nearest(
                start,
                |period| period.from <= last.from,
                self.today.year(),
                -1,
            )?
        } else {
            self.period(start)?
        };
        let swapped = first.from > last.to;
        let (first, last) = if swapped {
            (last, first)
        } else {
            (first, last)
        };
        Some(Reach {
            period: Period {
                from: first.from,
                to: last.to,
            },
            swapped,
            named_future: last.from > self.today,
        })
    }

    /// The whole stretch, cut at nothing.
    fn period(&self, stretch: &Stretch) -> Option<Period> {
        if stretch.has_open_year() {
            let year = self.today.year();
            return match self.aim {
                Aim::Past => self.nearest(stretch, |period| period.from <= self.today, year, -1),
                Aim::Future => self.nearest(stretch, |period| period.to > self.today, year, 1),
            };
        }
        match stretch {
            Stretch::OfYear { part, year, .. } => self.part_of_year(*part, *year),
            Stretch::Year(year) => year_part(*year, None),
            Stretch::DayOfMonth(day) => self.day_of_month(*day),
            Stretch::Weekday { weekday, turn } => Some(one(self.weekday(*weekday, *turn))),
            Stretch::Now => Some(one(self.today)),
            Stretch::Away { count, unit } => Some(one(moved(self.today, *count, *unit))),
            Stretch::Last { count, unit } => Some(Period {
                from: moved(moved(self.today, -count, *unit), 1, Unit::Day),
                to: self.today,
            }),
            Stretch::Next { count, unit } => Some(Period {
                from: moved(self.today, 1, Unit::Day),
                to: moved(self.today, *count, *unit),
            }),
            Stretch::Calendar { unit, offset } => {
                let from = start_of(moved(start_of(self.today, *unit), *offset, *unit), *unit);
                Some(until_before(from, moved(from, 1, *unit)))
            }
            Stretch::Third { third, of } => Some(third_of(*third, self.period(of)?)),
            Stretch::Slice {
                end,
                skip,
                count,
                unit,
                of,
            } => slice(self.period(of)?, *end, *skip, *count, *unit),
            Stretch::WeekOf(of) => {
                let from = start_of(self.period(of)?.from, Unit::Week);
                Some(until_before(from, moved(from, 1, Unit::Week)))
            }
            Stretch::Around(of) => {
                let period = self.period(of)?;
                Some(Period {
                    from: moved(period.from, -7, Unit::Day),
                    to: moved(period.to, 7, Unit::Day),
                })
            }
            Stretch::Beside { end, of } => {
                let period = self.period(of)?;
                Some(one(match end {
                    End::First => moved(period.from, -1, Unit::Day),
                    End::Last => moved(period.to, 1, Unit::Day),
                }))
            }
            Stretch::AllTime => Some(Period {
                from: self.first,
                to: self.today.max(self.first),
            }),
            Stretch::FirstDay => Some(one(self.first)),
            Stretch::NoSuchDay { .. } => None,
        }
    }

    /// The stretch in the first year, counted by `step` from `year`, in which it suits.
    fn nearest(
        &self,
        stretch: &Stretch,
        suits: impl Fn(Period) -> bool,
        year: i16,
        step: i16,
    ) -> Option<Period> {
        (0..=MAX_YEARS_APART).find_map(|apart| {
            let year = year.checked_add(apart * step)?;
            let said = stretch.clone().in_year(Year::Said(year));
            self.period(&said).filter(|period| suits(*period))
        })
    }

    fn part_of_year(&self, part: YearPart, year: Year) -> Option<Period> {
        let this = self.today.year();
        let turned = |suits: &dyn Fn(Period) -> bool, step: i16| {
            (0..=MAX_YEARS_APART)
                .filter_map(|apart| year_part(this.checked_add(apart * step)?, Some(part)))
                .find(|period| suits(*period))
        };
        match year {
            Year::Said(year) => year_part(year, Some(part)),
            Year::Offset(offset) => year_part(this.checked_add(offset)?, Some(part)),
            Year::Unsaid(Turn::This) => year_part(this, Some(part)),
            Year::Unsaid(Turn::Next) => turned(&|period| period.from > self.today, 1),
            Year::Unsaid(Turn::Last | Turn::Nearest) => {
                turned(&|period| period.to < self.today, -1)
            }
        }
    }

    /// The latest month's (of the future: the next month's) day of that number.
    fn day_of_month(&self, day: i8) -> Option<Period> {
        let step = if self.aim == Aim::Past { -1 } else { 1 };
        let mut month = self.today.first_of_month();
        // A 31st is never more than two months away.
        for _ in 0..3 {
            if let Ok(found) = Day::new(month.year(), month.month(), day)
                && (found <= self.today) == (self.aim == Aim::Past)
            {
                return Some(one(found));
            }
            month = moved(month, step, Unit::Month);
        }
        None
    }

    fn weekday(&self, weekday: Weekday, turn: Turn) -> Day {
        let back = i32::from(weekday.until(self.today.weekday()));
        let ahead = i32::from(self.today.weekday().until(weekday));
        let after = if ahead == 0 { 7 } else { ahead };
        let days = match turn {
            Turn::Nearest if self.aim == Aim::Past => -back,
            Turn::Nearest | Turn::Next => after,
            Turn::Last if back == 0 => -7,
            Turn::Last => -back,
            Turn::This => {
                i32::from(weekday.to_monday_zero_offset())
                    - i32::from(self.today.weekday().to_monday_zero_offset())
            }
        };
        moved(self.today, days, Unit::Day)
    }
}

/// A period of one day.
pub(in crate::understanding) fn one(day: Day) -> Period {
    Period { from: day, to: day }
}

fn until_before(from: Day, next: Day) -> Period {
    Period {
        from,
        to: moved(next, -1, Unit::Day).max(from),
    }
}

/// `day` moved by so many units; a day that the month does not have becomes its last one.
pub(in crate::understanding) fn moved(day: Day, count: i32, unit: Unit) -> Day {
    let span = match unit {
        Unit::Day => Span::new().try_days(count),
        Unit::Week => Span::new().try_weeks(count),
        Unit::Month => Span::new().try_months(count),
        Unit::Quarter => Span::new().try_months(i64::from(count) * 3),
        Unit::Year => Span::new().try_years(count),
    };
    // What leaves the calendar ends at the calendar's end.
    match span {
        Ok(span) => day.saturating_add(span).max(EARLIEST),
        Err(_) if count < 0 => EARLIEST,
        Err(_) => Day::MAX,
    }
}

fn start_of(day: Day, unit: Unit) -> Day {
    match unit {
        Unit::Day => day,
        Unit::Week => moved(
            day,
            -i32::from(day.weekday().to_monday_zero_offset()),
            Unit::Day,
        ),
        Unit::Month => day.first_of_month(),
        Unit::Quarter => moved(
            day.first_of_month(),
            -i32::from((day.month() - 1) % 3),
            Unit::Month,
        ),
        Unit::Year => day.first_of_year(),
    }
}

fn year_part(year: i16, part: Option<YearPart>) -> Option<Period> {
    let (month, day) = part.map_or((1, 1), YearPart::start);
    let from = Day::new(year, month, day).ok()?;
    let (count, unit) = match part {
        None => (1, Unit::Year),
        Some(YearPart::Day { .. }) => (1, Unit::Day),
        Some(YearPart::Month(_)) => (1, Unit::Month),
        Some(YearPart::Quarter(_) | YearPart::Season(_)) => (1, Unit::Quarter),
        Some(YearPart::Half(_)) => (6, Unit::Month),
    };
    Some(until_before(from, moved(from, count, unit)))
}

/// Of a month days 1 to 10, 11 to 20 and the rest; of longer stretches thirds of their months.
fn third_of(third: Third, whole: Period) -> Period {
    let months = months_of(whole);
    let (step, unit) = match months {
        3 | 6 | 12 => (months / 3, Unit::Month),
        1 => (10, Unit::Day),
        _ => (2, Unit::Day),
    };
    let second = moved(whole.from, step, unit);
    let last = moved(whole.from, 2 * step, unit);
    match third {
        Third::Early => until_before(whole.from, second),
        Third::Mid => until_before(second, last),
        Third::Late => Period {
            from: last,
            to: whole.to,
        },
    }
}

fn months_of(whole: Period) -> i32 {
    (1..=12)
        .find(|months| moved(whole.from, *months, Unit::Month) == moved(whole.to, 1, Unit::Day))
        .unwrap_or_default()
}

fn slice(of: Period, end: End, skip: i32, count: i32, unit: Unit) -> Option<Period> {
    let period = match end {
        End::First => {
            let from = moved(of.from, skip, unit);
            until_before(from, moved(of.from, skip.saturating_add(count), unit))
        }
        End::Last => Period {
            from: moved(moved(of.to, 1, Unit::Day), -count, unit),
            to: of.to,
        },
    };
    let cut = Period {
        from: period.from.max(of.from),
        to: period.to.min(of.to),
    };
    (cut.from <= cut.to).then_some(cut)
}
