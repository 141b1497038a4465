//! What there is to ask about in the tests: the recorded data's assets, metrics and first days.

use std::collections::BTreeMap;

use chimera_questions::messages::Catalog;
use chimera_questions::{Day, Failure, Interpretation, Metric, Period, SeriesKey, Ticker};

use crate::understanding::{Understanding, understand};

/// The recording's last day, a Thursday.
pub(super) const TODAY: &str = "2019-03-28";

pub(super) fn day(text: &str) -> Day {
    text.parse().expect("a test names a day that exists")
}

/// The recorded assets, each metric with its first day; the last is the recording's.
pub(super) fn recorded(today: &str) -> Catalog {
    let zec = ["2016-10-28", "2016-10-29"];
    let btc = ["2009-01-09", "2013-04-28"];
    let eth = ["2015-08-07", "2015-08-07"];
    let mut assets = BTreeMap::new();
    for (name, [chain, market]) in [("ZEC", zec), ("BTC", btc), ("ETH", eth)] {
        let mut metrics = BTreeMap::new();
        for metric in Metric::all() {
            let first = match (name, metric) {
                (_, Metric::BlockHeight) | ("ETH", Metric::RealizedCapUsd) => continue,
                ("BTC", Metric::RealizedCapUsd) => "2009-01-03",
                ("BTC", Metric::MedianFee) => "2009-01-12",
                (
                    "ETH",
                    Metric::GeneratedCoins
                    | Metric::Difficulty
                    | Metric::BlockSizeBytes
                    | Metric::BlockCount,
                ) => "2015-07-30",
                (
                    _,
                    Metric::PriceUsd
                    | Metric::MarketCapUsd
                    | Metric::ExchangeVolumeUsd
                    | Metric::TxVolumeUsd
                    | Metric::AdjustedTxVolumeUsd
                    | Metric::MedianTxValueUsd,
                ) => market,
                ("ZEC", Metric::RealizedCapUsd) => chain,
                _ => chain,
            };
            let known = Period {
                from: day(first),
                to: day(today),
            };
            metrics.insert(metric, known);
        }
        assets.insert(Ticker::new(name), metrics);
    }
    Catalog {
        today: day(today),
        recorded: true,
        assets,
    }
}

/// An interpretation on one line: intent (and extreme), series, range (and periods).
pub(super) fn line(interpretation: &Interpretation) -> String {
    let Interpretation { from, to, .. } = interpretation;
    let intent = match interpretation.extreme {
        Some(extreme) => name(&extreme),
        None => name(&interpretation.intent),
    };
    let series: Vec<String> = interpretation
        .series
        .iter()
        .map(|SeriesKey { asset, metric }| format!("{asset}.{metric}"))
        .collect();
    let days = if from == to {
        from.to_string()
    } else {
        format!("{from}..{to}")
    };
    let periods = interpretation
        .periods
        .map_or(String::new(), |[first, second]| {
            format!(
                " [{}..{} {}..{}]",
                first.from, first.to, second.from, second.to
            )
        });
    format!("{intent} {} {days}{periods}", series.join(" "))
}

fn name(value: &impl serde::Serialize) -> String {
    let json = serde_json::to_value(value).expect("an enum of names");
    json.as_str().unwrap_or_default().to_owned()
}

/// An understanding on one line: the interpretation, or what became of it.
pub(super) fn outcome(understanding: &Understanding) -> String {
    match understanding {
        Understanding::Understood(interpretation) => line(interpretation),
        Understanding::NeedsClarification { .. } => "clarification".to_owned(),
        Understanding::Failed {
            failure: Failure { code, .. },
            interpretation,
        } => {
            let understood = interpretation
                .as_ref()
                .map(|found| format!(": {}", line(found)));
            name(code) + &understood.unwrap_or_default()
        }
    }
}

pub(super) fn ask_on(today: &str, question: &str) -> Understanding {
    understand(question, &recorded(today), None)
}

pub(super) fn ask(question: &str) -> Understanding {
    ask_on(TODAY, question)
}

/// What of a question has to come out, on one line.
#[track_caller]
pub(super) fn check(question: &str, expected: &str) {
    check_on(TODAY, question, expected);
}

#[track_caller]
pub(super) fn check_on(today: &str, question: &str, expected: &str) {
    let understanding = ask_on(today, question);
    let found = outcome(&understanding);
    assert_eq!(found, expected, "\n  {question}\n  {understanding:?}\n");
}
