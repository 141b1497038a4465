//! What an answer says, and that it says nothing else.

mod oracle;
mod wording;

use chimera_questions::{
    Answer, Day, Fact, FactName, FailureCode, Intent, Interpretation, Metric, Series, SeriesKey,
    SourceUse, Ticker,
    answer::FactValue,
    interpretation::Extreme,
    messages::{Fetched, Height, Quote, SourceError},
};

use super::{Unanswerable, answer};

fn day(text: &str) -> Day {
    text.parse().expect("a day")
}

fn key(asset: &str, metric: Metric) -> SeriesKey {
    SeriesKey {
        asset: Ticker::new(asset),
        metric,
    }
}

fn question(intent: Intent, series: &[SeriesKey], from: &str, to: &str) -> Interpretation {
    Interpretation {
        intent,
        assets: series.iter().map(|key| key.asset.clone()).collect(),
        metrics: series.iter().map(|key| key.metric).collect(),
        series: series.to_vec(),
        from: day(from),
        to: day(to),
        periods: None,
        extreme: None,
        assumptions: Vec::new(),
        confidence: 1.0,
    }
}

fn series(asset: &str, metric: Metric, points: &[(&str, f64)]) -> Series {
    Series {
        asset: Ticker::new(asset),
        metric,
        unit: metric.unit(),
        points: points.iter().map(|&(d, value)| (day(d), value)).collect(),
    }
}

fn fetched(series: Vec<Series>) -> Fetched {
    Fetched {
        today: day("2019-03-28"),
        series,
        quotes: Vec::new(),
        heights: Vec::new(),
        sources: Vec::new(),
        errors: Vec::new(),
    }
}

/// The answer about ZEC's price over January 2019 from `points`, days of that month.
fn of_price(intent: Intent, points: &[(&str, f64)]) -> Answer {
    let question = question(
        intent,
        &[key("ZEC", Metric::PriceUsd)],
        "2019-01-01",
        "2019-01-31",
    );
    answer(
        &question,
        &fetched(vec![series("ZEC", Metric::PriceUsd, points)]),
    )
    .expect("an answer")
}

fn number(answer: &Answer, name: FactName) -> Option<f64> {
    match fact(answer, name)?.value {
        FactValue::Number(number) => Some(number),
        FactValue::Direction(_) => None,
    }
}

fn fact(answer: &Answer, name: FactName) -> Option<&Fact> {
    answer.facts.iter().find(|fact| fact.name == name)
}

fn names(answer: &Answer) -> Vec<FactName> {
    answer.facts.iter().map(|fact| fact.name).collect()
}

#[test]
fn facts_that_need_more_points_are_missing_and_say_so() {
    let points = [
        ("2019-01-01", 3.0),
        ("2019-01-02", 4.0),
        ("2019-01-03", 2.0),
        ("2019-01-04", 2.5),
    ];
    let check = |count: usize, missing: &[FactName], warnings: &[&str]| {
        let answer = of_price(Intent::Trend, &points[..count]);
        for name in missing {
            assert_eq!(fact(&answer, *name), None, "{count} points");
        }
        assert_eq!(answer.facts.len() + missing.len(), 11, "{count} points");
        let gap = format!(
            "ZEC price_usd: {} of the 31 days of the range have no value and are left out",
            31 - count
        );
        assert_eq!(answer.warnings[0], gap);
        assert_eq!(answer.warnings[1..], *warnings, "{count} points");
    };
    let of_trend = [FactName::SlopePerDay, FactName::TrendP, FactName::Direction];
    let all = [&of_trend[..], &[FactName::VolatilityPct]].concat();
    check(
        1,
        &all,
        &[
            "ZEC price_usd: slope_per_day, trend_p and direction need 4 values, there is 1",
            "ZEC price_usd: volatility_pct needs 3 values, there is 1",
        ],
    );
    check(
        2,
        &all,
        &[
            "ZEC price_usd: slope_per_day, trend_p and direction need 4 values, there are 2",
            "ZEC price_usd: volatility_pct needs 3 values, there are 2",
        ],
    );
    check(
        3,
        &of_trend,
        &["ZEC price_usd: slope_per_day, trend_p and direction need 4 values, there are 3"],
    );
    check(4, &[], &[]);
}

#[test]
fn one_value_has_no_deviation() {
    let answer = of_price(Intent::Summary, &[("2019-01-05", 3.0)]);
    assert_eq!(fact(&answer, FactName::Std), None);
    assert_eq!(number(&answer, FactName::Q1), Some(3.0));
    assert_eq!(number(&answer, FactName::Missing), Some(30.0));
    assert!(
        answer
            .warnings
            .contains(&"ZEC price_usd: std needs 2 values, there is 1".to_owned())
    );
}

