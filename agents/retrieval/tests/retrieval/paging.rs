//! Long answers come in pages, and few requests ask for much.

use chimera_questions::{Metric, messages::FetchData};

use crate::{
    harness::{Retrieval, key, question, series},
    server::{Answer, Server},
};

#[tokio::test]
async fn pages_are_followed_to_the_last() {
    let pages = [
        r#"{"data":[{"asset":"zec","time":"2019-01-01T00:00:00.000000000Z","PriceUSD":"1.5"}],
            "next_page_token":"0.MjAx+/=","next_page_url":"https://elsewhere.example/v4/next"}"#,
        r#"{"data":[{"asset":"zec","time":"2019-01-02T00:00:00.000000000Z","PriceUSD":"2.5"}],"next_page_token":"second"}"#,
        r#"{"data":[{"asset":"zec","time":"2019-01-03T00:00:00.000000000Z","PriceUSD":"3.5"}]}"#,
    ];
    let (others, server) = (
        Server::recorded().await,
        Server::scripted(pages.map(Answer::ok)).await,
    );
    let retrieval = Retrieval::start(&others, |sources| {
        sources.coinmetrics.url = server.url("/proxy/");
        sources.coinmetrics.requests_per_second = 0.0;
    })
    .await;
    let (fetched, _) = retrieval.fetch(&question()).await;
    let values: Vec<_> = fetched.series[0]
        .points
        .iter()
        .map(|(_, value)| *value)
        .collect();
    assert_eq!(values, [1.5, 2.5, 3.5]);
    let asked: Vec<_> = server.seen().into_iter().map(|seen| seen.uri).collect();
    let first = "/proxy/v4/timeseries/asset-metrics?assets=zec&metrics=PriceUSD&frequency=1d\
        &start_time=2019-01-01&end_time=2019-12-31&ignore_unsupported_errors=true&ignore_forbidden_errors=true\
        &page_size=10000&paging_from=start";
    let second = format!("{first}&next_page_token=0.MjAx%2B%2F%3D");
    let third = format!("{first}&next_page_token=second");
    assert_eq!(asked, [first, &second, &third]);
    retrieval.stop().await;
}

#[tokio::test]
async fn series_of_several_assets_and_metrics_are_few_requests() {
    let server = Server::recorded().await;
    let retrieval = Retrieval::start(&server, |_| {}).await;
    let check = async |series_wanted: &[(&str, Metric)], requests: usize| {
        let before = server.requests();
        let wanted = FetchData {
            series: series_wanted
                .iter()
                .map(|(asset, metric)| key(asset, *metric))
                .collect(),
            ..series("ZEC", Metric::PriceUsd, "2018-12-31", "2019-01-31")
        };
        let (fetched, _) = retrieval.fetch(&wanted).await;
        assert_eq!(fetched.errors, []);
        let given = fetched
            .series
            .iter()
            .map(|series| (series.asset.as_str(), series.metric));
        assert_eq!(given.collect::<Vec<_>>(), series_wanted);
        assert!(
            fetched
                .series
                .iter()
                .all(|series| series.points.len() == 32)
        );
        assert_eq!(server.requests() - before, requests, "{series_wanted:?}");
    };
    check(&[("ZEC", Metric::TxCount), ("ZEC", Metric::Fees)], 1).await;
    check(
        &[
            ("ZEC", Metric::PriceUsd),
            ("BTC", Metric::PriceUsd),
            ("ETH", Metric::PriceUsd),
        ],
        1,
    )
    .await;
    check(&[("ZEC", Metric::BlockCount), ("BTC", Metric::TxCount)], 2).await;
    check(
        &[
            ("BTC", Metric::TxCount),
            ("ZEC", Metric::PriceUsd),
            ("BTC", Metric::TxCount),
        ],
        0,
    )
    .await;
    retrieval.stop().await;
}
