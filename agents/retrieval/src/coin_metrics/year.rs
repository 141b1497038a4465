//! A calendar year of one series: what is cached.

use chimera_questions::{Day, Period};
use serde::{Deserialize, Serialize};

/// Before the first block of the first chain nothing has a value.
const FIRST_YEAR: i16 = 2009;

/// Some years in a row, none of which lies before the first chain or in the future.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Years {
    first: i16,
    last: i16,
}

impl Years {
    /// The years that `days` touches.
    pub(super) fn of(days: Period) -> Self {
        Self {
            first: days.from.year().max(FIRST_YEAR),
            last: days.to.year().min(crate::source::utc_today().year()),
        }
    }

    pub(super) fn iter(self) -> impl Iterator<Item = i16> {
        self.first..=self.last
    }
}

/// The values of a year, without the days: they are in a row, which makes reading them several times cheaper.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Year {
    /// The day of the first value.
    first: Day,
    /// One for each day from then on.
    values: Vec<Option<f64>>,
}

impl Year {
    /// A year without values.
    pub(super) fn empty(year: i16) -> Self {
        Self {
            first: Day::constant(year, 1, 1),
            values: Vec::new(),
        }
    }

    /// Adds a value; `day` lies in the year, and after those that were added before.
    pub(super) fn push(&mut self, day: Day, value: f64) {
        if self.values.is_empty() {
            self.first = day;
        }
        if let Some(at) = position(self.first, day).filter(|at| *at >= self.values.len()) {
            self.values.resize(at, None);
            self.values.push(Some(value));
        }
    }

    /// The values of `days` with their days, ascending.
    pub(super) fn points(&self, days: Period) -> impl Iterator<Item = (Day, f64)> {
        let skipped = position(self.first, days.from).unwrap_or(0);
        let first = self.first.max(days.from);
        let values = self.values.get(skipped..).unwrap_or_default();
        first
            .series(jiff::Span::new().days(1))
            .zip(values)
            .take_while(move |(day, _)| *day <= days.to)
            .filter_map(|(day, value)| Some((day, (*value)?)))
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
        let mut year = Year::empty(2018);
        for (day, value) in [(3, 1.5), (4, 2.0), (7, 3.25)] {
            year.push(date(2018, 3, day), value);
        }
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
        assert_eq!(
            Year::empty(2018)
                .points(period(date(2018, 1, 1), date(2018, 2, 1)))
                .count(),
            0
        );
    }

    #[test]
    fn values_survive_the_cache_to_the_last_bit() {
        let mut year = Year::empty(2019);
        let values = [
            8_582.090_299_649_33,
            1e-300,
            5.444_e22,
            0.1 + 0.2,
            1_500_656_272.247_969_6,
        ];
        for (at, value) in values.iter().enumerate() {
            year.push(date(2019, 1, 1 + at as i8), *value);
        }
        let json = serde_json::to_vec(&year).unwrap();
        assert_eq!(serde_json::from_slice::<Year>(&json).unwrap(), year);
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
        check(date(2019, 1, 1), date(2018, 1, 1), 0);
        check(date(9000, 1, 1), Day::MAX, 0);
    }
}
