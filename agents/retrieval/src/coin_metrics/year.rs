//! A calendar year of one series: what is cached.

use std::{iter, ops::RangeInclusive};

use chimera_questions::{Day, Period};
use serde::{Deserialize, Serialize};

use crate::source::{number, utc_today};

/// Before the first block of the first chain nothing has a value.
const FIRST_YEAR: i16 = 2009;

/// Some years in a row, at least one, none of which lies before the first chain or in the future.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Years {
    first: i16,
    last: i16,
}

impl Years {
    /// The years that `days` touches, or the nearest to them: an answer without values still tells whose clock holds.
    pub(super) fn of(days: Period) -> Self {
        let possible = |day: Day| {
            day.year()
                .clamp(FIRST_YEAR, utc_today().year().max(FIRST_YEAR))
        };
        let first = possible(days.from);
        Self {
            first,
            last: possible(days.to).max(first),
        }
    }

    pub(super) fn iter(self) -> RangeInclusive<i16> {
        self.first..=self.last
    }
}

/// The values of a year as one text, so that a question reads those of its own days only.
///
/// A month out of a year costs a third of what it costs to read all of its numbers, and they stay as the source wrote them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Year {
    /// The day of the first value.
    first: Day,
    /// Decimal numbers by day from then on, separated by commas; nothing where a day has no value.
    values: String,
}

impl Year {
    /// The year of `points`, which ascend by day and are numbers.
    pub(super) fn new(year: i16, points: &[(Day, &str)]) -> Self {
        let first = points
            .first()
            .map_or(Day::constant(year, 1, 1), |(day, _)| *day);
        let mut values = String::with_capacity(points.len() * 20);
        let mut filled = 0;
        for (day, value) in points {
            // A second value of a day would take the place of the next one's.
            if let Some(at) = position(first, *day).filter(|at| *at >= filled) {
                let commas = if filled == 0 { 0 } else { at + 1 - filled };
                values.extend(iter::repeat_n(',', commas));
                values.push_str(value);
                filled = at + 1;
            }
        }
        Self { first, values }
    }

    /// The values of `days` with their days, ascending.
    pub(super) fn points(&self, days: Period) -> impl Iterator<Item = (Day, f64)> {
        let skipped = position(self.first, days.from).unwrap_or(0);
        let first = self.first.max(days.from);
        iter::successors(Some(first), |day| day.tomorrow().ok())
            .zip(self.values.split(',').skip(skipped))
            .take_while(move |(day, _)| *day <= days.to)
            .filter_map(|(day, value)| Some((day, number(value)?)))
    }
}

/// How many days after `first` `day` is; `None` when it is before.
fn position(first: Day, day: Day) -> Option<usize> {
    usize::try_from(day.duration_since(first).as_hours() / 24).ok()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn period(from: Day, to: Day) -> Period {
        Period { from, to }
    }

    #[test]
    fn days_without_a_value_are_left_out_and_the_others_keep_their_place() {
        let values = [(3, "1.5"), (4, "2"), (4, "9"), (3, "9"), (7, "3.25")];
        let year = Year::new(
            2018,
            &values.map(|(day, value)| (date(2018, 3, day), value)),
        );
        assert_eq!(year.values, "1.5,2,,,3.25");
        let check = |from, to, expected: &[(i8, f64)]| {
            let points: Vec<_> = year.points(period(from, to)).collect();
            let expected: Vec<_> = expected
                .iter()
                .map(|(day, value)| (date(2018, 3, *day), *value))
                .collect();
            assert_eq!(points, expected, "{from} to {to}");
        };
        let all = [(3, 1.5), (4, 2.0), (7, 3.25)];
        check(date(2017, 1, 1), date(2019, 1, 1), &all);
        check(date(2018, 3, 3), date(2018, 3, 7), &all);
        check(date(2018, 3, 4), date(2018, 3, 6), &[(4, 2.0)]);
        check(date(2018, 3, 5), date(2018, 3, 6), &[]);
        check(date(2018, 3, 8), date(2018, 12, 31), &[]);
        check(date(2018, 1, 1), date(2018, 3, 2), &[]);
        check(date(2018, 3, 7), date(2018, 3, 3), &[]);
        let empty = Year::new(2018, &[]);
        let all = period(Day::MIN, Day::MAX);
        assert_eq!(empty.points(all).count(), 0);
    }

    #[test]
    fn no_year_is_asked_for_that_cannot_have_values() {
        let check = |from, to, expected: usize| {
            assert_eq!(
                Years::of(period(from, to)).iter().count(),
                expected,
                "{from} to {to}"
            );
        };
        check(date(2018, 12, 31), date(2019, 1, 31), 2);
        check(Day::MIN, date(2009, 5, 1), 1);
        check(date(2019, 1, 1), date(2018, 1, 1), 1);
        check(date(9000, 1, 1), Day::MAX, 1);
        check(Day::MIN, date(2008, 12, 31), 1);
    }
}
