//! The texts, and that each number and day in them is one of the facts.

use super::*;

fn recorded_source(name: &str, from: &str, to: &str, points: u64) -> SourceUse {
    SourceUse {
        name: name.to_owned(),
        recorded: true,
        cached: false,
        from: Some(day(from)),
        to: Some(day(to)),
        points,
    }
}

/// A month of a figure that jumps about, and everything else that an answer can have.
fn full(metric: Metric, scale: f64) -> (Interpretation, Fetched) {
    let points: Vec<(Day, f64)> = (1..=28_i8)
        .filter(|day| day % 9 != 4)
        .map(|d| {
            (
                Day::constant(2019, 1, d),
                scale * (1.0 + f64::from(d).sin() / 3.0) * f64::from(d + 40),
            )
        })
        .collect();
    let data = Fetched {
        today: day("2019-03-28"),
        series: vec![Series {
            asset: Ticker::new("ZEC"),
            metric,
            unit: metric.unit(),
            points,
        }],
        quotes: vec![Quote {
            asset: Ticker::new("ZEC"),
            price_usd: 57.73,
            day: day("2019-03-28"),
        }],
        heights: vec![Height {
            asset: Ticker::new("ZEC"),
            blocks: 505_720,
            day: day("2019-03-28"),
        }],
        sources: vec![
            recorded_source("coinmetrics", "2019-01-01", "2019-01-28", 25),
            recorded_source("coinbase", "2019-03-28", "2019-03-28", 1),
            recorded_source("zcash", "2019-03-28", "2019-03-28", 1),
        ],
        errors: Vec::new(),
    };
    let mut question = question(
        Intent::Trend,
        &[key("ZEC", metric)],
        "2019-01-01",
        "2019-01-31",
    );
    question.assumptions = vec![
        "No asset was named, so this is about ZEC.".to_owned(),
        "No metric was named, so this is about the price.".to_owned(),
    ];
    (question, data)
}

/// Words of `text` that are numbers, without the sentence's own punctuation.
fn numbers(text: &str) -> Vec<String> {
    text.split(|c: char| c.is_whitespace() || "();:".contains(c))
        .map(|word| word.trim_end_matches(['.', ',']))
        .filter(|word| word.contains(|c: char| c.is_ascii_digit()))
        .map(str::to_owned)
        .collect()
}

fn check_every_number(answer: &Answer, days: &[Day]) {
    for word in numbers(&answer.text) {
        if let Ok(day) = word.parse::<Day>() {
            let known =
                days.contains(&day) || answer.facts.iter().any(|fact| fact.date == Some(day));
            assert!(
                known,
                "{day} is neither asked for nor of a fact: {}",
                answer.text
            );
            continue;
        }
        let decimals = word
            .split_once('.')
            .map_or(0, |(_, decimals)| decimals.len() as i32);
        let number: f64 = word
            .replace(',', "")
            .parse()
            .unwrap_or_else(|_| panic!("{word} in {}", answer.text));
        let rounds_to = |fact: &Fact| match fact.value {
            FactValue::Number(value) => {
                (value - number).abs() <= 0.500_001 * 10_f64.powi(-decimals)
            }
            FactValue::Direction(_) => false,
        };
        assert!(
            answer.facts.iter().any(rounds_to),
            "{word} is no fact: {}",
            answer.text
        );
    }
}

#[test]
fn every_number_and_day_is_one_of_the_facts() {
    let metrics = Metric::all().filter(|metric| *metric != Metric::BlockHeight);
    for metric in metrics {
        for scale in [0.0, 1e-9, 0.004, 1.0, 12_345.678, 1e11] {
            for intent in [
                Intent::Value,
                Intent::Trend,
                Intent::Extreme,
                Intent::Summary,
            ] {
                for extreme in [
                    Extreme::Highest,
                    Extreme::Lowest,
                    Extreme::BestDay,
                    Extreme::WorstDay,
                ] {
                    let (mut question, data) = full(metric, scale);
                    question.intent = intent;
                    question.extreme = Some(extreme);
                    let answer = answer(&question, &data).expect("an answer");
                    let mut days = vec![question.from, question.to, data.today];
                    days.extend(
                        data.sources
                            .iter()
                            .flat_map(|source| [source.from, source.to])
                            .flatten(),
                    );
                    check_every_number(&answer, &days);
                }
            }
        }
    }
}

fn text(intent: Intent, change: impl Fn(&mut Interpretation, &mut Fetched)) -> String {
    let (mut question, mut data) = full(Metric::PriceUsd, 1.0);
    question.intent = intent;
    change(&mut question, &mut data);
    answer(&question, &data).expect("an answer").text
}

#[test]
fn texts_read_as_english() {
    insta::assert_snapshot!("trend", text(Intent::Trend, |_, _| {}));
    insta::assert_snapshot!("summary", text(Intent::Summary, |_, _| {}));
    insta::assert_snapshot!(
        "value",
        text(Intent::Value, |question, _| {
            question.from = day("2019-01-10");
            question.to = question.from;
        })
    );
    let of_one_day = text(Intent::Summary, |question, _| question.to = question.from);
    assert!(
        of_one_day.starts_with("On 2019-01-01, the price of ZEC had 1 daily value: "),
        "{of_one_day}"
    );
    let constant = text(Intent::Trend, |_, data| {
        for point in &mut data.series[0].points {
            point.1 = 5.0;
        }
    });
    assert!(
        constant.starts_with("The price of ZEC stayed the same, from 5.00 USD on 2019-01-01 to "),
        "{constant}"
    );
    insta::assert_snapshot!(
        "worst_day",
        text(Intent::Extreme, |question, _| question.extreme =
            Some(Extreme::WorstDay))
    );
    insta::assert_snapshot!(
        "highest_live",
        text(Intent::Extreme, |question, data| {
            question.assumptions.clear();
            data.sources.truncate(1);
            data.sources[0].recorded = false;
            data.quotes.clear();
            data.heights.clear();
        })
    );
}

#[test]
fn what_the_ends_say_and_what_all_days_say_are_told_apart() {
    let check = |value: fn(f64) -> f64, expected: &[&str]| {
        let text = text(Intent::Trend, |_, data| {
            let points = &mut data.series[0].points;
            let last = points.len() - 1;
            for (place, point) in points.iter_mut().enumerate() {
                // The last day alone is where the days before it do not lead.
                point.1 = value(if place == last { -1.0 } else { place as f64 });
            }
        });
        for part in expected {
            assert!(text.contains(part), "{part}: {text}");
        }
    };
    check(
        |place| if place < 0.0 { 200.0 } else { 100.0 - place },
        &[
            " rose from ",
            " Yet over the whole range the trend is falling: ",
        ],
    );
    check(
        |place| if place < 0.0 { 50.0 } else { 100.0 + place },
        &[
            " fell from ",
            " Yet over the whole range the trend is rising: ",
        ],
    );
    check(
        |place| if place < 0.0 { 100.0 } else { 100.0 + place },
        &[" was unchanged, from 100.00 USD ", " the trend is rising: "],
    );
    check(
        |place| if place < 0.0 { 200.0 } else { 100.0 + place },
        &[" rose from ", " The trend is rising: "],
    );
}

#[test]
fn the_size_of_blocks_is_that_of_a_day() {
    let text = text(Intent::Extreme, |question, data| {
        let key = key("ZEC", Metric::BlockSizeBytes);
        data.series[0].metric = key.metric;
        data.series[0].unit = key.metric.unit();
        question.series = vec![key];
    });
    let expected = "The highest total size of the day's blocks of ZEC in the range ";
    assert!(text.starts_with(expected), "{text}");
}
