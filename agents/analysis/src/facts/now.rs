//! What the exchange and the chain say now.

use chimera_questions::{
    Day, Fact, FactName, Interpretation, Metric, Ticker, answer::FactValue, messages::Fetched,
};

use crate::answer::asks_height;

/// `latest_price` of each quote and `block_height` of each chain, except where the height is itself what is asked for.
pub(crate) fn facts(question: &Interpretation, data: &Fetched) -> Vec<Fact> {
    let quotes = data.quotes.iter().map(|quote| {
        fact(
            FactName::LatestPrice,
            (&quote.asset, Metric::PriceUsd),
            (quote.day, quote.price_usd),
        )
    });
    let heights = data
        .heights
        .iter()
        .filter(|_| !asks_height(question))
        .map(|height| {
            fact(
                FactName::BlockHeight,
                (&height.asset, Metric::BlockHeight),
                (height.day, height.blocks as f64),
            )
        });
    quotes.chain(heights).collect()
}

fn fact(name: FactName, (asset, metric): (&Ticker, Metric), (day, value): (Day, f64)) -> Fact {
    Fact {
        name,
        asset: Some(asset.clone()),
        metric: Some(metric),
        value: FactValue::Number(value),
        unit: metric.unit(),
        date: Some(day),
        period: None,
    }
}
