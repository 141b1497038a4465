//! What there is.

use std::{
    cmp::Reverse,
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use chimera_questions::{Metric, Period, Ticker};
use chimera_shared::Context;

use super::CoinMetrics;
use crate::{
    source::{Failure, Given},
    wire::coin_metrics::{CATALOG_ASSET_METRICS, CatalogAsset, CatalogMetric, DAILY},
};

/// For each asset and metric the first and last day with a value.
pub(crate) type Assets = BTreeMap<Ticker, BTreeMap<Metric, Period>>;

/// The catalog that was given last, for as long as no newer one can be had: what there is changes slowly, and without a
/// catalog no question is understood, not even one that stored series could answer.
#[derive(Debug, Default)]
pub(super) struct LastCatalog(Mutex<Option<Given<Assets>>>);

impl LastCatalog {
    fn keep(&self, given: &Given<Assets>) {
        if !given.cached {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(given.clone());
        }
    }

    fn get(&self) -> Option<Given<Assets>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

const CACHE_KEY: &str = "coinmetrics:catalog";

/// How many assets are described: those with the most metrics. The live service knows thousands, most of them by
/// one metric only, and the description travels with questions.
const MOST_ASSETS: usize = 250;

impl CoinMetrics {
    /// What there is of every asset.
    pub(crate) async fn catalog(&self, cx: &Context) -> Result<Given<Assets>, Failure> {
        let ask = |cx| async move { self.fetch_catalog(&cx).await };
        let given = self.source.once(cx, "get_catalog", CACHE_KEY, ask).await;
        match given {
            Ok(given) => {
                self.source.note_recording(given.recorded_until);
                self.last_catalog.keep(&given);
                Ok(given)
            }
            Err(failure) => self.last_catalog.get().ok_or(failure).inspect(|_| {
                tracing::warn!("the catalog cannot be had, the last one stands in for it");
            }),
        }
    }

    async fn fetch_catalog(&self, cx: &Context) -> Result<Given<Assets>, Failure> {
        let (standard, extra): (Vec<_>, Vec<_>) = Metric::all()
            .filter_map(Metric::coin_metrics)
            .partition(|name| is_of_the_api(name));
        let mut entries = self.described(cx, &standard).await?;
        // The live service refuses names that are none of its own, a recording has values of them.
        if entries.recorded_until.is_some() {
            let more = self.described(cx, &extra).await?;
            entries.value.extend(more.value);
        }
        Ok(entries.map(assets))
    }

    async fn described(
        &self,
        cx: &Context,
        metrics: &[&str],
    ) -> Result<Given<Vec<CatalogAsset>>, Failure> {
        let parameters = [("metrics", metrics.join(","))];
        self.pages(cx, CATALOG_ASSET_METRICS, &parameters).await
    }
}

/// Whether a name is one of the API's own rather than that of a recorded column, which has its unit in parentheses or
/// begins in lower case.
fn is_of_the_api(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_uppercase()) && !name.contains('(')
}

fn assets(entries: Vec<CatalogAsset>) -> Assets {
    let mut assets = Assets::new();
    for entry in entries {
        let metrics = entry.metrics.into_iter().filter_map(daily);
        assets
            .entry(Ticker::new(&entry.asset))
            .or_default()
            .extend(metrics);
    }
    let mut assets: Vec<_> = assets
        .into_iter()
        .filter(|(_, metrics)| !metrics.is_empty())
        .collect();
    // A stable sort, so that of equals the first by name stay.
    assets.sort_by_key(|(_, metrics)| Reverse(metrics.len()));
    assets.truncate(MOST_ASSETS);
    assets.into_iter().collect()
}

/// A metric that we know, with its range of daily values that can be had without a key.
fn daily(metric: CatalogMetric) -> Option<(Metric, Period)> {
    let known = Metric::from_coin_metrics(&metric.metric)?;
    let open = metric
        .frequencies
        .into_iter()
        .find(|range| range.frequency == DAILY && range.community != Some(false))?;
    let period = Period {
        from: open.min_time,
        to: open.max_time,
    };
    Some((known, period))
}
