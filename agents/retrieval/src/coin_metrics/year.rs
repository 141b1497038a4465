//! Calendar years: what is fetched at a time.

use std::{collections::BTreeMap, ops::RangeInclusive};

use chimera_questions::{Day, Period};
use jiff::civil::date;

use crate::source::utc_today;

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

    /// For each series of `places`, from its first year to its last.
    pub(super) fn by_series(places: impl Iterator<Item = (usize, i16)>) -> BTreeMap<usize, Self> {
        let mut all: BTreeMap<usize, Self> = BTreeMap::new();
        for (at, year) in places {
            let alone = Self {
                first: year,
                last: year,
            };
            let years = all.entry(at).or_insert(alone);
            years.first = years.first.min(year);
            years.last = years.last.max(year);
        }
        all
    }

    pub(super) fn iter(self) -> RangeInclusive<i16> {
        self.first..=self.last
    }

    /// The first day of the first year, and that of the last.
    pub(super) fn first_days(self) -> (Day, Day) {
        (date(self.first, 1, 1), date(self.last, 1, 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_year_is_asked_for_that_cannot_have_values() {
        let check = |from, to, expected: usize| {
            let days = Period { from, to };
            let years = Years::of(days).iter();
            assert_eq!(years.count(), expected, "{from} to {to}");
        };
        check(date(2018, 12, 31), date(2019, 1, 31), 2);
        check(Day::MIN, date(2009, 5, 1), 1);
        check(date(2019, 1, 1), date(2018, 1, 1), 1);
        check(date(9000, 1, 1), Day::MAX, 1);
        check(Day::MIN, date(2008, 12, 31), 1);
    }

    #[test]
    fn years_of_one_series_are_in_a_row() {
        let places = [(3, 2018), (1, 2019), (3, 2016)];
        let years = Years::by_series(places.into_iter());
        let years: Vec<_> = years
            .into_iter()
            .map(|(at, years)| (at, years.iter()))
            .collect();
        assert_eq!(years, [(1, 2019..=2019), (3, 2016..=2018)]);
    }
}