#[test]
fn a_constant_series_is_flat() {
    let points: Vec<_> = ["2019-01-01", "2019-01-02", "2019-01-03", "2019-01-04"]
        .map(|day| (day, 7.0))
        .into();
    let answer = of_price(Intent::Trend, &points);
    assert_eq!(number(&answer, FactName::SlopePerDay), Some(0.0));
    assert_eq!(number(&answer, FactName::TrendP), Some(1.0));
    assert_eq!(number(&answer, FactName::VolatilityPct), Some(0.0));
    assert_eq!(number(&answer, FactName::ChangePct), Some(0.0));
    assert_eq!(
        fact(&answer, FactName::Max).and_then(|fact| fact.date),
        Some(day("2019-01-01"))
    );
    assert_eq!(
        fact(&answer, FactName::Min).and_then(|fact| fact.date),
        Some(day("2019-01-01"))
    );
}

#[test]
fn a_change_from_zero_does_not_exist_and_one_to_zero_is_all() {
    let from_zero = of_price(Intent::Trend, &[("2019-01-01", 0.0), ("2019-01-02", 4.0)]);
    assert_eq!(fact(&from_zero, FactName::ChangePct), None);
    assert_eq!(number(&from_zero, FactName::ChangeAbs), Some(4.0));
    let warning = "ZEC price_usd: change_pct is missing, since the first value is not above 0";
    assert!(from_zero.warnings.contains(&warning.to_owned()));
    let to_zero = of_price(Intent::Trend, &[("2019-01-01", 4.0), ("2019-01-02", 0.0)]);
    assert_eq!(number(&to_zero, FactName::ChangePct), Some(-100.0));
}

#[test]
fn returns_that_touch_zero_or_a_gap_are_left_out() {
    let answer = of_price(
        Intent::Summary,
        &[
            ("2019-01-01", 1.0),
            ("2019-01-02", 2.0),
            ("2019-01-03", 0.0),
            ("2019-01-04", -1.0),
            ("2019-01-06", 4.0),
        ],
    );
    assert_eq!(fact(&answer, FactName::VolatilityPct), None);
    assert_eq!(
        answer.warnings[1..],
        [
            "ZEC price_usd: 2 of the daily returns are left out of volatility_pct, since they start or end at a value \
         that is not above 0",
            "ZEC price_usd: volatility_pct needs 2 daily returns, there is 1",
        ]
    );
}

#[test]
fn the_best_and_worst_day_are_daily_changes_inside_the_range() {
    let check = |extreme, points: &[(&str, f64)], expected: Option<(FactName, f64, &str)>| {
        let mut question = question(
            Intent::Extreme,
            &[key("ZEC", Metric::PriceUsd)],
            "2019-01-02",
            "2019-01-31",
        );
        question.extreme = Some(extreme);
        let answer = answer(
            &question,
            &fetched(vec![series("ZEC", Metric::PriceUsd, points)]),
        )
        .expect("an answer");
        let found = answer
            .facts
            .first()
            .map(|fact| (fact.name, fact.value, fact.date));
        let expected =
            expected.map(|(name, value, date)| (name, FactValue::Number(value), Some(day(date))));
        assert_eq!(found, expected);
    };
    let points = [
        ("2019-01-01", 1.0),
        ("2019-01-02", 100.0),
        ("2019-01-03", 150.0),
        ("2019-01-04", 0.0),
        ("2019-01-05", 8.0),
        ("2019-01-06", 12.0),
    ];
    check(
        Extreme::BestDay,
        &points,
        Some((FactName::Max, 50.0, "2019-01-03")),
    );
    check(
        Extreme::WorstDay,
        &points,
        Some((FactName::Min, -100.0, "2019-01-04")),
    );
    check(
        Extreme::Highest,
        &points,
        Some((FactName::Max, 150.0, "2019-01-03")),
    );
    check(
        Extreme::Lowest,
        &points,
        Some((FactName::Min, 0.0, "2019-01-04")),
    );
    check(Extreme::BestDay, &points[..2], None);
}

#[test]
fn a_value_is_compared_with_the_day_before_and_no_other() {
    let check = |points: &[(&str, f64)], facts: &[FactName], warnings: usize| {
        let question = question(
            Intent::Value,
            &[key("ZEC", Metric::PriceUsd)],
            "2019-01-03",
            "2019-01-03",
        );
        let answer = answer(
            &question,
            &fetched(vec![series("ZEC", Metric::PriceUsd, points)]),
        )
        .expect("an answer");
        assert_eq!(names(&answer), facts);
        assert_eq!(answer.warnings.len(), warnings);
        assert_eq!(
            answer.series[0].points.len(),
            1,
            "only the asked day is part of the answer"
        );
    };
    use FactName::{ChangePct, Previous, Value};
    check(
        &[("2019-01-02", 2.0), ("2019-01-03", 3.0)],
        &[Value, Previous, ChangePct],
        0,
    );
    check(&[("2019-01-01", 2.0), ("2019-01-03", 3.0)], &[Value], 1);
    check(&[("2019-01-03", 3.0), ("2019-01-04", 4.0)], &[Value], 1);
    check(
        &[("2019-01-02", 0.0), ("2019-01-03", 3.0)],
        &[Value, Previous],
        1,
    );
}

