//! What was fetched before: series are written into the store of time series, and read from there.
//!
//! # What is stored
//! In the measurement `daily`, for each source, origin (the host that gave it, or `recorded`), asset and metric, the field
//! `value` by day. A day without a value has no sample: that it was asked for is told by the year's first day, at which
//! `fetched_at` (seconds since the Unix epoch) says when that year was fetched whole, and `recorded_until` (days since
//! then) where it came from a recording.
//!
//! # When it is used again
//! A calendar year is fetched whole, so that a question about January is answered from what one about March has fetched,
//! and a live source that allows ten requests in six seconds is asked rarely. Days of a live year that had been over for
//! a week when it was fetched do not change any more, and are used for ever; the others as long as any answer of the
//! source, `cache_ttl`. A recording does not change either, and is used as long as it is the one that the source last
//! said it has. A value that the source takes back later stays.

use std::collections::BTreeMap;

use chimera_questions::{Day, Period, SeriesKey};
use chimera_shared::{
    Context,
    timeseries::{Range, Run, Sample, Tags, TimeSeriesError},
};
use jiff::{SignedDuration, Timestamp, civil::date, tz::TimeZone};

use super::{CoinMetrics, Found, Points, year::Years};
use crate::source::Given;

const MEASUREMENT: &str = "daily";
const VALUE: &str = "value";
const FETCHED_AT: &str = "fetched_at";
const RECORDED_UNTIL: &str = "recorded_until";

/// For so many days after its end a day may still change: sources publish it hours later, and correct it then.
const SETTLING_DAYS: i64 = 7;

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// How a stored year came to be.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Fetched {
    at: Timestamp,
    recorded_until: Option<Day>,
}

impl CoinMetrics {
    /// The years of `places` that are stored and still hold, each with its values within `days`.
    pub(super) async fn stored(
        &self,
        cx: &Context,
        keys: &[SeriesKey],
        places: impl Iterator<Item = (usize, i16)>,
        days: Period,
    ) -> Found {
        let wanted: BTreeMap<usize, Years> = Years::by_series(places);
        if !self.source.caches() || wanted.is_empty() {
            return Found::new();
        }
        let ranges: Vec<_> = wanted
            .iter()
            .flat_map(|(at, years)| self.ranges(&keys[*at], *years, days))
            .collect();
        let read = cx.timeseries().measurement(MEASUREMENT).read(&ranges).await;
        let read = read.unwrap_or_else(|error| {
            self.complain(&error, "stored series cannot be read");
            Vec::new()
        });
        let mut found = Found::new();
        for ((at, years), samples) in wanted.into_iter().zip(read.chunks_exact(3)) {
            let [values, fetched, recorded] = samples else {
                continue;
            };
            for (year, fetched) in years_fetched(fetched, recorded) {
                if years.iter().contains(&year) && self.holds(&fetched, year, days) {
                    let given = Given {
                        value: within(values, year),
                        recorded_until: fetched.recorded_until,
                        cached: true,
                    };
                    found.insert((at, year), Ok(given));
                }
            }
        }
        found
    }

    /// Stores the years that have just been fetched.
    pub(super) async fn store(&self, cx: &Context, keys: &[SeriesKey], fetched: &Found) {
        let now = Timestamp::now().as_second() as f64;
        let runs: Vec<_> = fetched
            .iter()
            .filter_map(|((at, year), given)| {
                let given = given.as_ref().ok().filter(|given| !given.cached)?;
                Some(self.runs(&keys[*at], *year, given, now))
            })
            .flatten()
            .collect();
        if runs.is_empty() {
            return;
        }
        let written = cx.timeseries().measurement(MEASUREMENT).write(runs).await;
        if let Err(error) = written {
            self.complain(&error, "series cannot be stored");
        }
    }

    fn ranges(&self, key: &SeriesKey, years: Years, days: Period) -> [Range; 3] {
        let range = |field: &str, from: Day, to: Day| Range {
            tags: self.tags(key),
            field: field.to_owned(),
            from_ns: nanoseconds(from),
            to_ns: nanoseconds(to),
        };
        let (first, last) = years.first_days();
        [
            range(VALUE, days.from.max(first), days.to),
            range(FETCHED_AT, first, last),
            range(RECORDED_UNTIL, first, last),
        ]
    }

    /// What says that the year was fetched comes last: were only some of it written, the year would be fetched again.
    fn runs(&self, key: &SeriesKey, year: i16, given: &Given<Points>, now: f64) -> Vec<Run> {
        let run = |field: &str, samples: Vec<Sample>| Run {
            tags: self.tags(key),
            field: field.to_owned(),
            samples,
        };
        let sample = |day: Day, value: f64| Sample {
            at_ns: nanoseconds(day),
            value,
        };
        let values = given.value.iter().map(|(day, value)| sample(*day, *value));
        let first = date(year, 1, 1);
        let until = given.recorded_until.map_or(0, days_since_epoch) as f64;
        vec![
            run(VALUE, values.collect()),
            run(RECORDED_UNTIL, vec![sample(first, until)]),
            run(FETCHED_AT, vec![sample(first, now)]),
        ]
    }

    fn tags(&self, key: &SeriesKey) -> Tags {
        Tags::new([
            ("source", self.source.name()),
            ("origin", self.source.origin()),
            ("asset", key.asset.as_str()),
            ("metric", key.metric.name()),
        ])
    }

    /// Whether the values of a year that was stored are still what the source would give for `days`.
    fn holds(&self, fetched: &Fetched, year: i16, days: Period) -> bool {
        let age = Timestamp::now().duration_since(fetched.at);
        let is_fresh =
            age < SignedDuration::try_from(self.source.cache_ttl()).unwrap_or(SignedDuration::MAX);
        let said = self.source.last_recorded_until();
        if said.is_some_and(|said| said != fetched.recorded_until) {
            return false;
        }
        match fetched.recorded_until {
            Some(_) => is_fresh || said.is_some(),
            None => is_fresh || days.to.min(date(year, 12, 31)) < settled_before(fetched.at),
        }
    }

