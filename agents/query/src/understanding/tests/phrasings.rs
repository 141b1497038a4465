//! Phrasings that were once misread.

use super::catalog::{ask, check, outcome};
use crate::understanding::Understanding;

#[test]
fn a_median_of_another_figure_is_a_summary() {
    let in_2018 = "2018-01-01..2018-12-31";
    for (asked, metric) in [
        ("median transaction volume", "tx_volume_usd"),
        ("median transaction count", "tx_count"),
        ("typical transaction volume", "tx_volume_usd"),
        ("median payment count", "payment_count"),
    ] {
        check(
            &format!("{asked} of BTC in 2018"),
            &format!("summary BTC.{metric} {in_2018}"),
        );
    }
    for (asked, metric) in [
        ("median transaction value", "median_tx_value_usd"),
        ("median transaction fee", "median_fee"),
        ("typical transaction", "median_tx_value_usd"),
    ] {
        check(
            &format!("{asked} of BTC in 2018"),
            &format!("trend BTC.{metric} {in_2018}"),
        );
    }
}

#[test]
fn figures_are_named_by_what_happens_to_them() {
    check(
        "How large are ETH blocks?",
        "value ETH.block_size_bytes 2019-03-28",
    );
    check(
        "How big was the average BTC block in 2018?",
        "summary BTC.block_size_bytes 2018-01-01..2018-12-31",
    );
    check(
        "How much ZEC was traded yesterday?",
        "value ZEC.exchange_volume_usd 2019-03-27",
    );
    check(
        "At what price was ZEC traded yesterday?",
        "value ZEC.price_usd 2019-03-27",
    );
    check(
        "What was ZEC traded at yesterday?",
        "value ZEC.price_usd 2019-03-27",
    );
    check(
        "How much USD was transferred on Ethereum yesterday?",
        "value ETH.tx_volume_usd 2019-03-27",
    );
    check(
        "How much money was moved on the Bitcoin chain yesterday?",
        "value BTC.tx_volume_usd 2019-03-27",
    );
    check(
        "What value was transferred with ZEC yesterday?",
        "value ZEC.tx_volume_usd 2019-03-27",
    );
}

#[test]
fn the_best_of_days_is_about_changes_and_the_best_of_a_figure_about_its_height() {
    let in_2018 = "ZEC.price_usd 2018-01-01..2018-12-31";
    check(
        "Which day was the worst for ZEC in 2018?",
        &format!("worst_day {in_2018}"),
    );
    check(
        "Which day was best for ZEC in 2018?",
        &format!("best_day {in_2018}"),
    );
    check(
        "Which day had the best ZEC price in 2018?",
        &format!("highest {in_2018}"),
    );
    check(
        "What was the worst ZEC price in 2018?",
        &format!("lowest {in_2018}"),
    );
    check(
        "the highest ZEC supply growth in 2018",
        "highest ZEC.generated_coins 2018-01-01..2018-12-31",
    );
    check(
        "the biggest ZEC price growth in 2018",
        &format!("best_day {in_2018}"),
    );
}

#[test]
fn a_comparison_with_one_side_is_asked_back() {
    for question in [
        "Compare ZEC",
        "Compare the ZEC price in 2018",
        "ZEC fees versus",
    ] {
        check(question, "clarification");
    }
    check(
        "Are BTC fees higher than last year?",
        "not_yet: comparison BTC.fees 2018-01-01..2018-12-31",
    );
    check(
        "Compare ZEC to DOGE",
        "unknown_asset: comparison ZEC.price_usd DOGE.price_usd 2019-02-27..2019-03-28",
    );
}

#[test]
fn commands_of_other_languages_are_no_assets() {
    check("'; DROP TABLE queries; --", "off_topic");
    check(
        "ZEC price yesterday; DROP TABLE queries;",
        "value ZEC.price_usd 2019-03-27",
    );
    check("SELECT * FROM users", "off_topic");
}

#[test]
fn what_has_a_price_is_not_always_an_asset() {
    for question in [
        "What is the price of pizza?",
        "What is the price of rice in China?",
        "How much does a house cost in London?",
        "price of milk yesterday",
    ] {
        check(question, "off_topic");
    }
    for question in [
        "What is the exchange rate of EUR to USD?",
        "price of gold",
        "euro price",
    ] {
        let found = outcome(&ask(question));
        assert!(found.starts_with("unknown_asset"), "{question}: {found}");
    }
    check(
        "price of one pizza in bitcoin yesterday",
        "value BTC.price_usd 2019-03-27",
    );
}