#[test]
fn quotes_and_heights_are_facts() {
    let question = question(
        Intent::Value,
        &[key("ZEC", Metric::PriceUsd)],
        "2019-03-28",
        "2019-03-28",
    );
    let mut data = fetched(vec![series(
        "ZEC",
        Metric::PriceUsd,
        &[("2019-03-27", 57.0), ("2019-03-28", 57.73)],
    )]);
    data.quotes = vec![Quote {
        asset: Ticker::new("ZEC"),
        price_usd: 57.73,
        day: day("2019-03-28"),
    }];
    data.heights = vec![Height {
        asset: Ticker::new("ZEC"),
        blocks: 505_720,
        day: day("2019-03-28"),
    }];
    let answer = answer(&question, &data).expect("an answer");
    assert_eq!(number(&answer, FactName::LatestPrice), Some(57.73));
    assert_eq!(number(&answer, FactName::BlockHeight), Some(505_720.0));
    assert!(
        answer.text.contains("57.73 USD") && answer.text.contains("505,720 blocks"),
        "{}",
        answer.text
    );
}

#[test]
fn a_height_is_known_of_today_only() {
    let mut data = fetched(Vec::new());
    data.heights = vec![Height {
        asset: Ticker::new("ZEC"),
        blocks: 505_720,
        day: day("2019-03-28"),
    }];
    let of = |intent, day| {
        answer(
            &question(intent, &[key("ZEC", Metric::BlockHeight)], day, day),
            &data,
        )
    };
    let today = of(Intent::Value, "2019-03-28").expect("an answer");
    assert_eq!(names(&today), [FactName::Value]);
    assert_eq!(number(&today, FactName::Value), Some(505_720.0));
    assert_eq!(today.warnings, [""; 0]);
    for (intent, day) in [(Intent::Value, "2019-03-27"), (Intent::Trend, "2019-03-28")] {
        let refused = of(intent, day).expect_err("no such height");
        assert_eq!(refused.failure().code, FailureCode::NoData);
    }
}

#[test]
fn several_series_are_answered_each_and_a_missing_one_is_named() {
    let asked = [
        key("ZEC", Metric::PriceUsd),
        key("BTC", Metric::Fees),
        key("ETH", Metric::TxCount),
    ];
    let question = question(Intent::Trend, &asked, "2019-01-01", "2019-01-02");
    let mut data = fetched(vec![
        series(
            "BTC",
            Metric::Fees,
            &[("2019-01-01", 20.5), ("2019-01-02", 30.0)],
        ),
        series(
            "ZEC",
            Metric::PriceUsd,
            &[("2019-01-01", 56.0), ("2019-01-02", 57.0)],
        ),
        series("ETH", Metric::TxCount, &[("2018-12-31", 5.0)]),
    ]);
    data.errors = vec![SourceError {
        source: "coinbase".to_owned(),
        wanted: "ZEC-USD".to_owned(),
        message: "it answered 503".to_owned(),
    }];
    let answer = answer(&question, &data).expect("an answer");
    let assets: Vec<_> = answer
        .series
        .iter()
        .map(|series| series.asset.as_str())
        .collect();
    assert_eq!(assets, ["ZEC", "BTC"]);
    assert!(
        answer.warnings.contains(
            &"ETH tx_count has no value in the range 2019-01-01 to 2019-01-02".to_owned()
        )
    );
    assert!(
        answer.warnings.contains(
            &"the latest price is missing: coinbase (ZEC-USD): it answered 503".to_owned()
        )
    );
    assert!(
        answer
            .text
            .contains("The total fees of BTC rose from 20.5 BTC"),
        "{}",
        answer.text
    );
    assert!(answer.text.contains(
        "Missing: ETH tx_count (no value in the range), the latest price (Coinbase failed)."
    ));
}

#[test]
fn what_cannot_be_answered_says_why() {
    let asked = [key("ZEC", Metric::PriceUsd)];
    let trend = question(Intent::Trend, &asked, "2016-01-01", "2016-01-31");
    let check = |question: &Interpretation, data: &Fetched, code, words: &str| {
        let failure = answer(question, data).expect_err("no answer").failure();
        assert_eq!(failure.code, code);
        assert!(failure.message.contains(words), "{}", failure.message);
    };
    let empty = fetched(vec![series("ZEC", Metric::PriceUsd, &[])]);
    check(
        &trend,
        &empty,
        FailureCode::NoData,
        "ZEC price_usd in the range 2016-01-01 to 2016-01-31",
    );
    let mut failed = fetched(Vec::new());
    failed.errors = vec![SourceError {
        source: "coinmetrics".to_owned(),
        wanted: "ZEC price_usd".to_owned(),
        message: "the circuit is open".to_owned(),
    }];
    check(
        &trend,
        &failed,
        FailureCode::SourceFailed,
        "the circuit is open",
    );
    let forecast = question(Intent::Forecast, &asked, "2019-03-29", "2019-04-04");
    check(&forecast, &empty, FailureCode::NotYet, "Forecast");
    let refused = answer(&forecast, &empty).expect_err("not yet");
    assert_eq!(
        refused,
        Unanswerable::NotYet {
            intent: Intent::Forecast
        }
    );
}
