//! What is asked back, and what is refused.

use chimera_questions::{Metric, Ticker};

use super::catalog::{TODAY, ask, check, day, outcome, recorded};
use crate::understanding::{Understanding, understand};

#[track_caller]
fn failure(question: &str) -> String {
    match ask(question) {
        Understanding::Failed { failure, .. } => failure.message,
        other => panic!("{question}: {other:?}"),
    }
}

#[track_caller]
fn choices(question: &str) -> (String, Vec<String>) {
    match ask(question) {
        Understanding::NeedsClarification { mut questions, .. } => {
            let first = questions.remove(0);
            (first.question, first.choices)
        }
        other => panic!("{question}: {other:?}"),
    }
}

#[test]
fn what_is_not_about_markets_or_chains() {
    for question in [
        "What is the weather in January 2019?",
        "hello",
        "How are you?",
        "tell me a joke",
        "Who won the election in 2018?",
        "what is love",
        "what's the value of pi",
        "What is the cost of living in January 2019?",
        "how tall is the highest mountain",
        "yesterday",
        "2018-12-17",
        "average temperature in January 2019",
        "will it rain tomorrow",
        "Why is the sky blue?",
        "how many users does facebook have",
        "compare apples and oranges",
        "write a poem",
        "what day is it today",
    ] {
        check(question, "off_topic");
    }
    let message = failure("What is the weather in January 2019?");
    assert!(
        message.contains("BTC, ETH or ZEC") && message.contains("How did the ZEC price trend"),
        "{message}"
    );
}

#[test]
fn assets_nobody_knows() {
    for question in [
        "price of foocoin",
        "foocoin price",
        "How much is $FOO?",
        "What is the price of XYZ?",
        "price of gold",
        "the price of Tesla",
        "ZEC vs foocoin",
        "price of ZEC and foocoin",
        "How did XYZ do in 2018?",
    ] {
        assert!(
            outcome(&ask(question)).starts_with("unknown_asset"),
            "{question}: {:?}",
            ask(question)
        );
    }
    assert_eq!(
        failure("price of foocoin"),
        "There is no data about \"foocoin\". Ask about BTC, ETH or ZEC."
    );
    assert_eq!(
        failure("price of dash"),
        "There is no data about DASH. Ask about BTC, ETH or ZEC."
    );
    assert_eq!(
        failure("price of ZEC, dash and monero"),
        "There is no data about DASH or XMR. Ask about BTC, ETH or ZEC."
    );
}

#[test]
fn too_little_is_said() {
    for question in [
        "How did it develop last month?",
        "what was the highest last week",
        "is it rising?",
        "compare",
        "average in 2018",
        "statistics",
        "How is the crypto market doing?",
        "coins",
    ] {
        check(question, "clarification");
    }
    let (question, choices) = choices("How did it develop last month?");
    assert_eq!(
        question,
        "Which asset is this about, and which of its figures?"
    );
    assert_eq!(choices, ["price of BTC", "price of ETH", "price of ZEC"]);
}

#[test]
fn all_assets_at_once_are_asked_back() {
    for (question, choice) in [
        ("which coin is the most expensive?", "price of BTC"),
        ("market cap of all coins", "market capitalization of BTC"),
        ("what is the cheapest coin", "price of BTC"),
        ("top 10 coins by market cap", "market capitalization of BTC"),
        ("price of all the coins in 2018", "price of BTC"),
    ] {
        let (asked, choices) = choices(question);
        assert!(
            asked.starts_with("All assets at once"),
            "{question}: {asked}"
        );
        assert_eq!(
            (choices[0].as_str(), choices.len()),
            (choice, 3),
            "{question}"
        );
    }
}

#[test]
fn days_above_or_below_a_value_are_asked_back() {
    for (question, value, choice) in [
        (
            "when did BTC first reach 10000 dollars?",
            "10000",
            "highest price of BTC",
        ),
        (
            "did ethereum fall below 100 dollars",
            "100",
            "highest price of ETH",
        ),
        ("When was ZEC above 100", "100", "highest price of ZEC"),
        ("When was ZEC above $1,000?", "1000", "highest price of ZEC"),
        ("when did BTC hit 10k", "10k", "highest price of BTC"),
        (
            "when was BTC worth 2000 dollars",
            "2000",
            "highest price of BTC",
        ),
        (
            "when was BTC above 2000 dollars",
            "2000",
            "highest price of BTC",
        ),
        (
            "was ZEC over 500 in 2018",
            "500",
            "highest price of ZEC from 2018-01-01 to 2018-12-31",
        ),
    ] {
        let (asked, choices) = choices(question);
        let said = format!("Days above or below a value, here {value}, cannot be searched for.");
        assert!(asked.starts_with(&said), "{question}: {asked}");
        assert_eq!(choices[0], choice, "{question}");
        for choice in choices {
            check_understood(&choice);
        }
    }
}

#[track_caller]
fn check_understood(question: &str) {
    let found = ask(question);
    assert!(
        matches!(found, Understanding::Understood(_)),
        "{question}: {found:?}"
    );
}

