//! The tables of metrics and assets, and their spelling.

use std::collections::BTreeMap;

use chimera_questions::{Metric, Ticker};

use super::catalog::{TODAY, check, outcome, recorded};
use crate::understanding::understand;

/// That each name asks for this metric.
#[track_caller]
fn called(metric: Metric, names: &[&str]) {
    for name in names {
        check(
            &format!("{name} of BTC on 2019-01-01"),
            &format!("value BTC.{metric} 2019-01-01"),
        );
    }
}

#[test]
fn every_metric_by_its_names() {
    called(
        Metric::PriceUsd,
        &[
            "price",
            "worth",
            "value",
            "exchange rate",
            "quote",
            "cost",
            "prices",
            "What was the price",
        ],
    );
    called(
        Metric::MarketCapUsd,
        &[
            "market cap",
            "market capitalization",
            "capitalization",
            "marketcap",
            "market capitalisation",
            "mcap",
            "market value",
        ],
    );
    called(
        Metric::RealizedCapUsd,
        &[
            "realized cap",
            "realised cap",
            "realized capitalization",
            "realized market cap",
        ],
    );
    called(
        Metric::ExchangeVolumeUsd,
        &[
            "trading volume",
            "volume",
            "turnover",
            "exchange volume",
            "traded volume",
        ],
    );
    called(
        Metric::TxCount,
        &[
            "transactions",
            "number of transactions",
            "transaction count",
            "transactions per day",
            "tx count",
            "How many transactions",
        ],
    );
    called(
        Metric::TxVolumeUsd,
        &[
            "transaction volume",
            "on-chain volume",
            "on chain volume",
            "transferred value",
            "value transferred",
            "volume of transactions",
            "onchain volume",
        ],
    );
    called(
        Metric::AdjustedTxVolumeUsd,
        &[
            "adjusted volume",
            "adjusted transaction volume",
            "adjusted on-chain volume",
        ],
    );
    called(
        Metric::PaymentCount,
        &["payments", "number of payments", "payment count"],
    );
    called(
        Metric::ActiveAddresses,
        &[
            "addresses",
            "users",
            "active users",
            "active addresses",
            "number of active users",
            "daily active addresses",
        ],
    );
    called(
        Metric::Fees,
        &[
            "fees",
            "total fees",
            "transaction fees",
            "sum of the fees",
            "the value of all fees",
        ],
    );
    called(
        Metric::MedianFee,
        &[
            "typical fee",
            "median fee",
            "fee of a transaction",
            "cost of a transaction",
            "transaction fee",
            "cost of one transaction",
            "typical transaction fee",
            "median transaction fee",
            "cost per transaction",
            "transaction cost",
        ],
    );
    called(
        Metric::MedianTxValueUsd,
        &[
            "typical transaction",
            "median transaction value",
            "typical transaction value",
            "size of a typical transaction",
        ],
    );
    called(
        Metric::BlockCount,
        &[
            "blocks",
            "blocks per day",
            "number of blocks",
            "block count",
        ],
    );
    called(
        Metric::BlockSizeBytes,
        &[
            "block size",
            "size of the blocks",
            "blocksize",
            "size of blocks",
        ],
    );
    called(
        Metric::Difficulty,
        &["mining difficulty", "difficulty", "network difficulty"],
    );
    called(
        Metric::GeneratedCoins,
        &[
            "new coins",
            "issuance",
            "supply growth",
            "number of new coins",
            "newly mined coins",
        ],
    );
}

#[test]
fn every_metric_by_its_name_in_json_column_and_coin_metrics() {
    for metric in Metric::all() {
        let column = metric.column();
        for name in [Some(metric.name()), column, metric.coin_metrics()]
            .into_iter()
            .flatten()
        {
            let expected = match metric {
                Metric::BlockHeight => "no_data: value BTC.block_height 2019-01-01".to_owned(),
                metric => format!("value BTC.{metric} 2019-01-01"),
            };
            check(&format!("{name} of BTC on 2019-01-01"), &expected);
            check(
                &format!("BTC {} 2019-01-01", name.to_uppercase()),
                &expected,
            );
        }
    }
}

