//! The table of "Intents", and what is assumed where nothing is said.

use chimera_questions::Ticker;

use super::catalog::{TODAY, ask, check, outcome, recorded};
use crate::understanding::{Understanding, understand};

const ALL_ZEC: &str = "2016-10-29..2019-03-28";
const LAST_30: &str = "2019-02-27..2019-03-28";
const YEAR: &str = "2018-01-01..2018-12-31";

/// That each question has this intent, for the price of ZEC over `days`.
#[track_caller]
fn all(intent: &str, days: &str, questions: &[&str]) {
    for question in questions {
        check(question, &format!("{intent} ZEC.price_usd {days}"));
    }
}

#[track_caller]
fn assumed(question: &str) -> (Vec<String>, f64) {
    match ask(question) {
        Understanding::Understood(interpretation) => {
            (interpretation.assumptions, interpretation.confidence)
        }
        other => panic!("{question}: {other:?}"),
    }
}

#[test]
fn the_example_of_the_contract() {
    let question = "How did the ZEC price trend in January 2019?";
    check(question, "trend ZEC.price_usd 2019-01-01..2019-01-31");
    assert_eq!(assumed(question), (Vec::new(), 0.97));
}

#[test]
fn value() {
    all(
        "value",
        "2018-01-03",
        &[
            "price of ZEC on 3 January 2018",
            "What was the price of ZEC on 3 January 2018?",
            "what was zcash worth on the 3rd of Jan 2018",
            "How much was ZEC on 2018-01-03?",
            "how high was the ZEC price on 2018-01-03",
            "What did one ZEC cost on January 3, 2018?",
            "ZEC 2018-01-03",
            "2018-01-03 ZEC",
            "closing price of zcash on 3 January 2018, please",
            "Hi, can you tell me how much 1 zec was worth on 2018-01-03? Thanks!",
            "exchange rate of ZEC to the dollar on 2018-01-03",
            "what was ZEC trading at on 2018-01-03",
            "how expensive was zcash on 2018-01-03",
        ],
    );
    all(
        "value",
        TODAY,
        &[
            "What is the price of ZEC?",
            "ZEC",
            "price",
            "zec price?",
            "how much is zcash",
            "What's ZEC worth?",
            "ZEC/USD",
            "zecusd",
            "latest ZEC price",
            "most recent price of ZEC",
            "what is the current ZEC price",
            "price of ZEC now",
            "$ZEC",
            "what is zec?",
            "WHAT IS THE PRICE OF ZEC",
            "show me the zec quote",
        ],
    );
}

#[test]
fn the_value_of_more_than_a_day_is_a_trend_and_the_trend_of_a_day_a_value() {
    all(
        "trend",
        YEAR,
        &[
            "price of ZEC in 2018",
            "ZEC 2018",
            "How much was ZEC in 2018?",
            "what was the zec price during 2018",
        ],
    );
    all(
        "value",
        "2019-03-27",
        &[
            "Did ZEC rise yesterday?",
            "how did zec do yesterday",
            "performance of ZEC yesterday",
        ],
    );
    check(
        "how is bitcoin doing today",
        "value BTC.price_usd 2019-03-28",
    );
}

#[test]
fn trend() {
    all(
        "trend",
        YEAR,
        &[
            "How did ZEC develop in 2018?",
            "How did the price of ZEC do in 2018?",
            "How has ZEC performed in 2018",
            "performance of ZEC in 2018",
            "how much did ZEC rise in 2018",
            "How much did ZEC fall in 2018?",
            "did ZEC go up in 2018",
            "was zcash rising or falling in 2018?",
            "ZEC trend 2018",
            "trend of ZEC in 2018",
            "How did Zcash's price change in 2018?",
            "ZEC growth in 2018",
            "chart of ZEC 2018",
            "show me a graph of the ZEC price in 2018",
            "what happened to ZEC in 2018",
            "how did zec move in 2018",
            "In 2018, how did ZEC do?",
            "did zec gain in 2018",
            "ZEC returns in 2018",
            "how was ZEC in 2018",
            "development of the zcash price in 2018",
            "How did the ZEC price evolve in 2018?",
            "did zec crash in 2018",
        ],
    );
    all(
        "trend",
        LAST_30,
        &[
            "is ZEC rising?",
            "Is zcash going up?",
            "how is ZEC doing",
            "is ZEC currently falling?",
            "is zec up?",
            "ZEC trend",
        ],
    );
    check(
        "performance of bitcoin ytd",
        "trend BTC.price_usd 2019-01-01..2019-03-28",
    );
    check(
        "did ZEC rise in may",
        "trend ZEC.price_usd 2018-05-01..2018-05-31",
    );
}

