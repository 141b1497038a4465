//! Whatever comes in: an honest outcome, soon, and no panic.

use proptest::prelude::*;

use super::catalog::{ask, check, outcome};
use crate::understanding::Understanding;

#[test]
fn nothing_and_noise_are_off_topic() {
    for question in [
        "",
        " ",
        "?",
        "\0",
        "\0\0\0",
        "\u{1f680}\u{1f680}",
        "\u{200d}",
        "2+2",
        "-",
        "...",
        "0",
        "\u{feff}",
        "%s%n",
        "' OR 1=1 --",
        "<script>",
    ] {
        check(question, "off_topic");
    }
    check("\0ZEC\0price\0yesterday", "value ZEC.price_usd 2019-03-27");
    check(
        "\u{1f680} ZEC price yesterday \u{1f680}",
        "value ZEC.price_usd 2019-03-27",
    );
}

#[test]
fn other_languages_are_asked_back() {
    for question in [
        "Wie war der Preis von Zcash im Januar 2019?",
        "\u{4ef7}\u{683c} ZEC",
        "Quel \u{e9}tait le cours du bitcoin la semaine derni\u{e8}re ?",
        "\u{43a}\u{430}\u{43a}\u{430}\u{44f} \u{446}\u{435}\u{43d}\u{430} bitcoin",
    ] {
        check(question, "clarification");
    }
    check(
        "\u{5929}\u{6c17}\u{306f}\u{3069}\u{3046}\u{3067}\u{3059}\u{304b}",
        "off_topic",
    );
}

#[test]
fn long_questions_end() {
    for piece in [
        "1",
        "-",
        "2018-",
        "1/",
        "a",
        "a ",
        "the day before ",
        "last ",
        "between ",
        "ZEC ",
        "from 1 to ",
        "\u{1f680}",
        "week of ",
        "mid ",
        "'",
        "$",
        "number of the ",
        "1,000",
        "ZEC price and ",
        "biggest daily ",
    ] {
        let question: String = piece.chars().cycle().take(2000).collect();
        outcome(&ask(&question));
    }
}

#[test]
fn numbers_beyond_the_calendar_are_no_days() {
    for when in [
        "last 99999999999 years",
        "last 40001 days",
        "9999999 days ago",
        "in the year 99999",
        "0 days ago",
        "in 99999999999999999999",
        "on the 99th",
        "2018-99",
    ] {
        let Understanding::Understood(interpretation) = ask(&format!("ZEC price {when}")) else {
            panic!("{when}: {:?}", ask(&format!("ZEC price {when}")));
        };
        assert!(
            interpretation.confidence < 0.9,
            "{when}: {interpretation:?}"
        );
    }
    check(
        "ZEC price 40000 years ago",
        "no_data: value ZEC.price_usd 0001-01-01",
    );
    check(
        "ZEC price last 40000 days",
        "trend ZEC.price_usd 1909-09-22..2019-03-28",
    );
    check(
        "ZEC price on 9999-12-31",
        "no_data: value ZEC.price_usd 9999-12-31",
    );
    check(
        "ZEC price after 9999-12-31",
        "no_data: value ZEC.price_usd 9999-12-31",
    );
    check(
        "ZEC price before 0001-01-01",
        "no_data: value ZEC.price_usd 0001-01-01",
    );
}

/// Words of the contract in any order, to get deeper than noise does.
fn babble() -> impl Strategy<Value = String> {
    let words = proptest::sample::select(vec![
        "price",
        "of",
        "ZEC",
        "bitcoin",
        "the",
        "last",
        "next",
        "this",
        "first",
        "week",
        "month",
        "day",
        "days",
        "between",
        "and",
        "from",
        "to",
        "since",
        "before",
        "after",
        "until",
        "2018",
        "31",
        "29",
        "February",
        "may",
        "March",
        "Q3",
        "half",
        "early",
        "late",
        "mid",
        "of",
        "in",
        "on",
        "2018-12-17",
        "12/31/2018",
        "-",
        ",",
        ".",
        "highest",
        "average",
        "versus",
        "one",
        "link",
        "will",
        "why",
        "most",
        "ago",
        "40000",
        "years",
        "0",
        "1",
        "end",
        "around",
        "17th",
        "tomorrow",
        "all",
        "time",
        "or",
        "$",
    ]);
    proptest::collection::vec(words, 0..30).prop_map(|words| words.join(" "))
}

proptest! {
    #[test]
    fn no_text_panics(question in "\\PC{0,200}") {
        outcome(&ask(&question));
    }

    #[test]
    fn no_marks_and_digits_panic(question in "[0-9/.,:$' -]{0,80}") {
        outcome(&ask(&question));
    }

    #[test]
    fn no_babble_panics(question in babble()) {
        match ask(&question) {
            Understanding::Understood(interpretation) => {
                prop_assert!(interpretation.from <= interpretation.to);
                prop_assert!((0.0..=1.0).contains(&interpretation.confidence));
                prop_assert!(!interpretation.series.is_empty());
            }
            Understanding::NeedsClarification { questions, .. } => prop_assert!(!questions.is_empty()),
            Understanding::Failed { failure, .. } => prop_assert!(!failure.message.is_empty()),
        }
    }
}
