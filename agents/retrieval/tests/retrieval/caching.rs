//! What was fetched once is not fetched again.

use std::time::Duration;

use chimera_questions::{Metric, SourceUse, Ticker, messages::FetchData};
use chimera_shared::config::{CacheUrl, RedactedUrl};
use futures_util::future::join_all;

use crate::{
    harness::{Retrieval, attribute, nobody, question, series},
    server::{Answer, Server},
};

#[tokio::test]
async fn the_second_time_nothing_is_requested() {
    let server = Server::recorded().await;
    let retrieval = Retrieval::start(&server, |_| {}).await;
    let (first, _) = retrieval.fetch(&question()).await;
    let (second, spans) = retrieval.fetch(&question()).await;
    assert_eq!(server.requests(), 3);
    assert_eq!(second.series, first.series);
    assert_eq!(second.quotes, first.quotes);
    assert_eq!(second.heights, first.heights);
    assert_eq!(second.today, first.today);
    for source in &second.sources {
        assert!(source.cached && source.recorded, "{source:?}");
    }
    assert_eq!(
        spans.below(spans.one("fetch_data")),
        ["get_block_height", "get_metrics", "get_price"]
    );
    for (name, look) in [
        ("get_block_height", "GET"),
        ("get_metrics", "BATCH SELECT daily"),
        ("get_price", "GET"),
    ] {
        assert_eq!(spans.below(spans.one(name)), [look], "{name}");
    }
    retrieval.stop().await;
}

#[tokio::test]
async fn what_lies_within_a_fetched_year_is_there() {
    let server = Server::recorded().await;
    let retrieval = Retrieval::start(&server, |_| {}).await;
    let mut requests = 0;
    for (from, to, cached) in [
        ("2018-05-01", "2018-05-31", false),
        ("2018-02-03", "2018-12-31", true),
        ("2017-12-31", "2018-01-31", false),
        ("2017-01-01", "2018-12-31", true),
        ("2016-10-29", "2019-03-28", false),
        ("2016-10-29", "2019-03-28", true),
    ] {
        let (fetched, _) = retrieval
            .fetch(&series("ZEC", Metric::PriceUsd, from, to))
            .await;
        assert_eq!(fetched.sources[0].cached, cached, "{from} to {to}");
        requests += usize::from(!cached);
        assert_eq!(server.requests(), requests, "{from} to {to}");
    }
    retrieval.stop().await;
}

#[tokio::test]
async fn many_who_ask_at_once_are_one_request() {
    let server = Server::recorded().await;
    let retrieval = Retrieval::start(&server, |_| {}).await;
    let wanted = question();
    let all = join_all((0..32).map(|_| retrieval.fetch(&wanted))).await;
    assert_eq!(server.requests(), 3);
    for (fetched, _) in &all {
        assert_eq!(fetched.errors, []);
        assert_eq!(fetched.series[0].points.len(), 31);
    }
    let described = join_all((0..32).map(|_| retrieval.describe())).await;
    assert!(described.iter().all(|(catalog, _)| catalog.is_ok()));
    // The names of the API, and those that only a recording has.
    assert_eq!(server.requests(), 5);
    retrieval.stop().await;
}

#[tokio::test]
async fn without_a_lifetime_nothing_is_cached() {
    let server = Server::recorded().await;
    let retrieval = Retrieval::start(&server, |sources| {
        sources.coinmetrics.cache_ttl = Duration::ZERO;
        sources.coinbase.cache_ttl = Duration::ZERO;
        sources.zcash.source.cache_ttl = Duration::ZERO;
    })
    .await;
    for asked in 1..=2 {
        let (fetched, spans) = retrieval.fetch(&question()).await;
        assert!(fetched.sources.iter().all(|source| !source.cached));
        assert!(spans.named("GET").is_empty() && spans.named("cache_set").is_empty());
        assert!(spans.named("BATCH SELECT daily").is_empty());
        assert_eq!(server.requests(), 3 * asked);
    }
    retrieval.stop().await;
}

#[tokio::test]
async fn that_an_asset_is_not_traded_is_remembered_and_said() {
    let server = Server::scripted([Answer::status(404, r#"{"message":"NotFound"}"#)]).await;
    let retrieval =
        Retrieval::start(&server, |sources| sources.coinbase.url = server.url("")).await;
    let wanted = FetchData {
        series: Vec::new(),
        quotes: vec![Ticker::new("XVG")],
        heights: Vec::new(),
        ..question()
    };
    for _ in 0..2 {
        let (fetched, _) = retrieval.fetch(&wanted).await;
        assert_eq!(
            fetched.errors[0].message,
            "it does not trade XVG for US dollars"
        );
        assert_eq!(fetched.quotes, []);
        assert_eq!(server.requests(), 1);
    }
    retrieval.stop().await;
}

#[tokio::test]
async fn a_cache_that_is_down_is_like_an_empty_one() {
    let server = Server::recorded().await;
    let url = format!("redis://{}", nobody());
    let retrieval = Retrieval::start_on(&server, |config| {
        config.cache.url = CacheUrl::Redis(RedactedUrl::parse(&url, &["redis"]).unwrap());
    })
    .await;
    for asked in 1..=2 {
        let (fetched, spans) = retrieval.fetch(&question()).await;
        assert_eq!(fetched.errors, []);
        assert_eq!(fetched.series[0].points.len(), 31);
        // Series are stored elsewhere.
        let cached =
            |source: &SourceUse| source.cached == (asked > 1 && source.name == "coinmetrics");
        assert!(fetched.sources.iter().all(cached));
        assert_eq!(server.requests(), 2 * asked + 1);
        let commands = [spans.named("GET"), spans.named("SET")].concat();
        assert_eq!(commands.len(), 4);
        for command in commands {
            assert_eq!(attribute(command, "db.system.name"), "redis");
            assert_eq!(attribute(command, "error.type"), "connect");
        }
        // What was asked has not failed.
        assert!(attribute(spans.one("fetch_data"), "error.type").is_null());
        assert!(attribute(spans.one("get_price"), "error.type").is_null());
    }
    retrieval.stop().await;
}