#[test]
fn extreme() {
    all(
        "highest",
        YEAR,
        &[
            "highest price of ZEC in 2018",
            "what was the peak of ZEC in 2018",
            "When was ZEC highest in 2018?",
            "maximum ZEC price in 2018",
            "When did ZEC peak in 2018?",
            "the high of ZEC in 2018",
            "how high did ZEC go in 2018",
            "when was ZEC most expensive in 2018",
            "top price of ZEC in 2018",
            "largest ZEC price in 2018",
            "2018's highest ZEC price",
        ],
    );
    all(
        "lowest",
        YEAR,
        &[
            "lowest price of ZEC in 2018",
            "bottom of ZEC in 2018",
            "the low of ZEC in 2018",
            "minimum ZEC price 2018",
            "how low did ZEC get in 2018",
            "when was zec cheapest in 2018",
            "When did ZEC bottom in 2018?",
            "zec low point 2018",
        ],
    );
    all(
        "best_day",
        YEAR,
        &[
            "best day for ZEC in 2018",
            "What was the best day of ZEC in 2018?",
            "biggest gain of ZEC in 2018",
            "zec's best trading day 2018",
            "On which day did ZEC rise the most in 2018?",
            "largest daily increase of ZEC in 2018",
            "biggest one-day jump of ZEC in 2018",
        ],
    );
    all(
        "worst_day",
        YEAR,
        &[
            "worst day for ZEC in 2018",
            "Which was ZEC's worst day in 2018?",
            "biggest drop of ZEC in 2018",
            "largest ZEC price drop 2018",
            "on which day did ZEC fall the most in 2018",
            "biggest daily loss of zcash in 2018",
            "steepest decline of ZEC in 2018",
        ],
    );
    all(
        "highest",
        ALL_ZEC,
        &[
            "highest ZEC price",
            "ZEC all-time high",
            "ZEC ATH",
            "record high of zec",
            "highest ZEC price ever",
        ],
    );
    all(
        "lowest",
        ALL_ZEC,
        &["all time low of ZEC", "zec atl", "lowest ZEC price ever"],
    );
    all(
        "highest",
        "2018-03-30..2019-03-28",
        &[
            "52 week high of ZEC",
            "ZEC 52-week high",
            "highest zec price in the last 52 weeks",
        ],
    );
    check(
        "highest fees ever on ethereum",
        "highest ETH.fees 2015-08-07..2019-03-28",
    );
    check(
        "Which day had the most transactions on ZEC in 2018?",
        "highest ZEC.tx_count 2018-01-01..2018-12-31",
    );
    check(
        "when did ETH have the fewest active addresses in 2018",
        "lowest ETH.active_addresses 2018-01-01..2018-12-31",
    );
    check(
        "the high fees of bitcoin yesterday",
        "value BTC.fees 2019-03-27",
    );
    check(
        "best and worst day of ZEC in 2018",
        "best_day ZEC.price_usd 2018-01-01..2018-12-31",
    );
}

