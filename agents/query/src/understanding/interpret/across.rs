//! Questions about all assets at once, or about which of them: no single one may be assumed.

use chimera_questions::Metric;
use chimera_questions::query::Clarification;

use super::Question;
use crate::understanding::phrases::List;
use crate::understanding::words::Kind;

/// Words for assets of whichever name.
const NOUNS: List = List(
    "coin, coins, asset, assets, crypto, cryptos, cryptocurrency, cryptocurrencies, currency, currencies, \
     token, tokens, altcoin, altcoins, blockchain, blockchains, chain, chains",
);

/// Words before one of these that ask for all of them, or which.
const CHOOSING: List = List(
    "which, what, all, every, each, any, expensive, valuable, popular, cheapest, priciest, biggest, largest, \
     smallest, best, worst, top, strongest, weakest",
);

/// What to ask back when no asset is named, but all of them or one that has to be found.
pub(super) fn ask_which(question: &Question<'_>) -> Option<Clarification> {
    if !question.entities.assets.is_empty() || !names_several(question) {
        return None;
    }
    let choices = question.catalog.assets.iter().flat_map(|(asset, metrics)| {
        asked(question)
            .into_iter()
            .filter(|metric| metrics.contains_key(metric))
            .map(move |metric| format!("{} of {asset}", metric.label()))
    });
    Some(Clarification {
        question: "All assets at once cannot be asked about, only those that are named. Which asset is this about?"
            .to_owned(),
        choices: choices.take(super::refusal::MAX_NAMED).collect(),
    })
}

/// The metrics asked for, or the price.
fn asked(question: &Question<'_>) -> Vec<Metric> {
    let mut metrics = question.entities.metrics();
    if metrics.is_empty() {
        metrics.push(Metric::PriceUsd);
    }
    metrics
}

fn names_several(question: &Question<'_>) -> bool {
    let words = question.words;
    (0..words.tokens.len()).any(|at| {
        if !words.is_in(at, NOUNS) || question.entities.is_taken(at) {
            return false;
        }
        let mut before = at;
        while before > 0
            && (words.is_any_before(before, &["of", "the", "other", "available", "known"])
                || matches!(words.kind(before - 1), Some(Kind::Number(_))))
        {
            before -= 1;
        }
        words.is_in_before(before, CHOOSING)
    })
}