#[test]
fn metrics_in_sentences() {
    for (question, series) in [
        (
            "How many active users did BTC have yesterday?",
            "BTC.active_addresses",
        ),
        (
            "how many people used bitcoin yesterday",
            "BTC.active_addresses",
        ),
        ("number of bitcoin transactions yesterday", "BTC.tx_count"),
        (
            "how many payments were made on bitcoin yesterday",
            "BTC.payment_count",
        ),
        (
            "What did a bitcoin transaction cost yesterday?",
            "BTC.median_fee",
        ),
        (
            "what did it cost to send bitcoin yesterday",
            "BTC.median_fee",
        ),
        (
            "how expensive was a bitcoin transaction yesterday",
            "BTC.median_fee",
        ),
        ("how much was paid in fees on bitcoin yesterday", "BTC.fees"),
        (
            "how many bitcoins were mined yesterday",
            "BTC.generated_coins",
        ),
        (
            "how many blocks were mined on bitcoin yesterday",
            "BTC.block_count",
        ),
        (
            "how large were bitcoin blocks yesterday",
            "BTC.block_size_bytes",
        ),
        (
            "How difficult... the mining difficulty of BTC yesterday",
            "BTC.difficulty",
        ),
        ("how much did bitcoin cost yesterday", "BTC.price_usd"),
        (
            "what was the volume of bitcoin transactions yesterday",
            "BTC.tx_volume_usd",
        ),
        (
            "Bitcoin's market capitalization yesterday",
            "BTC.market_cap_usd",
        ),
    ] {
        check(question, &format!("value {series} 2019-03-27"));
    }
}

#[test]
fn average_and_median_ask_for_a_summary_unless_they_are_part_of_the_name() {
    check(
        "median fee of BTC in 2018",
        "trend BTC.median_fee 2018-01-01..2018-12-31",
    );
    check(
        "average median fee of BTC in 2018",
        "summary BTC.median_fee 2018-01-01..2018-12-31",
    );
    check(
        "average fee of BTC in 2018",
        "summary BTC.median_fee 2018-01-01..2018-12-31",
    );
    check(
        "average fees of BTC in 2018",
        "summary BTC.fees 2018-01-01..2018-12-31",
    );
    check(
        "average cost of a transaction on BTC in 2018",
        "summary BTC.median_fee 2018-01-01..2018-12-31",
    );
    check(
        "median transaction value of BTC in 2018",
        "trend BTC.median_tx_value_usd 2018-01-01..2018-12-31",
    );
    check(
        "median volume of BTC in 2018",
        "summary BTC.exchange_volume_usd 2018-01-01..2018-12-31",
    );
    check(
        "average difficulty of BTC in 2018",
        "summary BTC.difficulty 2018-01-01..2018-12-31",
    );
    check(
        "highest average fee of BTC in 2018",
        "highest BTC.median_fee 2018-01-01..2018-12-31",
    );
}

#[test]
fn the_chain_height_is_known_of_zec_today() {
    for question in [
        "block height of ZEC",
        "chain tip of zcash",
        "what is the current block height of zcash?",
        "getblockcount ZEC",
        "zec block height today",
    ] {
        check(question, "value ZEC.block_height 2019-03-28");
    }
    check(
        "block height of ZEC yesterday",
        "no_data: value ZEC.block_height 2019-03-27",
    );
    check(
        "block height of BTC",
        "no_data: value BTC.block_height 2019-03-28",
    );
    check(
        "how did the block height of ZEC develop",
        "no_data: trend ZEC.block_height 2019-02-27..2019-03-28",
    );
    check(
        "price and block height of ZEC",
        "value ZEC.price_usd ZEC.block_height 2019-03-28",
    );
}

#[test]
fn assets_by_ticker_and_name_in_any_case() {
    for name in [
        "ZEC", "zec", "Zec", "Zcash", "zcash", "ZCASH", "$ZEC", "$zec", "Z-Cash", "Zcash's",
    ] {
        check(
            &format!("{name} price yesterday"),
            "value ZEC.price_usd 2019-03-27",
        );
    }
    for name in [
        "BTC",
        "btc",
        "bitcoin",
        "Bitcoin",
        "BITCOIN",
        "$btc",
        "xbt",
        "bitcoin's",
        "bitcoins",
    ] {
        check(
            &format!("price of {name} yesterday"),
            "value BTC.price_usd 2019-03-27",
        );
    }
    for name in ["ETH", "eth", "ethereum", "Ether", "$ETH"] {
        check(
            &format!("what was {name} worth yesterday"),
            "value ETH.price_usd 2019-03-27",
        );
    }
}