#[test]
fn summary() {
    all(
        "summary",
        YEAR,
        &[
            "statistics of ZEC in 2018",
            "average price of ZEC in 2018",
            "mean ZEC price 2018",
            "median price of ZEC in 2018",
            "describe ZEC in 2018",
            "overview of ZEC in 2018",
            "How volatile was ZEC in 2018?",
            "volatility of ZEC in 2018",
            "ZEC stats 2018",
            "standard deviation of the ZEC price in 2018",
            "summarize ZEC in 2018",
            "What was ZEC worth on average in 2018?",
            "highest and lowest price of ZEC in 2018",
            "min and max of ZEC in 2018",
            "average and maximum ZEC price in 2018",
        ],
    );
    check(
        "how volatile was ETH in Q3 2018",
        "summary ETH.price_usd 2018-07-01..2018-09-30",
    );
    check(
        "average transactions per day on ZEC last month",
        "summary ZEC.tx_count 2019-02-01..2019-02-28",
    );
    check(
        "median number of transactions on ZEC in 2018",
        "summary ZEC.tx_count 2018-01-01..2018-12-31",
    );
    check(
        "30-day volatility of ZEC",
        "summary ZEC.price_usd 2019-02-27..2019-03-28",
    );
}

#[test]
fn the_others_are_told_apart_though_not_answered_yet() {
    let pair = "ZEC.price_usd BTC.price_usd 2018-01-01..2018-12-31";
    for question in [
        "compare ZEC and BTC in 2018",
        "ZEC versus BTC in 2018",
        "zec vs btc 2018",
        "did ZEC gain more than BTC in 2018",
        "was ZEC more volatile than BTC in 2018",
        "difference between ZEC and BTC in 2018",
        "which was better in 2018, ZEC or BTC?",
        "Did ZEC outperform BTC in 2018?",
    ] {
        check(question, &format!("not_yet: comparison {pair}"));
    }
    for question in [
        "correlation of ZEC and BTC in 2018",
        "did ZEC and BTC move together in 2018",
        "does ZEC depend on BTC in 2018",
        "does ZEC lag BTC in 2018",
        "are ZEC and BTC correlated in 2018",
        "is there a link between ZEC and BTC in 2018",
    ] {
        check(question, &format!("not_yet: correlation {pair}"));
    }
    all(
        "not_yet: anomaly",
        YEAR,
        &[
            "unusual days of ZEC in 2018",
            "any spikes in ZEC in 2018?",
            "outliers of zec 2018",
            "strange days for ZEC in 2018",
        ],
    );
    all(
        "not_yet: explanation",
        YEAR,
        &[
            "why did ZEC fall in 2018",
            "what caused the drop of ZEC in 2018?",
            "reason for the crash of zec in 2018",
            "Why was ZEC so volatile in 2018?",
        ],
    );
    all(
        "not_yet: forecast",
        "2019-03-29..2019-04-04",
        &[
            "will ZEC rise",
            "predict ZEC",
            "where is ZEC heading?",
            "ZEC forecast",
            "what will ZEC cost",
            "is ZEC going to fall?",
        ],
    );
    check(
        "does the price of ZEC depend on its transactions",
        "not_yet: correlation ZEC.price_usd ZEC.tx_count 2019-02-27..2019-03-28",
    );
    let Understanding::Failed { failure, .. } = ask("compare ZEC and BTC") else {
        panic!("it is not answered yet")
    };
    assert!(
        failure.message.contains("not yet possible")
            && failure.message.contains("What can be asked today"),
        "{failure:?}"
    );
}