#[test]
fn words_that_are_names_too_do_not_hide_what_is_misspelt() {
    for average in ["averge", "verage", "averagee", "avergae"] {
        check(
            &format!("{average} ZEC price in 2018"),
            "summary ZEC.price_usd 2018-01-01..2018-12-31",
        );
    }
}

#[test]
fn forms_of_one_word_do_not_hide_what_is_misspelt() {
    check(
        "highes ZEC price in 2018",
        "highest ZEC.price_usd 2018-01-01..2018-12-31",
    );
    check(
        "ZEC addreses yesterday",
        "value ZEC.active_addresses 2019-03-27",
    );
    check("ZEC price 3 weesk ago", "value ZEC.price_usd 2019-03-07");
    check(
        "ZEC price in the last 3 montsh",
        "trend ZEC.price_usd 2018-12-29..2019-03-28",
    );
}

#[test]
fn an_assumed_range_has_no_number_but_its_days() {
    let Understanding::Understood(found) = ask("How did the ZEC price develop?") else {
        panic!("it is a trend");
    };
    assert_eq!(
        found.assumptions,
        ["No range was named, so this is about the last thirty days, 2019-02-27 to 2019-03-28."]
    );
}

#[test]
fn several_days_that_are_ranked_are_no_range() {
    let in_2018 = "2018-01-01..2018-12-31";
    for (question, extreme, told) in [
        ("top 5 days of BTC in 2018", "highest", "highest"),
        ("top 3 days of BTC in 2018", "highest", "highest"),
        ("top five days of BTC in 2018", "highest", "highest"),
        ("the 5 highest prices of BTC in 2018", "highest", "highest"),
        ("lowest 10 days of BTC in 2018", "lowest", "lowest"),
        ("best 5 days of BTC in 2018", "best_day", "best"),
        ("5 worst days of BTC in 2018", "worst_day", "worst"),
        ("biggest 5 drops of BTC in 2018", "worst_day", "worst"),
    ] {
        check(question, &format!("{extreme} BTC.price_usd {in_2018}"));
        let said = format!("Several were asked for; only the {told} day is told.");
        assert_eq!(assumptions(question)[0], said, "{question}");
    }
}

#[test]
fn new_coins_are_asked_for_by_the_asset() {
    for (question, expected) in [
        (
            "how many new ZEC per day",
            "value ZEC.generated_coins 2019-03-28",
        ),
        (
            "how many new BTC are there per day",
            "value BTC.generated_coins 2019-03-28",
        ),
        (
            "How much ZEC did miners earn in January 2019?",
            "trend ZEC.generated_coins 2019-01-01..2019-01-31",
        ),
        (
            "how many new ZEC addresses yesterday",
            "value ZEC.active_addresses 2019-03-27",
        ),
        ("new ZEC price yesterday", "value ZEC.price_usd 2019-03-27"),
    ] {
        check(question, expected);
    }
    assert_eq!(
        assumptions("How much ZEC did miners earn in January 2019?")[0],
        "What miners earn is taken for the new coins, without the fees."
    );
}

#[test]
fn sums_over_a_range_are_said_to_be_left_out() {
    let said =
        "Sums over a range are not computed; this tells the trend of the daily values instead.";
    let check = |question: &str, expected: bool| {
        let found = assumptions(question).contains(&said.to_owned());
        assert_eq!(found, expected, "{question}");
    };
    check("total number of bitcoin transactions in 2018", true);
    check("how many BTC transactions were there in 2018", true);
    check("total fees of BTC in 2018", true);
    check("total number of bitcoin transactions yesterday", false);
    check("how many BTC transactions per day in 2018", false);
    check("how much did BTC transactions rise in 2018", false);
    check("how much was ZEC in 2018", false);
}

#[track_caller]
fn assumptions(question: &str) -> Vec<String> {
    match ask(question) {
        Understanding::Understood(interpretation) => interpretation.assumptions,
        other => panic!("{question}: {other:?}"),
    }
}
