//! Everything that is recorded comes out as it was recorded.

use chimera_questions::{Metric, Period, SourceUse, Ticker, messages::FetchData};
use chimera_retrieval::recorded::Recording;

use crate::{
    harness::{Retrieval, attribute, day, key, period, question, series},
    server::Server,
};

#[tokio::test]
async fn every_metric_of_every_asset_is_fetched_as_it_was_recorded() {
    let server = Server::recorded().await;
    let retrieval = Retrieval::start(&server, |_| {}).await;
    let recording = Recording::bundled();
    for ticker in recording.tickers() {
        let keys: Vec<_> = Metric::all()
            .map(|metric| key(ticker.as_str(), metric))
            .collect();
        let wanted = FetchData {
            series: keys,
            ..series("ZEC", Metric::PriceUsd, "0001-01-01", "9999-12-31")
        };
        let (fetched, _) = retrieval.fetch(&wanted).await;
        assert_eq!(fetched.errors, []);
        assert_eq!(fetched.today, day("2019-03-28"));
        assert_eq!(fetched.series.len(), Metric::all().count() - 1);
        for series in &fetched.series {
            let recorded = recording
                .points(ticker, series.metric)
                .cloned()
                .unwrap_or_default();
            let differing = series
                .points
                .iter()
                .zip(&recorded)
                .find(|(given, recorded)| given != recorded);
            assert_eq!(differing, None, "{ticker} {}", series.metric);
            assert_eq!(
                series.points.len(),
                recorded.len(),
                "{ticker} {}",
                series.metric
            );
            assert_eq!(series.unit, series.metric.unit());
        }
        // Once more, now out of the cache.
        let (again, _) = retrieval.fetch(&wanted).await;
        assert!(again.series == fetched.series, "{ticker} out of the cache");
        assert!(again.sources[0].cached);
    }
    retrieval.stop().await;
}

#[tokio::test]
async fn a_question_asks_three_sources_at_once() {
    let server = Server::recorded().await;
    let retrieval = Retrieval::start(&server, |_| {}).await;
    let (fetched, spans) = retrieval.fetch(&question()).await;
    assert_eq!(fetched.errors, []);
    assert_eq!(fetched.series[0].points.len(), 31);
    assert_eq!(fetched.series[0].points[0], (day("2019-01-01"), 56.43));
    assert_eq!(fetched.quotes[0].day, day("2019-03-28"));
    assert_eq!(fetched.heights[0].blocks, 505_720);
    assert_eq!(fetched.heights[0].day, day("2019-03-28"));
    let used = |name: &str, from: &str, to: &str, points| SourceUse {
        name: name.to_owned(),
        recorded: true,
        cached: false,
        from: Some(day(from)),
        to: Some(day(to)),
        points,
    };
    let expected = [
        used("coinmetrics", "2019-01-01", "2019-01-31", 31),
        used("coinbase", "2019-03-28", "2019-03-28", 1),
        used("zcash", "2019-03-28", "2019-03-28", 1),
    ];
    assert_eq!(fetched.sources, expected);
    assert_eq!(server.requests(), 3);

    let fetch_data = spans.one("fetch_data");
    let below = [
        "BATCH write daily",
        "cache_set",
        "cache_set",
        "get_block_height",
        "get_metrics",
        "get_price",
    ];
    assert_eq!(spans.below(fetch_data), below);
    let (metrics, ticker) = (
        "GET /v4/timeseries/asset-metrics",
        "GET /products/{product}/ticker",
    );
    for (name, peer, request, below) in [
        (
            "get_metrics",
            "coin_metrics",
            metrics,
            ["BATCH SELECT daily", metrics],
        ),
        ("get_price", "exchange_api", ticker, ["GET", ticker]),
        ("get_block_height", "zcash_node", "POST", ["GET", "POST"]),
    ] {
        let span = spans.one(name);
        assert_eq!(spans.below(span), below, "{name}");
        assert_eq!(attribute(span, "peer.service"), peer);
        assert_eq!(attribute(span, "service.peer.name"), peer);
        assert_eq!(attribute(spans.one(request), "server.address"), "127.0.0.1");
    }
    let asked = ["get_metrics", "get_price", "get_block_height"].map(|name| spans.one(name));
    let first_end = asked
        .iter()
        .map(|span| span.start_ns + span.duration_ns)
        .min();
    let last_start = asked.iter().map(|span| span.start_ns).max();
    assert!(last_start < first_end, "one source waited for another");
    for span in spans.named("cache_set") {
        assert_eq!(spans.below(span), ["SET"]);
        assert_eq!(attribute(span, "db.system.name"), "moka");
    }
    retrieval.stop().await;
}

#[tokio::test]
async fn a_range_without_days_has_no_values_and_the_clock_of_the_recording() {
    let server = Server::recorded().await;
    let retrieval = Retrieval::start(&server, |_| {}).await;
    for (from, to) in [
        ("1999-01-01", "1999-12-31"),
        ("2019-03-29", "2019-04-30"),
        ("2600-01-01", "2600-01-31"),
        ("2019-01-31", "2019-01-01"),
    ] {
        let wanted = series("ZEC", Metric::PriceUsd, from, to);
        let (fetched, _) = retrieval.fetch(&wanted).await;
        assert_eq!(fetched.errors, [], "{from} to {to}");
        assert_eq!(fetched.series[0].points, [], "{from} to {to}");
        assert_eq!(fetched.today, day("2019-03-28"), "{from} to {to}");
    }
    retrieval.stop().await;
}

#[tokio::test]
async fn the_catalog_says_what_is_recorded() {
    let server = Server::recorded().await;
    let retrieval = Retrieval::start(&server, |_| {}).await;
    let (catalog, spans) = retrieval.describe().await;
    let mut catalog = catalog.unwrap();
    assert_eq!(catalog.today, day("2019-03-28"));
    assert!(catalog.recorded);
    let zec = catalog.assets.get_mut(&Ticker::new("ZEC")).unwrap();
    assert_eq!(
        zec.remove(&Metric::BlockHeight),
        Some(period("2019-03-28", "2019-03-28"))
    );
    let recording = Recording::bundled();
    for ticker in recording.tickers() {
        let expected: Vec<(Metric, Period)> = recording
            .metrics(ticker)
            .map(|(metric, _)| (metric, recording.period(ticker, metric).unwrap()))
            .collect();
        let described: Vec<_> = catalog.assets.remove(ticker).unwrap().into_iter().collect();
        assert_eq!(described, expected, "{ticker}");
    }
    assert!(catalog.assets.is_empty());
    assert_eq!(
        spans.below(spans.one("describe_data")),
        ["cache_set", "get_catalog"]
    );
    let asked = server.requests();
    let (again, _) = retrieval.describe().await;
    assert_eq!(again.unwrap().today, day("2019-03-28"));
    assert_eq!(server.requests(), asked);
    retrieval.stop().await;
}