#[test]
fn which_metric_belongs_to_which_asset() {
    let check = |question: &str, series: &str| {
        check(question, &format!("trend {series} 2018-01-01..2018-12-31"));
    };
    check(
        "price and volume of ZEC and BTC in 2018",
        "ZEC.price_usd BTC.price_usd ZEC.exchange_volume_usd BTC.exchange_volume_usd",
    );
    check(
        "ZEC and BTC price and volume in 2018",
        "ZEC.price_usd ZEC.exchange_volume_usd BTC.price_usd BTC.exchange_volume_usd",
    );
    check(
        "ZEC price and BTC volume in 2018",
        "ZEC.price_usd BTC.exchange_volume_usd",
    );
    check(
        "price of ZEC and volume of BTC in 2018",
        "ZEC.price_usd BTC.exchange_volume_usd",
    );
    check(
        "price of ZEC and BTC and volume of ETH in 2018",
        "ZEC.price_usd BTC.price_usd ETH.exchange_volume_usd",
    );
    check(
        "price of ZEC and its volume in 2018",
        "ZEC.price_usd ZEC.exchange_volume_usd",
    );
    check("ZEC price and BTC in 2018", "ZEC.price_usd BTC.price_usd");
    check(
        "BTC, ETH and ZEC in 2018",
        "BTC.price_usd ETH.price_usd ZEC.price_usd",
    );
    check(
        "price, volume, fees of zec in 2018",
        "ZEC.price_usd ZEC.exchange_volume_usd ZEC.fees",
    );
    check("ZEC fees and BTC fees in 2018", "ZEC.fees BTC.fees");
    check("price of ZEC in BTC in 2018", "ZEC.price_usd");
}

#[test]
fn what_is_assumed_is_said() {
    let metric = "No metric was named, so this is about the price.";
    let asset = "No asset was named, so this is about ZEC.";
    let month =
        "No range was named, so this is about the last thirty days, 2019-02-27 to 2019-03-28.";
    let latest = "No day was named, so this is about the latest with a value, 2019-03-28.";
    for (question, expected) in [
        ("ZEC", &[metric, latest][..]),
        ("price", &[asset, latest]),
        ("price of ZEC", &[latest]),
        ("trend of the ZEC price", &[month]),
        ("average fees", &[asset, month]),
        (
            "highest ZEC price",
            &["No range was named, so this is about all time."],
        ),
        (
            "pirce of zcahs yesterday",
            &[
                "\"pirce\" is taken for \"price\".",
                "\"zcahs\" is taken for \"zcash\".",
            ],
        ),
        (
            "ZEC price in euros yesterday",
            &["Values are in US dollars, not in euros."],
        ),
        (
            "ZEC price in summer 2018",
            &["The season is taken for June to August."],
        ),
        (
            "the wobbly ZEC price yesterday",
            &["Not understood and left out: \"wobbly\"."],
        ),
        (
            "was the ZEC price above 100 yesterday",
            &["Not understood and left out: a number."],
        ),
        (
            "best week of ZEC in 2018",
            &[
                "Single days are compared here, not whole weeks or months.",
                metric,
            ],
        ),
    ] {
        assert_eq!(assumed(question).0, expected, "{question}");
    }
}

#[test]
fn confidence_falls_with_what_is_assumed_and_what_is_left_out() {
    let (_, sure) = assumed("ZEC price yesterday");
    let (_, assumed_metric) = assumed("ZEC yesterday");
    let (_, assumed_both) = assumed("ZEC");
    let (_, left_out) = assumed("the wobbly ZEC price yesterday");
    assert_eq!(
        (sure, assumed_metric, assumed_both, left_out),
        (0.97, 0.92, 0.87, 0.89)
    );
}

#[test]
fn the_asset_of_the_session_stands_in() {
    let catalog = recorded(TODAY);
    let eth = Ticker::new("eth");
    let check = |question: &str, expected: &str| {
        assert_eq!(
            outcome(&understand(question, &catalog, Some(&eth))),
            expected,
            "{question}"
        );
    };
    check(
        "How did it develop in January?",
        "trend ETH.price_usd 2019-01-01..2019-01-31",
    );
    check("and the fees?", "value ETH.fees 2019-03-28");
    check(
        "What about last week?",
        "trend ETH.price_usd 2019-03-18..2019-03-24",
    );
    check(
        "highest price in 2018",
        "highest ETH.price_usd 2018-01-01..2018-12-31",
    );
    check("and ZEC?", "value ZEC.price_usd 2019-03-28");
    check("What is the weather in January?", "off_topic");
}
