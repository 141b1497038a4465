//! Coin Metrics: daily figures.
//!
//! # What is cached
//! One entry per asset, metric and calendar year, whatever days of it were asked for. A question about January is then
//! answered from what one about the whole year, or about March, has fetched; a live source that allows ten requests in
//! six seconds is asked rarely. Whole histories would hit even more often, but each question would read ten years of
//! them (3,700 values are some 150 µs), and exact ranges would be read fastest and hit least.

mod catalog;
mod request;
mod year;

use std::collections::BTreeMap;

use chimera_questions::{Period, Series, SeriesKey, messages::SourceError};
use chimera_shared::{Context, config::SourceConfig};
use futures_util::future::join_all;

use crate::source::{Given, Name, Source};
use request::Batch;
use year::{Year, Years};

const NAME: Name = Name {
    source: "coinmetrics",
    peer: "coin_metrics",
};

/// The source of daily figures.
#[derive(Debug)]
pub(crate) struct CoinMetrics {
    source: Source,
}

/// A year's values of one series, by its key and year; or why there are none.
type Found = BTreeMap<(usize, i16), Result<Given<Year>, SourceError>>;

impl CoinMetrics {
    pub(crate) fn new(config: &SourceConfig, recording: &str) -> Self {
        Self {
            source: Source::new(NAME, config, recording),
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.source.name()
    }

    /// The series of `keys` over `days`, each or why it could not be had, in order.
    pub(crate) async fn series(
        &self,
        cx: &Context,
        keys: &[SeriesKey],
        days: Period,
    ) -> Vec<Result<Given<Series>, SourceError>> {
        if keys.is_empty() {
            return Vec::new();
        }
        let years = Years::of(days);
        let span = self.source.span(cx, "get_metrics");
        let mut found = self.cached(&span, keys, years).await;
        let missing: Vec<_> = (0..keys.len())
            .flat_map(|key| years.iter().map(move |year| (key, year)))
            .filter(|place| !found.contains_key(place))
            .collect();
        let batches = Batch::of(keys, &missing);
        let fetched = batches.iter().map(|batch| self.fetch(&span, keys, batch));
        let fetched: Vec<Found> = join_all(fetched).await;
        if let Some(error) = fetched
            .iter()
            .flat_map(BTreeMap::values)
            .find_map(|year| year.as_ref().err())
        {
            span.fail("source", &error.message);
        }
        drop(span);
        for fetched in fetched {
            self.remember(cx, keys, &fetched).await;
            found.extend(fetched);
        }
        keys.iter()
            .enumerate()
            .map(|(at, key)| {
                assemble(
                    key,
                    days,
                    years.iter().map(|year| found.remove(&(at, year))),
                )
            })
            .collect()
    }

    async fn cached(&self, cx: &Context, keys: &[SeriesKey], years: Years) -> Found {
        let places = keys.iter().enumerate().flat_map(|(at, key)| {
            years
                .iter()
                .map(move |year| ((at, year), cache_key(key, year)))
        });
        let gets = places.map(|(place, key)| async move {
            let given = self.source.cached(cx, &key).await?;
            Some((place, Ok(given)))
        });
        join_all(gets).await.into_iter().flatten().collect()
    }

    async fn remember(&self, cx: &Context, keys: &[SeriesKey], fetched: &Found) {
        let entries: Vec<_> = fetched
            .iter()
            .filter_map(|((at, year), given)| {
                let given = given.as_ref().ok()?.clone();
                Some((cache_key(&keys[*at], *year), given))
            })
            .collect();
        self.source.remember(cx, &entries).await;
    }
}

fn cache_key(key: &SeriesKey, year: i16) -> String {
    format!("coinmetrics:{}:{}:{year}", key.asset, key.metric)
}

/// The days asked for out of the years that hold them.
fn assemble(
    key: &SeriesKey,
    days: Period,
    years: impl Iterator<Item = Option<Result<Given<Year>, SourceError>>>,
) -> Result<Given<Series>, SourceError> {
    let mut series = Given {
        value: Series {
            asset: key.asset.clone(),
            metric: key.metric,
            unit: key.metric.unit(),
            points: Vec::new(),
        },
        recorded_until: None,
        cached: true,
    };
    for year in years.flatten() {
        let year = year?;
        series.cached &= year.cached;
        series.recorded_until = series.recorded_until.max(year.recorded_until);
        series.value.points.extend(year.value.points(days));
    }
    Ok(series)
}
