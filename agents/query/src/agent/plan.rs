//! What to fetch for an interpretation.

use chimera_questions::{
    Intent, Interpretation, Metric, Period, SeriesKey, Ticker, messages::FetchData,
};
use jiff::ToSpan as _;

/// The asset whose chain has a node to ask.
const NODE_ASSET: &str = "ZEC";

/// The data that answers `asked`: its series, and for prices also what the exchange and the chain say now.
pub(super) fn fetch(asked: &Interpretation) -> FetchData {
    let of = |metric: Metric| {
        asked
            .series
            .iter()
            .filter(move |key| key.metric == metric)
            .map(|key| key.asset.clone())
    };
    let is_node_asset = |asset: &Ticker| asset.as_str() == NODE_ASSET;
    FetchData {
        series: asked
            .series
            .iter()
            .filter(|key| key.metric != Metric::BlockHeight)
            .cloned()
            .collect::<Vec<SeriesKey>>(),
        days: with_lookback(asked),
        quotes: unique(of(Metric::PriceUsd)),
        heights: unique(
            of(Metric::PriceUsd)
                .chain(of(Metric::BlockHeight))
                .filter(is_node_asset),
        ),
    }
}

/// A value is compared with the day before it.
fn with_lookback(asked: &Interpretation) -> Period {
    let days = asked.period();
    match asked.intent {
        // The day before the first day of the calendar does not exist, and no chain is that old.
        Intent::Value => Period {
            from: days.from.checked_sub(1.day()).unwrap_or(days.from),
            ..days
        },
        _ => days,
    }
}

fn unique(assets: impl Iterator<Item = Ticker>) -> Vec<Ticker> {
    let mut unique = Vec::new();
    for asset in assets {
        if !unique.contains(&asset) {
            unique.push(asset);
        }
    }
    unique
}

#[cfg(test)]
mod tests {
    use chimera_questions::Day;

    use super::*;

    fn asked(intent: Intent, series: &[(&str, Metric)]) -> Interpretation {
        let series: Vec<_> = series
            .iter()
            .map(|&(asset, metric)| SeriesKey {
                asset: Ticker::new(asset),
                metric,
            })
            .collect();
        Interpretation {
            intent,
            assets: series.iter().map(|key| key.asset.clone()).collect(),
            metrics: series.iter().map(|key| key.metric).collect(),
            series,
            from: Day::constant(2019, 1, 1),
            to: Day::constant(2019, 1, 31),
            periods: None,
            extreme: None,
            assumptions: Vec::new(),
            confidence: 1.0,
        }
    }

    #[test]
    fn a_price_question_also_asks_the_exchange_and_the_chain() {
        let plan = fetch(&asked(
            Intent::Trend,
            &[("ZEC", Metric::PriceUsd), ("BTC", Metric::PriceUsd)],
        ));
        assert_eq!(plan.quotes, [Ticker::new("ZEC"), Ticker::new("BTC")]);
        assert_eq!(plan.heights, [Ticker::new("ZEC")]);
        assert_eq!(plan.days.from, Day::constant(2019, 1, 1));
    }

    #[test]
    fn a_value_is_fetched_with_the_day_before() {
        let plan = fetch(&asked(Intent::Value, &[("ZEC", Metric::Fees)]));
        assert_eq!(plan.days.from, Day::constant(2018, 12, 31));
        assert!(plan.quotes.is_empty() && plan.heights.is_empty());
    }

    #[test]
    fn a_height_needs_no_series() {
        let plan = fetch(&asked(Intent::Value, &[("ZEC", Metric::BlockHeight)]));
        assert!(plan.series.is_empty());
        assert_eq!(plan.heights, [Ticker::new("ZEC")]);
    }
}
