//! Coin Metrics: daily figures.
//!
//! # What is cached
//! One entry per asset, metric and calendar year, whatever days of it were asked for. A question about January is then
//! answered from what one about March, or about the whole year, has fetched, and a live source that allows ten requests
//! in six seconds is asked rarely. Whole histories would hit more often still, but looking up a month in ten years costs
//! some 100 µs, in one year some 5; exact ranges would cost least and hit only what was asked before.

mod catalog;
mod pages;
mod request;
mod year;

use std::collections::BTreeMap;

use chimera_questions::{Period, Series, SeriesKey, messages::SourceError};
use chimera_shared::{Context, ContextSpan, config::SourceConfig};
use futures_util::future::join_all;

use crate::source::{Flight, Given, Name, Source};
use catalog::LastCatalog;
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
    last_catalog: LastCatalog,
}

/// A year's values of one series, by its key and year; or why there are none.
type Found = BTreeMap<(usize, i16), Result<Given<Year>, SourceError>>;

impl CoinMetrics {
    pub(crate) fn new(config: &SourceConfig, recording: &str) -> Self {
        Self {
            source: Source::new(NAME, config, recording),
            last_catalog: LastCatalog::default(),
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
        let places = (0..keys.len()).flat_map(|at| years.iter().map(move |year| (at, year)));
        let mut found = self.cached(&span, keys, places.clone()).await;
        let missing: Vec<_> = places.filter(|place| !found.contains_key(place)).collect();
        let batches = Batch::of(keys, &missing);
        let asking = batches.iter().map(|batch| self.ask(&span, keys, batch));
        let asked = join_all(asking).await;
        drop(span);
        for (flight, fetched) in asked {
            self.remember(cx, keys, &fetched).await;
            // Those who wait for the same look into the cache next.
            drop(flight);
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

    /// Fetches a batch, unless somebody else has just done so.
    async fn ask(
        &self,
        span: &ContextSpan,
        keys: &[SeriesKey],
        batch: &Batch,
    ) -> (Option<Flight<'_>>, Found) {
        let flight = match self.source.flight(span, &batch.name()).await {
            Ok(flight) => flight,
            Err(failure) => return (None, self.failed(span, batch, &failure)),
        };
        if flight.waited() {
            let found = self.cached(span, keys, batch.places()).await;
            if batch.places().all(|place| found.contains_key(&place)) {
                return (None, found);
            }
        }
        (Some(flight), self.fetch(span, keys, batch).await)
    }

    async fn cached(
        &self,
        cx: &Context,
        keys: &[SeriesKey],
        places: impl Iterator<Item = (usize, i16)>,
    ) -> Found {
        let gets = places.map(|(at, year)| async move {
            let given = self.source.cached(cx, &cache_key(&keys[at], year)).await?;
            Some(((at, year), Ok(given)))
        });
        join_all(gets).await.into_iter().flatten().collect()
    }

    async fn remember(&self, cx: &Context, keys: &[SeriesKey], fetched: &Found) {
        let entries: Vec<_> = fetched
            .iter()
            .filter_map(|((at, year), given)| {
                let given = given.as_ref().ok().filter(|given| !given.cached)?;
                Some((cache_key(&keys[*at], *year), given.clone()))
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
