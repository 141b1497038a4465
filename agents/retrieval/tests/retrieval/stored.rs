//! Series that were fetched are stored, and read from there.

use chimera_questions::Metric;
use chimera_shared::config::{RedactedUrl, TimeseriesUrl};

use crate::{
    harness::{Retrieval, attribute, nobody, series},
    server::Server,
};

#[tokio::test]
async fn what_was_fetched_is_there_after_a_restart() {
    let server = Server::recorded().await;
    let wanted = series("ZEC", Metric::PriceUsd, "2018-12-01", "2019-01-31");
    let retrieval = Retrieval::start(&server, |_| {}).await;
    let (first, _) = retrieval.fetch(&wanted).await;
    assert_eq!(first.series[0].points.len(), 62);
    let kept = retrieval.stop_and_keep().await;
    let retrieval = Retrieval::start_on(&server, |config| {
        config.data_dir = kept.path().to_owned();
    })
    .await;
    let (second, spans) = retrieval.fetch(&wanted).await;
    assert_eq!(server.requests(), 1);
    assert_eq!(second.series, first.series);
    assert_eq!(second.today, first.today);
    let source = &second.sources[0];
    assert!(source.cached && source.recorded, "{source:?}");
    // The spans of both: the harness has numbered their traces alike.
    assert_eq!(spans.named("BATCH SELECT daily").len(), 2);
    assert_eq!(spans.named("BATCH write daily").len(), 1);
    retrieval.stop().await;
}

#[tokio::test]
async fn days_without_a_value_are_neither_filled_in_nor_fetched_again() {
    let server = Server::recorded().await;
    let retrieval = Retrieval::start(&server, |_| {}).await;
    // The chain began on 2016-10-28.
    let wanted = series("ZEC", Metric::PriceUsd, "2016-01-01", "2016-11-05");
    let (first, _) = retrieval.fetch(&wanted).await;
    let (second, _) = retrieval.fetch(&wanted).await;
    let points = &second.series[0].points;
    assert!((1..=9).contains(&points.len()), "{points:?}");
    assert!(points.iter().all(|(_, value)| *value > 0.0));
    assert_eq!(second.series, first.series);
    assert_eq!(server.requests(), 1);
    retrieval.stop().await;
}

#[tokio::test]
async fn a_store_that_is_down_fails_nothing_that_the_source_gives() {
    let server = Server::recorded().await;
    let url = format!("influxdb://{}/market", nobody());
    let retrieval = Retrieval::start_on(&server, |config| {
        let url = RedactedUrl::parse(&url, &["influxdb"]).unwrap();
        config.timeseries.url = TimeseriesUrl::Influxdb(url);
    })
    .await;
    let wanted = series("ZEC", Metric::PriceUsd, "2019-01-01", "2019-01-31");
    for asked in 1..=2 {
        let (fetched, spans) = retrieval.fetch(&wanted).await;
        assert_eq!(fetched.errors, []);
        assert_eq!(fetched.series[0].points.len(), 31);
        assert!(!fetched.sources[0].cached);
        assert_eq!(server.requests(), asked);
        for name in ["BATCH SELECT daily", "BATCH write daily"] {
            let span = spans.one(name);
            assert_eq!(attribute(span, "db.system.name"), "influxdb");
            assert_eq!(attribute(span, "db.namespace"), "market");
            assert_eq!(attribute(span, "error.type"), "connect");
        }
        assert!(attribute(spans.one("get_metrics"), "error.type").is_null());
    }
    retrieval.stop().await;
}