#[test]
fn assets_without_data_are_known_by_name() {
    for (name, ticker) in [
        ("ripple", "XRP"),
        ("XRP", "XRP"),
        ("Litecoin", "LTC"),
        ("bitcoin cash", "BCH"),
        ("EOS", "EOS"),
        ("eos", "EOS"),
        ("binance coin", "BNB"),
        ("tether", "USDT"),
        ("stellar", "XLM"),
        ("cardano", "ADA"),
        ("tron", "TRX"),
        ("bitcoin sv", "BSV"),
        ("monero", "XMR"),
        ("dash", "DASH"),
        ("Dash", "DASH"),
        ("iota", "MIOTA"),
        ("neo", "NEO"),
        ("maker", "MKR"),
        ("ontology", "ONT"),
        ("ethereum classic", "ETC"),
        ("ETC", "ETC"),
        ("nem", "XEM"),
        ("cosmos", "ATOM"),
        ("tezos", "XTZ"),
        ("vechain", "VET"),
        ("waves", "WAVES"),
        ("dogecoin", "DOGE"),
        ("usdc", "USDC"),
        ("bitcoin gold", "BTG"),
        ("omisego", "OMG"),
        ("qtum", "QTUM"),
        ("basic attention token", "BAT"),
        ("chainlink", "LINK"),
        ("LINK", "LINK"),
        ("link", "LINK"),
        ("decred", "DCR"),
        ("lisk", "LSK"),
        ("0x", "ZRX"),
        ("bytecoin", "BCN"),
        ("nano", "NANO"),
        ("icon", "ICX"),
        ("zilliqa", "ZIL"),
        ("siacoin", "SC"),
        ("augur", "REP"),
        ("ONE", "ONE"),
        ("one", "ONE"),
    ] {
        check(
            &format!("price of {name} in 2018"),
            &format!("unknown_asset: trend {ticker}.price_usd 2018-01-01..2018-12-31"),
        );
    }
}

#[test]
fn words_that_are_also_tickers_or_months_are_told_apart_by_their_place() {
    for (question, expected) in [
        (
            "price of one zcash yesterday",
            "value ZEC.price_usd 2019-03-27",
        ),
        (
            "price of one in January 2019",
            "unknown_asset: trend ONE.price_usd 2019-01-01..2019-01-31",
        ),
        (
            "did ONE rise in 2018",
            "unknown_asset: trend ONE.price_usd 2018-01-01..2018-12-31",
        ),
        (
            "what was the ZEC price one week ago",
            "value ZEC.price_usd 2019-03-21",
        ),
        (
            "which one of the days was the best for ZEC in 2018",
            "best_day ZEC.price_usd 2018-01-01..2018-12-31",
        ),
        (
            "cost of one transaction on ZEC yesterday",
            "value ZEC.median_fee 2019-03-27",
        ),
        (
            "what's the best day for dash in 2018",
            "unknown_asset: best_day DASH.price_usd 2018-01-01..2018-12-31",
        ),
        ("ZEC - price - yesterday", "value ZEC.price_usd 2019-03-27"),
        (
            "did ZEC rise in may",
            "trend ZEC.price_usd 2018-05-01..2018-05-31",
        ),
        (
            "did ZEC rise in May 2018",
            "trend ZEC.price_usd 2018-05-01..2018-05-31",
        ),
        (
            "How may I see the ZEC price of yesterday?",
            "value ZEC.price_usd 2019-03-27",
        ),
        (
            "May I ask for the ZEC price of yesterday?",
            "value ZEC.price_usd 2019-03-27",
        ),
        ("ZEC price on may 5", "value ZEC.price_usd 2018-05-05"),
        (
            "ZEC price may",
            "trend ZEC.price_usd 2018-05-01..2018-05-31",
        ),
        (
            "did ZEC fall between april and may",
            "trend ZEC.price_usd 2018-04-01..2018-05-31",
        ),
        (
            "what was the may price of ZEC",
            "trend ZEC.price_usd 2018-05-01..2018-05-31",
        ),
        ("ZEC in march", "trend ZEC.price_usd 2019-03-01..2019-03-28"),
        (
            "price, fees etc. of ZEC yesterday",
            "value ZEC.price_usd ZEC.fees 2019-03-27",
        ),
        (
            "second quarter of 2018 for ZEC",
            "trend ZEC.price_usd 2018-04-01..2018-06-30",
        ),
        (
            "omg what was the ZEC price yesterday",
            "value ZEC.price_usd 2019-03-27",
        ),
    ] {
        check(question, expected);
    }
}

