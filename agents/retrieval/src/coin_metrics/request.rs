//! Asking for daily values: what is missing goes into few requests, and their pages into years.

use std::collections::{BTreeMap, BTreeSet};

use chimera_questions::{Metric, SeriesKey, Ticker};
use chimera_shared::{Context, http::Request};
use serde::de::DeserializeOwned;
use url::Url;

use super::{CoinMetrics, Found, Year};
use crate::{
    source::{Failure, Given, number},
    wire::coin_metrics::{ASSET_METRICS, AssetMetrics, DAILY, ErrorBody, MAX_PAGE_SIZE, Page},
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

    fn wanted(&self) -> String {
        let assets: Vec<_> = self.assets.iter().map(Ticker::as_str).collect();
        let metrics: Vec<_> = self.metrics.iter().map(|metric| metric.name()).collect();
        format!("{} {}", assets.join(", "), metrics.join(", "))
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

impl CoinMetrics {
    /// The years of a batch, or for each of them why it could not be had.
    pub(super) async fn fetch(&self, cx: &Context, keys: &[SeriesKey], batch: &Batch) -> Found {
        let rows: Result<Given<Vec<AssetMetrics>>, _> =
            self.pages(cx, ASSET_METRICS, &batch.parameters()).await;
        let mut found = Found::new();
        for &at in &batch.keys {
            let key = &keys[at];
            let years = match &rows {
                Ok(rows) => years_of(rows, key, batch.years).map_err(|failure| {
                    self.source
                        .error(format!("{} {}", key.asset, key.metric), &failure)
                }),
                Err(failure) => Err(self.source.error(batch.wanted(), failure)),
            };
            for year in batch.years.0..=batch.years.1 {
                let given = years.clone().map(|mut years| Given {
                    value: years.remove(&year).unwrap_or_else(|| Year::empty(year)),
                    recorded_until: rows.as_ref().ok().and_then(|rows| rows.recorded_until),
                    cached: false,
                });
                found.insert((at, year), given);
            }
        }
        found
    }

    /// All items of a list, page by page, from its start.
    pub(super) async fn pages<T: DeserializeOwned>(
        &self,
        cx: &Context,
        path: &'static str,
        parameters: &[(&'static str, String)],
    ) -> Result<Given<Vec<T>>, Failure> {
        let mut url = self.source.url(path)?;
        url.query_pairs_mut()
            .extend_pairs(parameters)
            .append_pair("page_size", &MAX_PAGE_SIZE.to_string())
            .append_pair("paging_from", "start");
        let mut all = self
            .page::<T>(cx, path, url.clone())
            .await?
            .map(|page| (page.data, page.next_page_token));
        while let Some(token) = all.value.1.take() {
            let mut next = url.clone();
            next.query_pairs_mut()
                .append_pair("next_page_token", &token);
            let page = self.page::<T>(cx, path, next).await?.value;
            if page.data.is_empty() {
                break;
            }
            all.value.0.extend(page.data);
            all.value.1 = page.next_page_token;
        }
        Ok(all.map(|(items, _)| items))
    }

    async fn page<T: DeserializeOwned>(
        &self,
        cx: &Context,
        path: &'static str,
        url: Url,
    ) -> Result<Given<Page<T>>, Failure> {
        let request = Request::get(url).template(path);
        let page = self.source.ask(cx, request).await;
        page.map_err(|failure| failure.in_words(said))
    }
}

/// The values of one series out of the rows of all, by year.
fn years_of(
    rows: &Given<Vec<AssetMetrics>>,
    key: &SeriesKey,
    range: (i16, i16),
) -> Result<BTreeMap<i16, Year>, Failure> {
    let (asset, metric) = (
        key.asset.to_lower(),
        key.metric.coin_metrics().unwrap_or_default(),
    );
    let mut years = BTreeMap::new();
    for row in rows.value.iter().filter(|row| row.asset == asset) {
        let Some(Some(text)) = row.values.get(metric) else {
            continue;
        };
        let value = number(text).ok_or_else(|| {
            let wanted = format!("{} {} on {}", key.asset, key.metric, row.time);
            Failure::value(wanted, text, "a number")
        })?;
        let year = row.time.year();
        if (range.0..=range.1).contains(&year) {
            let values = years.entry(year).or_insert_with(|| Year::empty(year));
            values.push(row.time, value);
        }
    }
    Ok(years)
}

fn said(body: &[u8]) -> Option<String> {
    serde_json::from_slice(body)
        .ok()
        .map(|body: ErrorBody| body.error.message)
}
