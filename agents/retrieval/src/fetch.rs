//! Asking all sources at once, and putting together what they gave.

use chimera_questions::{
    Day, Period, SourceUse,
    messages::{FetchData, Fetched, SourceError},
};
use chimera_shared::Context;
use futures_util::future::join_all;

use crate::{
    Sources,
    source::{Given, utc_today},
};

/// Everything wanted that the sources give in time. What one of them fails at stands in the errors.
pub(crate) async fn fetch(sources: &Sources, cx: &Context, wanted: &FetchData) -> Fetched {
    let daily: Vec<_> = wanted
        .series
        .iter()
        .filter(|key| key.metric.coin_metrics().is_some())
        .cloned()
        .collect();
    let (series, quotes, heights) = tokio::join!(
        sources.coin_metrics.series(cx, &daily, wanted.days),
        join_all(
            wanted
                .quotes
                .iter()
                .map(|asset| sources.coinbase.quote(cx, asset))
        ),
        join_all(
            wanted
                .heights
                .iter()
                .map(|asset| sources.zcash.height(cx, asset))
        ),
    );
    let mut errors = Vec::new();
    let mut series_use = Used::of(sources.coin_metrics.name());
    let series = series_use.sift(series, &mut errors, |series| {
        let day = |point: Option<&(Day, f64)>| point.map(|(day, _)| *day);
        let days = day(series.points.first()).zip(day(series.points.last()));
        (days, series.points.len())
    });
    let mut quotes_use = Used::of(sources.coinbase.name());
    let quotes = quotes_use.sift(quotes, &mut errors, |quote| {
        (Some((quote.day, quote.day)), 1)
    });
    let mut heights_use = Used::of(sources.zcash.name());
    let heights = heights_use.sift(heights, &mut errors, |height| {
        (Some((height.day, height.day)), 1)
    });
    let uses = [series_use, quotes_use, heights_use];
    Fetched {
        today: uses.iter().find_map(Used::today).unwrap_or_else(utc_today),
        series,
        quotes,
        heights,
        sources: uses.into_iter().filter_map(Used::summary).collect(),
        errors,
    }
}

/// What one source gave, summed up.
#[derive(Debug)]
struct Used {
    name: &'static str,
    answers: usize,
    from_cache: usize,
    recorded_until: Option<Day>,
    days: Option<Period>,
    points: usize,
}

impl Used {
    fn of(name: &'static str) -> Self {
        Self {
            name,
            answers: 0,
            from_cache: 0,
            recorded_until: None,
            days: None,
            points: 0,
        }
    }

    /// Takes the answers out of `results`, counting each as `measure` says: its first and last day and its points.
    fn sift<T>(
        &mut self,
        results: Vec<Result<Given<T>, SourceError>>,
        errors: &mut Vec<SourceError>,
        measure: impl Fn(&T) -> (Option<(Day, Day)>, usize),
    ) -> Vec<T> {
        let mut values = Vec::with_capacity(results.len());
        for result in results {
            match result {
                Ok(given) => {
                    let (days, points) = measure(&given.value);
                    self.add(&given, days, points);
                    values.push(given.value);
                }
                // Series that were asked for together fail together.
                Err(error) if errors.contains(&error) => {}
                Err(error) => errors.push(error),
            }
        }
        values
    }

    fn add<T>(&mut self, given: &Given<T>, days: Option<(Day, Day)>, points: usize) {
        self.answers += 1;
        self.from_cache += usize::from(given.cached);
        self.points += points;
        self.recorded_until = self.recorded_until.max(given.recorded_until);
        if let Some((from, to)) = days {
            self.days = Some(match self.days {
                Some(days) => Period {
                    from: days.from.min(from),
                    to: days.to.max(to),
                },
                None => Period { from, to },
            });
        }
    }

    /// What day it is by this source's clock, if it answered.
    fn today(&self) -> Option<Day> {
        (self.answers > 0).then(|| self.recorded_until.unwrap_or_else(utc_today))
    }

    /// `None` of a source that gave no answer.
    fn summary(self) -> Option<SourceUse> {
        (self.answers > 0).then(|| SourceUse {
            name: self.name.to_owned(),
            recorded: self.recorded_until.is_some(),
            cached: self.from_cache == self.answers,
            from: self.days.map(|days| days.from),
            to: self.days.map(|days| days.to),
            points: self.points as u64,
        })
    }
}