#[test]
fn what_is_asked_about_an_asset_is_not_understood() {
    for question in ["who invented bitcoin", "zcash wallet", "is bitcoin legal"] {
        let (question, choices) = choices(question);
        assert!(
            question.starts_with("What would you like to know about"),
            "{question}"
        );
        assert_eq!(choices[0], "price");
    }
}

#[test]
fn a_figure_no_source_has() {
    for (question, name, nearest) in [
        (
            "is bitcoin's hashrate rising?",
            "hash rate",
            "mining difficulty",
        ),
        ("hash rate of ZEC", "hash rate", "mining difficulty"),
        (
            "circulating supply of ZEC",
            "circulating supply",
            "number of new coins",
        ),
        ("bitcoin dominance", "dominance", "market capitalization"),
        ("gas price of ethereum", "gas price", "median fee"),
    ] {
        let (asked, choices) = choices(question);
        assert!(
            asked.contains(&format!("There is no {name} ")),
            "{question}: {asked}"
        );
        assert_eq!(choices[0], nearest, "{question}");
    }
}

#[test]
fn a_day_that_does_not_exist() {
    assert_eq!(
        choices("ZEC price on 30 February 2018"),
        (
            "February 2018 has no day 30. Which day do you mean?".into(),
            vec!["2018-02-28".into(), "2018-03-01".into()]
        )
    );
    assert_eq!(
        choices("ZEC price on 2019-02-29").1,
        ["2019-02-28", "2019-03-01"]
    );
    assert_eq!(
        choices("ZEC price on 31 April"),
        (
            "April has no day 31. Which day do you mean?".into(),
            vec!["30 April".into()]
        )
    );
    assert_eq!(
        choices("ZEC price on 13/13/2018").0,
        "There is no month 13. Which day do you mean?"
    );
    assert_eq!(
        choices("ZEC price from 1 to 32 January 2018").0,
        "January 2018 has no day 32. Which day do you mean?"
    );
}

#[test]
fn nothing_is_known_of_those_days() {
    check(
        "ZEC price in 2015",
        "no_data: trend ZEC.price_usd 2015-01-01..2015-12-31",
    );
    check(
        "ZEC price on 2016-10-28",
        "no_data: value ZEC.price_usd 2016-10-28",
    );
    check(
        "ZEC transactions on 2016-10-28",
        "value ZEC.tx_count 2016-10-28",
    );
    check(
        "ZEC price before 2016",
        "no_data: value ZEC.price_usd 2015-12-31",
    );
    check(
        "ETH realized cap",
        "no_data: value ETH.realized_cap_usd 2019-03-28",
    );
    check(
        "BTC price in 2012",
        "no_data: trend BTC.price_usd 2012-01-01..2012-12-31",
    );
    check("BTC fees in 2012", "trend BTC.fees 2012-01-01..2012-12-31");
    check(
        "ZEC price in 2016",
        "trend ZEC.price_usd 2016-01-01..2016-12-31",
    );
    check(
        "ZEC and BTC price in 2015",
        "trend ZEC.price_usd BTC.price_usd 2015-01-01..2015-12-31",
    );
    check(
        "ZEC price in 2020",
        "no_data: trend ZEC.price_usd 2020-01-01..2020-12-31",
    );
    assert_eq!(
        failure("ZEC price in 2015"),
        "There is no price of ZEC from 2015-01-01 to 2015-12-31: it is known from 2016-10-29 to 2019-03-28."
    );
    assert_eq!(
        failure("ZEC price on 2019-05-01"),
        "2019-05-01 is after today, 2019-03-28, and no forecast was asked for. There is data up to 2019-03-28."
    );
    assert!(
        failure("ETH realized cap").starts_with(
            "There is no realized capitalization of ETH. What is known of it: price, "
        )
    );
}

#[test]
fn a_day_that_has_no_value_yet() {
    let mut catalog = recorded(TODAY);
    for metrics in catalog.assets.values_mut() {
        for known in metrics.values_mut() {
            known.to = day("2019-03-26");
        }
    }
    for (question, expected) in [
        ("ZEC price", "value ZEC.price_usd 2019-03-26"),
        ("ZEC price now", "value ZEC.price_usd 2019-03-26"),
        ("ZEC price today", "value ZEC.price_usd 2019-03-26"),
        (
            "ZEC price yesterday",
            "no_data: value ZEC.price_usd 2019-03-27",
        ),
        (
            "ZEC price last 30 days",
            "trend ZEC.price_usd 2019-02-27..2019-03-28",
        ),
    ] {
        assert_eq!(
            outcome(&understand(question, &catalog, None)),
            expected,
            "{question}"
        );
    }
}

#[test]
fn one_metric_of_several_may_be_missing() {
    let mut catalog = recorded(TODAY);
    let metrics = catalog
        .assets
        .get_mut(&Ticker::new("ZEC"))
        .expect("it is recorded");
    metrics.remove(&Metric::Fees);
    let found = understand("ZEC price and fees yesterday", &catalog, None);
    assert_eq!(outcome(&found), "value ZEC.price_usd ZEC.fees 2019-03-27");
}
