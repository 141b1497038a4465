//! The facts against an independent computation.
//!
//! `expected.json` was computed from the recorded files with Python 3, numpy 2.4.6 and scipy 1.17.1: the standard
//! library's `statistics.fmean` and `stdev` (exact arithmetic); `numpy.median`, `quantile(method="linear")`, `argmin` and
//! `argmax` (the first of equal ones); `scipy.stats.theilslopes(values, ordinal days)[0]`; Mann-Kendall's S as the sum of
//! `sign(v[j] - v[i])` over the whole matrix of pairs, its variance from the tie groups of `numpy.unique`, p as
//! `2 * scipy.stats.norm.sf(|z|)`; returns as `math.log(v / previous)` of days one apart.

use serde_json::{Map, Value};

use super::*;

const TOLERANCE: f64 = 1e-9;

/// Every value of one column of a recorded file.
fn recorded(asset: &str, metric: Metric) -> Series {
    let path = format!(
        "{}/../retrieval/data/{}.csv",
        env!("CARGO_MANIFEST_DIR"),
        asset.to_lowercase()
    );
    let mut reader = csv::Reader::from_path(path).expect("a recorded file");
    let column = metric.column().expect("a recorded metric");
    let column = reader
        .headers()
        .expect("a header")
        .iter()
        .position(|name| name == column);
    let points = reader
        .records()
        .map(|row| row.expect("a row"))
        .filter_map(|row| Some((day(&row[0]), row[column?].parse().ok()?)))
        .collect();
    Series {
        asset: Ticker::new(asset),
        metric,
        unit: metric.unit(),
        points,
    }
}

fn close(actual: f64, expected: f64) -> bool {
    actual == expected || (actual - expected).abs() <= TOLERANCE * expected.abs().max(actual.abs())
}

/// Each expected entry is a number, a number with its day, or a direction.
fn check_fact(fact: &Fact, expected: &Value, case: &str) {
    let (value, date) = match expected {
        Value::Array(pair) => (&pair[0], Some(day(pair[1].as_str().expect("a day")))),
        single => (single, None),
    };
    assert_eq!(fact.date, date, "day of {:?} in {case}", fact.name);
    match fact.value {
        FactValue::Number(number) => {
            let expected = value.as_f64().expect("a number");
            assert!(
                close(number, expected),
                "{:?} in {case}: {number} is not {expected}",
                fact.name
            );
        }
        FactValue::Direction(_) => assert_eq!(
            &serde_json::to_value(fact.value).expect("JSON"),
            value,
            "{case}"
        ),
    }
}

fn check_facts(answer: &Answer, expected: &Map<String, Value>, case: &str) {
    let name_of = |fact: &Fact| {
        serde_json::to_value(fact.name)
            .expect("JSON")
            .as_str()
            .map(str::to_owned)
    };
    for fact in &answer.facts {
        let name = name_of(fact).expect("a name");
        let expected = expected
            .get(&name)
            .unwrap_or_else(|| panic!("{name} is not expected in {case}"));
        check_fact(fact, expected, case);
    }
    assert_eq!(answer.facts.len(), expected.len(), "facts of {case}");
}

#[test]
fn facts_are_those_of_an_independent_computation() {
    let cases: Vec<Map<String, Value>> =
        serde_json::from_str(include_str!("expected.json")).expect("JSON");
    assert!(cases.len() > 70);
    for case in &cases {
        let text = |name: &str| case[name].as_str().expect("a text");
        let metric: Metric = serde_json::from_value(case["metric"].clone()).expect("a metric");
        let data = fetched(vec![recorded(text("asset"), metric)]);
        let label = format!(
            "{} {metric} {} to {}",
            text("asset"),
            text("from"),
            text("to")
        );
        let ask = |intent, extreme| {
            let mut question = question(
                intent,
                &[key(text("asset"), metric)],
                text("from"),
                text("to"),
            );
            question.extreme = extreme;
            answer(&question, &data).expect("an answer")
        };
        for (intent, name) in [
            (Intent::Trend, "trend"),
            (Intent::Summary, "summary"),
            (Intent::Value, "value"),
        ] {
            let expected = case[name].as_object().expect("facts");
            check_facts(&ask(intent, None), expected, &format!("{name} of {label}"));
        }
        for (extreme, name) in [
            (Extreme::Highest, "highest"),
            (Extreme::Lowest, "lowest"),
            (Extreme::BestDay, "best_day"),
            (Extreme::WorstDay, "worst_day"),
        ] {
            let found = ask(Intent::Extreme, Some(extreme));
            match case["extreme"].get(name) {
                Some(expected) => {
                    check_fact(&found.facts[0], expected, &format!("{name} of {label}"));
                }
                None => assert_eq!(found.facts, [], "{name} of {label}"),
            }
        }
    }
}

#[test]
fn the_contracts_example_is_met_to_the_last_digit() {
    let data = fetched(vec![recorded("ZEC", Metric::PriceUsd)]);
    let question = question(
        Intent::Trend,
        &[key("ZEC", Metric::PriceUsd)],
        "2019-01-01",
        "2019-01-31",
    );
    let answer = answer(&question, &data).expect("an answer");
    assert_eq!(
        number(&answer, FactName::ChangePct),
        Some(-11.713_627_503_101_186)
    );
    assert_eq!(answer.series[0].points[0], (day("2019-01-01"), 56.43));
    assert_eq!(answer.series[0].points.len(), 31);
}
