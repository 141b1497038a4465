//! Which metric belongs to which asset.

use chimera_questions::{Metric, SeriesKey, Ticker};

use super::Entities;
use crate::understanding::metrics::Figure;

impl Entities {
    /// Which metric belongs to which asset, with the ones given where the question names none.
    pub(in crate::understanding) fn series(
        &self,
        asset: &Ticker,
        metric: Metric,
    ) -> Vec<SeriesKey> {
        let mut runs = self.runs();
        if !runs.iter().any(|run| matches!(run, Run::Assets(_))) {
            runs.push(Run::Assets(vec![asset.clone()]));
        }
        if !runs.iter().any(|run| matches!(run, Run::Metrics(_))) {
            runs.push(Run::Metrics(vec![metric]));
        }
        paired(&runs)
    }

    /// The assets and metrics in the order said, neighbours of one kind together.
    fn runs(&self) -> Vec<Run> {
        let mut mentions: Vec<(usize, Run)> = Vec::new();
        for mention in &self.assets {
            mentions.push((mention.tokens[0], Run::Assets(vec![mention.ticker.clone()])));
        }
        for mention in &self.figures {
            if let Figure::Metric(metric) = mention.figure {
                mentions.push((mention.tokens[0], Run::Metrics(vec![metric])));
            }
        }
        mentions.sort_by_key(|(at, _)| *at);
        let mut runs: Vec<Run> = Vec::new();
        for (_, run) in mentions {
            match (runs.last_mut(), run) {
                (Some(Run::Assets(before)), Run::Assets(more)) => before.extend(more),
                (Some(Run::Metrics(before)), Run::Metrics(more)) => before.extend(more),
                (_, run) => runs.push(run),
            }
        }
        runs
    }
}

/// Assets or metrics said one after the other.
#[derive(Debug, Clone)]
enum Run {
    Assets(Vec<Ticker>),
    Metrics(Vec<Metric>),
}

/// "The price of ZEC and the volume of BTC" are two pairs; "the price and volume of ZEC and BTC" are four series. A run
/// that is left over at the end goes with the run before it.
fn paired(runs: &[Run]) -> Vec<SeriesKey> {
    let mut series = Vec::new();
    for pair in runs.chunks(2) {
        match pair {
            [first, second] => cross(first, second, &mut series),
            [left_over] if runs.len() > 1 => cross(left_over, &runs[runs.len() - 2], &mut series),
            _ => {}
        }
    }
    series
}

fn cross(first: &Run, second: &Run, series: &mut Vec<SeriesKey>) {
    let mut add = |asset: &Ticker, metric: Metric| {
        let key = SeriesKey {
            asset: asset.clone(),
            metric,
        };
        if !series.contains(&key) {
            series.push(key);
        }
    };
    match (first, second) {
        (Run::Assets(assets), Run::Metrics(metrics)) => {
            for asset in assets {
                metrics.iter().for_each(|metric| add(asset, *metric));
            }
        }
        (Run::Metrics(metrics), Run::Assets(assets)) => {
            for metric in metrics {
                assets.iter().for_each(|asset| add(asset, *metric));
            }
        }
        _ => {}
    }
}