#[test]
fn what_is_misspelt_by_one_edit_is_understood() {
    for (question, expected) in [
        ("zcahs price yesterday", "value ZEC.price_usd 2019-03-27"),
        ("zcsh price yesterday", "value ZEC.price_usd 2019-03-27"),
        ("ZCAHS price yesterday", "value ZEC.price_usd 2019-03-27"),
        ("bitcon price yesterday", "value BTC.price_usd 2019-03-27"),
        ("bittcoin price yesterday", "value BTC.price_usd 2019-03-27"),
        ("etherium price yesterday", "value ETH.price_usd 2019-03-27"),
        ("ZEC prcie yesterday", "value ZEC.price_usd 2019-03-27"),
        ("ZEC prise yesterday", "value ZEC.price_usd 2019-03-27"),
        (
            "ZEC volme yesterday",
            "value ZEC.exchange_volume_usd 2019-03-27",
        ),
        ("ZEC transactons yesterday", "value ZEC.tx_count 2019-03-27"),
        ("ZEC dificulty yesterday", "value ZEC.difficulty 2019-03-27"),
        ("ZEC price yesteday", "value ZEC.price_usd 2019-03-27"),
        (
            "ZEC price in febuary",
            "trend ZEC.price_usd 2019-02-01..2019-02-28",
        ),
        (
            "ZEC price in Januray 2019",
            "trend ZEC.price_usd 2019-01-01..2019-01-31",
        ),
        (
            "hihgest ZEC price in 2018",
            "highest ZEC.price_usd 2018-01-01..2018-12-31",
        ),
        (
            "avarage ZEC price in 2018",
            "summary ZEC.price_usd 2018-01-01..2018-12-31",
        ),
        (
            "volitility of ZEC in 2018",
            "summary ZEC.price_usd 2018-01-01..2018-12-31",
        ),
        (
            "comapre ZEC and BTC in 2018",
            "not_yet: comparison ZEC.price_usd BTC.price_usd 2018-01-01..2018-12-31",
        ),
        (
            "ZEC price increasd in 2018",
            "trend ZEC.price_usd 2018-01-01..2018-12-31",
        ),
    ] {
        check(question, expected);
    }
}

#[test]
fn what_is_not_misspelt_by_one_edit_is_left_alone() {
    for (question, expected) in [
        // English words of their own.
        ("rice of ZEC", "clarification"),
        ("cash price yesterday", "unknown_asset: value  2019-03-27"),
        // Shorter than five letters.
        ("dahs price yesterday", "unknown_asset: value  2019-03-27"),
        // Two edits.
        (
            "bticoni price yesterday",
            "unknown_asset: value  2019-03-27",
        ),
        // One edit from both bitcoin and litecoin.
        (
            "litcoin price yesterday",
            "unknown_asset: value  2019-03-27",
        ),
    ] {
        check(question, expected);
    }
}

#[test]
fn the_catalog_s_own_tickers_are_assets_too() {
    let mut catalog = recorded(TODAY);
    let metrics = catalog.assets[&Ticker::new("ZEC")].clone();
    for name in ["DASH", "ONE", "QQQX", "PRICE", "FOOBAR"] {
        catalog.assets.insert(Ticker::new(name), metrics.clone());
    }
    for (question, expected) in [
        ("qqqx price yesterday", "value QQQX.price_usd 2019-03-27"),
        (
            "$price volume yesterday",
            "value PRICE.exchange_volume_usd 2019-03-27",
        ),
        ("price of ZEC yesterday", "value ZEC.price_usd 2019-03-27"),
        (
            "what's the best day for dash in 2018",
            "best_day DASH.price_usd 2018-01-01..2018-12-31",
        ),
        (
            "price of one dash yesterday",
            "value DASH.price_usd 2019-03-27",
        ),
        ("price of ONE yesterday", "value ONE.price_usd 2019-03-27"),
        ("fobar price yesterday", "value FOOBAR.price_usd 2019-03-27"),
    ] {
        assert_eq!(
            outcome(&understand(question, &catalog, None)),
            expected,
            "{question}"
        );
    }
}

#[test]
fn without_zec_another_asset_is_assumed() {
    let mut catalog = recorded(TODAY);
    catalog.assets.remove(&Ticker::new("ZEC"));
    assert_eq!(
        outcome(&understand("fees yesterday", &catalog, None)),
        "value BTC.fees 2019-03-27"
    );
    catalog.assets = BTreeMap::new();
    assert_eq!(
        outcome(&understand("fees yesterday", &catalog, None)),
        "unknown_asset: value ZEC.fees 2019-03-27"
    );
}