    fn complain(&self, error: &TimeSeriesError, what: &'static str) {
        let source = self.name();
        if error.is_transient() {
            tracing::debug!(source, %error, "{what}");
        } else {
            tracing::warn!(source, %error, "{what}");
        }
    }
}

/// The first day that might still change after `fetched_at`.
fn settled_before(fetched_at: Timestamp) -> Day {
    let day = fetched_at.to_zoned(TimeZone::UTC).date();
    day.saturating_sub(jiff::Span::new().days(SETTLING_DAYS))
}

/// How each year was fetched, by what was read of its first day.
fn years_fetched(fetched: &[Sample], recorded: &[Sample]) -> BTreeMap<i16, Fetched> {
    let by_year = |sample: &Sample| (day_of(sample.at_ns).year(), sample.value);
    let recorded: BTreeMap<i16, f64> = recorded.iter().map(by_year).collect();
    let fetched = fetched.iter().map(by_year);
    fetched
        .filter_map(|(year, at)| {
            let until = *recorded.get(&year)?;
            let fetched = Fetched {
                at: Timestamp::from_second(at as i64).ok()?,
                recorded_until: (until > 0.0)
                    .then(|| day_of(until as i64 * DAY_SECONDS * 1_000_000_000)),
            };
            Some((year, fetched))
        })
        .collect()
}

fn within(values: &[Sample], year: i16) -> Points {
    let days = values
        .iter()
        .map(|sample| (day_of(sample.at_ns), sample.value));
    days.filter(|(day, _)| day.year() == year).collect()
}

fn days_since_epoch(day: Day) -> i64 {
    day.duration_since(Day::constant(1970, 1, 1)).as_hours() / 24
}

/// When `day` begins, as far as nanoseconds can tell.
fn nanoseconds(day: Day) -> i64 {
    days_since_epoch(day).saturating_mul(DAY_SECONDS * 1_000_000_000)
}

fn day_of(at_ns: i64) -> Day {
    Timestamp::from_nanosecond(i128::from(at_ns))
        .map_or(Day::MIN, |at| at.to_zoned(TimeZone::UTC).date())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_told_in_nanoseconds_and_back() {
        for day in [
            date(1969, 12, 31),
            date(1970, 1, 1),
            date(2019, 3, 28),
            date(2200, 2, 28),
        ] {
            assert_eq!(day_of(nanoseconds(day)), day);
        }
        assert_eq!(nanoseconds(date(1970, 1, 2)), 86_400_000_000_000);
        // Further than the engines tell: nothing is there.
        assert_eq!(nanoseconds(Day::MAX), i64::MAX);
    }

    #[test]
    fn a_day_settles_a_week_after_its_end() {
        let fetched_at: Timestamp = "2026-11-21T13:00:00Z".parse().unwrap();
        assert_eq!(settled_before(fetched_at), date(2026, 11, 14));
    }

    #[test]
    fn a_year_is_known_by_its_first_day() {
        let sample = |day, value| Sample {
            at_ns: nanoseconds(day),
            value,
        };
        let first = date(2019, 1, 1);
        let at = Timestamp::from_second(1_700_000_000).unwrap();
        let check = |until: f64, recorded_until: Option<Day>| {
            let years = years_fetched(&[sample(first, 1.7e9)], &[sample(first, until)]);
            assert_eq!(
                years,
                BTreeMap::from([(2019, Fetched { at, recorded_until })])
            );
        };
        check(0.0, None);
        check(17_983.0, Some(date(2019, 3, 28)));
        // Half written.
        assert!(years_fetched(&[sample(first, 1.7e9)], &[]).is_empty());
    }

    #[test]
    fn what_is_stored_holds_as_long_as_it_cannot_have_changed() {
        let config = chimera_shared::config::Config::for_test(std::path::Path::new("unused"));
        let source = CoinMetrics::new(&config.sources.coinmetrics, "http://127.0.0.1:1");
        let ago = |days: i64| Timestamp::now() - SignedDuration::from_hours(days * 24);
        let today = ago(0).to_zoned(TimeZone::UTC).date();
        let check =
            |fetched_days_ago: i64, recorded_until: Option<Day>, to: Day, expected: bool| {
                let fetched = Fetched {
                    at: ago(fetched_days_ago),
                    recorded_until,
                };
                let days = Period { from: to, to };
                let case = format!("{fetched_days_ago} days ago, {recorded_until:?}, to {to}");
                assert_eq!(source.holds(&fetched, to.year(), days), expected, "{case}");
            };
        let recorded = Some(date(2019, 3, 28));
        // Live, before it said anything: what was over for a week then, or was fetched just now.
        check(0, None, today, true);
        check(1, None, today, false);
        check(400, None, date(2019, 1, 1), true);
        check(1, None, day_before(today, 7), false);
        check(1, None, day_before(today, 9), true);
        check(0, recorded, date(2019, 1, 1), true);
        check(1, recorded, date(2019, 1, 1), false);
        // The recording that it has now, and none else.
        source.source.note_recording(recorded);
        check(1, recorded, date(2019, 1, 1), true);
        check(0, Some(date(2020, 3, 28)), date(2019, 1, 1), false);
        check(0, None, date(2019, 1, 1), false);
        source.source.note_recording(None);
        check(0, recorded, date(2019, 1, 1), false);
    }

    fn day_before(day: Day, days: i64) -> Day {
        day.saturating_sub(jiff::Span::new().days(days))
    }
}
