//! Asking for daily values: what is missing goes into few requests, and their rows into years.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use chimera_questions::{Metric, SeriesKey, Ticker};
use chimera_shared::ContextSpan;

use super::{CoinMetrics, Found, Points};
use crate::{
    source::{Failure, number},
    wire::coin_metrics::{ASSET_METRICS, AssetMetrics, DAILY},
};

/// What one request asks for: every one of the metrics of every one of the assets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Batch {
    assets: BTreeSet<Ticker>,
    metrics: BTreeSet<Metric>,
    years: (i16, i16),
    /// Which of the wanted series those are.
    keys: Vec<usize>,
}

impl Batch {
    /// Few batches that hold all of `missing`, which are positions in `keys` with a year.
    ///
    /// One for each asset, with all of its metrics; those of assets that lack the same are one.
    pub(super) fn of(keys: &[SeriesKey], missing: &[(usize, i16)]) -> Vec<Self> {
        let mut by_asset: BTreeMap<&Ticker, Self> = BTreeMap::new();
        for &(at, year) in missing {
            let SeriesKey { asset, metric } = &keys[at];
            let batch = by_asset.entry(asset).or_insert_with(|| Self {
                assets: BTreeSet::from([asset.clone()]),
                metrics: BTreeSet::new(),
                years: (year, year),
                keys: Vec::new(),
            });
            batch.metrics.insert(*metric);
            batch.years = (batch.years.0.min(year), batch.years.1.max(year));
            if !batch.keys.contains(&at) {
                batch.keys.push(at);
            }
        }
        let mut batches: Vec<Self> = Vec::new();
        for batch in by_asset.into_values() {
            let alike = batches
                .iter_mut()
                .find(|other| other.metrics == batch.metrics && other.years == batch.years);
            match alike {
                Some(other) => {
                    other.assets.extend(batch.assets);
                    other.keys.extend(batch.keys);
                }
                None => batches.push(batch),
            }
        }
        batches
    }

    /// Everything that it holds: positions of series, each with every year.
    pub(super) fn places(&self) -> impl Iterator<Item = (usize, i16)> {
        let years = self.years.0..=self.years.1;
        let of_key = move |&at: &usize| years.clone().map(move |year| (at, year));
        self.keys.iter().flat_map(of_key)
    }

    /// What only this batch holds, for telling it from others.
    pub(super) fn name(&self) -> String {
        format!("{self} {}-{}", self.years.0, self.years.1)
    }

    /// The part of it that is about one series.
    fn only(&self, at: usize, key: &SeriesKey) -> Self {
        Self {
            assets: BTreeSet::from([key.asset.clone()]),
            metrics: BTreeSet::from([key.metric]),
            years: self.years,
            keys: vec![at],
        }
    }

    fn parameters(&self) -> Vec<(&'static str, String)> {
        let assets: Vec<_> = self.assets.iter().map(Ticker::to_lower).collect();
        let metrics: Vec<_> = self
            .metrics
            .iter()
            .filter_map(|metric| metric.coin_metrics())
            .collect();
        vec![
            ("assets", assets.join(",")),
            ("metrics", metrics.join(",")),
            ("frequency", DAILY.to_owned()),
            ("start_time", format!("{}-01-01", self.years.0)),
            ("end_time", format!("{}-12-31", self.years.1)),
            // What an asset does not have, or not without a key, is a series without points, like one whose days have
            // no value; the other series of the request are still answered.
            ("ignore_unsupported_errors", "true".to_owned()),
            ("ignore_forbidden_errors", "true".to_owned()),
        ]
    }
}

/// What it asks for, for people: `BTC, ZEC price_usd`.
impl fmt::Display for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let assets: Vec<_> = self.assets.iter().map(Ticker::as_str).collect();
        let metrics: Vec<_> = self.metrics.iter().map(|metric| metric.name()).collect();
        write!(f, "{} {}", assets.join(", "), metrics.join(", "))
    }
}

impl CoinMetrics {
    /// The years of a batch, or for each of them why it could not be had, which the span says too.
    pub(super) async fn fetch(
        &self,
        span: &ContextSpan,
        keys: &[SeriesKey],
        batch: &Batch,
    ) -> Found {
        let rows = self.pages(span, ASSET_METRICS, &batch.parameters()).await;
        let rows = match rows {
            Ok(rows) => rows,
            Err(failure) => return self.failed(span, batch, &failure),
        };
        let mut found = Found::new();
        for &at in &batch.keys {
            match years_of(&rows.value, &keys[at], batch.years) {
                Ok(years) => found.extend(years.into_iter().map(|(year, values)| {
                    let given = rows.with(values);
                    ((at, year), Ok(given))
                })),
                Err(failure) => {
                    let one = batch.only(at, &keys[at]);
                    found.extend(self.failed(span, &one, &failure));
                }
            }
        }
        found
    }

    /// The same failure for every year of a batch.
    pub(super) fn failed(&self, span: &ContextSpan, batch: &Batch, failure: &Failure) -> Found {
        span.fail(failure.error_type(), failure.message());
        let error = self.source.error(batch.to_string(), failure);
        let places = batch.places();
        places.map(|place| (place, Err(error.clone()))).collect()
    }
}

/// The values of one series out of the rows of all: every year of `range`, some of them possibly empty.
fn years_of(
    rows: &[AssetMetrics],
    key: &SeriesKey,
    range: (i16, i16),
) -> Result<BTreeMap<i16, Points>, Failure> {
    let asset = key.asset.to_lower();
    let metric = key.metric.coin_metrics().unwrap_or_default();
    let mut years: BTreeMap<i16, Points> =
        (range.0..=range.1).map(|year| (year, Vec::new())).collect();
    for row in rows.iter().filter(|row| row.asset == asset) {
        let Some(Some(text)) = row.values.get(metric) else {
            continue;
        };
        let value = number(text).ok_or_else(|| {
            let wanted = format!("{} on {}", key.metric, row.time);
            Failure::value(wanted, text, "a number")
        })?;
        // Rows ascend by day, and a second value of a day does not count.
        if let Some(points) = years.get_mut(&row.time.year())
            && points.last().is_none_or(|(day, _)| *day < row.time)
        {
            points.push((row.time, value));
        }
    }
    Ok(years)
}
