//! Questions after the sum of a figure over a range, of which the days are told instead.

use chimera_questions::{Intent, Metric, SeriesKey};

use super::Question;
use super::range::Range;
use crate::understanding::phrases::List;

/// Words that ask for a sum.
const SUMMING: List = List("total, totals, sum, altogether, cumulative, many, much");

/// Words by which each day is meant.
const EACH_DAY: List = List("per, daily, average, each, every");

/// What is said when a sum over several days was asked for.
pub(super) fn not_computed(
    question: &Question<'_>,
    series: &[SeriesKey],
    range: &Range,
) -> Option<String> {
    let words = question.words;
    let says = |list| (0..words.tokens.len()).any(|at| words.is_in(at, list));
    let asked = says(SUMMING) && !says(EACH_DAY) && !question.reading.telling;
    let several = range.period.from != range.period.to && range.intent == Intent::Trend;
    (asked && several && series.iter().any(|key| adds_up(key.metric))).then(|| {
        "Sums over a range are not computed; this tells the trend of the daily values instead."
            .to_owned()
    })
}

/// Whether the values of several days can be added to something that has a meaning.
fn adds_up(metric: Metric) -> bool {
    matches!(
        metric,
        Metric::ExchangeVolumeUsd
            | Metric::TxCount
            | Metric::TxVolumeUsd
            | Metric::AdjustedTxVolumeUsd
            | Metric::PaymentCount
            | Metric::Fees
            | Metric::BlockCount
            | Metric::BlockSizeBytes
            | Metric::GeneratedCoins
    )
}
