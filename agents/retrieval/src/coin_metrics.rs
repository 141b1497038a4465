//! Coin Metrics: daily figures.

mod catalog;
mod pages;
mod request;
mod stored;
mod year;

use std::collections::BTreeMap;

use chimera_questions::{Day, Period, Series, SeriesKey, messages::SourceError};
use chimera_shared::{Context, ContextSpan, config::SourceConfig};
use futures_util::future::join_all;

use crate::source::{Flight, Given, Name, Source};
use catalog::LastCatalog;
use request::Batch;
use year::Years;

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

/// Values with their days, ascending.
type Points = Vec<(Day, f64)>;

/// A year's values of one series, by its key and year; or why there are none.
type Found = BTreeMap<(usize, i16), Result<Given<Points>, SourceError>>;

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
        let mut found = self.stored(&span, keys, places.clone(), days).await;
        let missing: Vec<_> = places.filter(|place| !found.contains_key(place)).collect();
        let batches = Batch::of(keys, &missing);
        let asking = batches
            .iter()
            .map(|batch| self.ask(&span, keys, batch, days));
        let asked = join_all(asking).await;
        drop(span);
        for (flight, fetched) in asked {
            self.store(cx, keys, &fetched).await;
            // Those who wait for the same look into the store next.
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
        days: Period,
    ) -> (Option<Flight<'_>>, Found) {
        let flight = match self.source.flight(span, &batch.name()).await {
            Ok(flight) => flight,
            Err(failure) => return (None, self.failed(span, batch, &failure)),
        };
        if flight.waited() {
            let found = self.stored(span, keys, batch.places(), days).await;
            if batch.places().all(|place| found.contains_key(&place)) {
                return (None, found);
            }
        }
        (Some(flight), self.fetch(span, keys, batch).await)
    }
}

/// The days asked for out of the years that hold them.
fn assemble(
    key: &SeriesKey,
    days: Period,
    years: impl Iterator<Item = Option<Result<Given<Points>, SourceError>>>,
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
        let wanted = |(day, _): &(Day, f64)| (days.from..=days.to).contains(day);
        let points = year.value.into_iter().filter(wanted);
        series.value.points.extend(points);
    }
    Ok(series)
}
