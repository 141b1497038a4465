//! Coin Metrics API v4 from a recording.

mod paging;
mod parameters;

use std::collections::{BTreeMap, BTreeSet};

use axum::{
    Json,
    http::{HeaderMap, Uri},
};
use chimera_questions::{Day, Metric, Ticker};

use self::{
    paging::{From, Paging, page},
    parameters::{Failed, Parameters, not_supported},
};
use super::{Shared, decimal};
use crate::{
    recorded::{Points, Recording},
    wire::coin_metrics::{
        AssetMetrics, CatalogAsset, CatalogFrequency, CatalogMetric, DAILY, Page,
    },
};

/// `GET /v4/timeseries/asset-metrics`
pub(super) async fn asset_metrics(
    recording: Shared,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Json<Page<AssetMetrics>>, Failed> {
    let parameters = Parameters::new(uri.query());
    parameters.refuse_unrecorded()?;
    let assets = parameters
        .assets(&recording)?
        .ok_or_else(|| parameters::missing("assets"))?;
    let metrics = parameters
        .metrics()?
        .ok_or_else(|| parameters::missing("metrics"))?;
    refuse_unsupported(&recording, &assets, &metrics, &parameters)?;
    let range = parameters.range()?;
    let limit = parameters.limit_per_asset()?;
    let mut rows = Vec::new();
    for asset in &assets {
        let of_asset = rows_of(&recording, asset, &metrics, |day| range.contains(day));
        // The latest are kept, as the documentation's example of one entry per asset has it.
        rows.extend_from_slice(&of_asset[of_asset.len().saturating_sub(limit)..]);
    }
    if parameters.sorted_by_time()? {
        rows.sort_by(|a, b| (a.time, &a.asset).cmp(&(b.time, &b.asset)));
    }
    let paging = Paging::new(&parameters, From::End)?;
    Ok(Json(page(rows, &paging, &headers, &uri)))
}

/// `GET /v4/catalog-v2/asset-metrics`
pub(super) async fn catalog(
    recording: Shared,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Json<Page<CatalogAsset>>, Failed> {
    let parameters = Parameters::new(uri.query());
    let assets = parameters
        .assets(&recording)?
        .unwrap_or_else(|| recording.tickers().cloned().collect());
    let metrics = parameters.metrics()?;
    let entries = assets
        .iter()
        .map(|asset| entry(&recording, asset, metrics.as_deref()))
        .filter(|entry| !entry.metrics.is_empty())
        .collect();
    let paging = Paging::new(&parameters, From::Start)?;
    Ok(Json(page(entries, &paging, &headers, &uri)))
}

/// A metric that none of the assets has is refused when there is no other to answer with.
fn refuse_unsupported(
    recording: &Recording,
    assets: &[Ticker],
    metrics: &[Metric],
    parameters: &Parameters,
) -> Result<(), Failed> {
    let has = |metric| {
        assets
            .iter()
            .any(|asset| recording.points(asset, metric).is_some())
    };
    match metrics.first() {
        Some(first)
            if !parameters.ignores_unsupported() && !metrics.iter().any(|metric| has(*metric)) =>
        {
            Err(not_supported(
                "metrics",
                first.coin_metrics().unwrap_or_default(),
            ))
        }
        _ => Ok(()),
    }
}

/// One row for each wanted day on which any of the metrics has a value.
fn rows_of(
    recording: &Recording,
    asset: &Ticker,
    metrics: &[Metric],
    wanted: impl Fn(Day) -> bool,
) -> Vec<AssetMetrics> {
    let supported: Vec<(&str, &Points)> = metrics
        .iter()
        .filter_map(|metric| Some((metric.coin_metrics()?, recording.points(asset, *metric)?)))
        .collect();
    let days: BTreeSet<Day> = supported
        .iter()
        .flat_map(|(_, points)| points.iter().map(|&(day, _)| day))
        .filter(|day| wanted(*day))
        .collect();
    let row = |day: Day| {
        let value = |points: &Points| {
            let found = points.binary_search_by_key(&day, |&(day, _)| day).ok()?;
            Some(decimal(points[found].1))
        };
        let values: BTreeMap<_, _> = supported
            .iter()
            .map(|(name, points)| ((*name).to_owned(), value(points)))
            .collect();
        AssetMetrics {
            asset: asset.to_lower(),
            time: day,
            values,
        }
    };
    days.into_iter().map(row).collect()
}

fn entry(recording: &Recording, asset: &Ticker, wanted: Option<&[Metric]>) -> CatalogAsset {
    let is_wanted = |metric| wanted.is_none_or(|wanted| wanted.contains(&metric));
    let metrics = recording
        .metrics(asset)
        .filter(|(metric, _)| is_wanted(*metric))
        .filter_map(|(metric, _)| {
            let period = recording.period(asset, metric)?;
            Some(CatalogMetric {
                metric: metric.coin_metrics()?.to_owned(),
                frequencies: vec![CatalogFrequency {
                    frequency: DAILY.to_owned(),
                    min_time: period.from,
                    max_time: period.to,
                    community: Some(true),
                }],
            })
        })
        .collect();
    CatalogAsset {
        asset: asset.to_lower(),
        metrics,
    }
}
