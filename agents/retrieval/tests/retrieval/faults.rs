//! Sources that fail for a while: they are tried again, then left alone, and the others are not kept waiting.

use std::time::Duration;

use chimera_questions::messages::FetchData;
use chimera_shared::config::SourceConfig;
use serde_json::{Value, json};

use crate::{
    harness::{Retrieval, attribute, question},
    server::{Answer, Server},
};

const TICKER: &str = r#"{"trade_id":7,"price":"54.31","size":"1.5","time":"2026-11-20T23:59:59.000001Z",
    "bid":"54.3","ask":"54.4","volume":"100.5"}"#;

const HTTP_SPAN: &str = "GET /products/{product}/ticker";

/// An agent whose exchange is `exchange`; the other sources are recorded.
async fn with_exchange(
    others: &Server,
    exchange: &Server,
    configure: impl FnOnce(&mut SourceConfig),
) -> Retrieval {
    Retrieval::start(others, |sources| {
        sources.coinbase.url = exchange.url("");
        sources.coinbase.requests_per_second = 0.0;
        configure(&mut sources.coinbase);
    })
    .await
}

/// Everything but the quote is there, and one error says that the quote is not.
async fn fails(retrieval: &Retrieval, wanted: &FetchData) -> String {
    let (fetched, spans) = retrieval.fetch(wanted).await;
    assert_eq!(fetched.series[0].points.len(), 31);
    assert_eq!(fetched.heights.len(), 1);
    assert_eq!(fetched.quotes, []);
    assert_eq!(fetched.errors.len(), 1);
    let names: Vec<_> = fetched
        .sources
        .iter()
        .map(|source| source.name.as_str())
        .collect();
    assert_eq!(names, ["coinmetrics", "zcash"]);
    let error = &fetched.errors[0];
    assert_eq!(
        (error.source.as_str(), error.wanted.as_str()),
        ("coinbase", "ZEC")
    );
    assert_eq!(spans.one("get_price").status_message, error.message);
    error.message.clone()
}

#[tokio::test]
async fn what_fails_twice_is_sent_a_third_time() {
    let others = Server::recorded().await;
    let failing = Answer::status(500, "out of order");
    let exchange = Server::scripted([failing.clone(), failing, Answer::ok(TICKER)]).await;
    let retrieval = with_exchange(&others, &exchange, |_| {}).await;
    let (fetched, spans) = retrieval.fetch(&question()).await;
    assert_eq!(fetched.errors, []);
    assert_eq!(fetched.quotes[0].price_usd, 54.31);
    assert_eq!(fetched.quotes[0].day.to_string(), "2026-11-20");
    let live = fetched
        .sources
        .iter()
        .find(|source| source.name == "coinbase");
    assert!(!live.unwrap().recorded);
    let attempts = spans.named(HTTP_SPAN);
    let resends: Vec<_> = attempts
        .iter()
        .map(|span| attribute(span, "http.request.resend_count"))
        .collect();
    assert_eq!(resends, [Value::Null, json!(1), json!(2)]);
    let below = ["GET", HTTP_SPAN, HTTP_SPAN, HTTP_SPAN];
    assert_eq!(spans.below(spans.one("get_price")), below);
    retrieval.stop().await;
}

#[tokio::test]
async fn as_long_as_the_source_says_it_is_left_alone() {
    let others = Server::recorded().await;
    let busy = Answer {
        retry_after: Some("1"),
        ..Answer::status(429, r#"{"message":"Public rate limit exceeded"}"#)
    };
    let exchange = Server::scripted([busy, Answer::ok(TICKER)]).await;
    let retrieval = with_exchange(&others, &exchange, |_| {}).await;
    let (fetched, spans) = retrieval.fetch(&question()).await;
    assert_eq!(fetched.errors, []);
    let attempts = spans.named(HTTP_SPAN);
    assert_eq!(attempts.len(), 2);
    assert!(attempts[1].start_ns >= attempts[0].start_ns + attempts[0].duration_ns + 1_000_000_000);
    retrieval.stop().await;
}

#[tokio::test]
async fn one_that_wants_to_be_left_alone_for_long_is_not_waited_for() {
    let others = Server::recorded().await;
    let busy = Answer {
        retry_after: Some("3600"),
        ..Answer::status(429, r#"{"message":"Public rate limit exceeded"}"#)
    };
    let exchange = Server::scripted([busy]).await;
    let retrieval = with_exchange(&others, &exchange, |_| {}).await;
    let message = fails(&retrieval, &question()).await;
    assert_eq!(
        message,
        "it answered with status 429: Public rate limit exceeded"
    );
    assert_eq!(exchange.requests(), 1);
    retrieval.stop().await;
}

#[tokio::test]
async fn one_that_keeps_failing_is_left_alone_and_then_tried_again() {
    let others = Server::recorded().await;
    let failing = Answer::status(503, "<html>");
    let exchange = Server::scripted([failing.clone(), failing, Answer::ok(TICKER)]).await;
    let retrieval = with_exchange(&others, &exchange, |coinbase| {
        coinbase.max_attempts = 1.try_into().unwrap();
        coinbase.breaker_failures = 2.try_into().unwrap();
    })
    .await;
    for _ in 0..2 {
        let message = fails(&retrieval, &question()).await;
        assert!(message.ends_with("answered with status 503"), "{message}");
    }
    for _ in 0..3 {
        let message = fails(&retrieval, &question()).await;
        assert!(
            message.starts_with("coinbase is not being asked until 20"),
            "{message}"
        );
        assert!(
            message.ends_with(" UTC, because it failed 2 times in a row"),
            "{message}"
        );
    }
    assert_eq!(exchange.requests(), 2);
    // Its cool-down passes; nothing else is under way.
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(30)).await;
    tokio::time::resume();
    let (fetched, _) = retrieval.fetch(&question()).await;
    assert_eq!(fetched.errors, []);
    assert_eq!(fetched.quotes[0].price_usd, 54.31);
    assert_eq!(exchange.requests(), 3);
    retrieval.stop().await;
}

#[tokio::test]
async fn a_silent_source_does_not_keep_the_others_from_being_heard() {
    let others = Server::recorded().await;
    let exchange = Server::silent().await;
    let retrieval = with_exchange(&others, &exchange, |coinbase| {
        coinbase.timeout = Duration::from_millis(50);
        coinbase.max_attempts = 2.try_into().unwrap();
    })
    .await;
    let message = fails(&retrieval, &question()).await;
    assert!(
        message.starts_with("no response from 127.0.0.1:"),
        "{message}"
    );
    assert!(message.ends_with("within 50ms"), "{message}");
    assert_eq!(exchange.requests(), 2);
    retrieval.stop().await;
}

#[tokio::test]
async fn a_silent_source_is_given_up_before_the_deadline() {
    let others = Server::recorded().await;
    let exchange = Server::silent().await;
    let retrieval = with_exchange(&others, &exchange, |_| {}).await;
    let (fetched, _) = retrieval
        .fetch_within(&question(), Duration::from_secs(2))
        .await;
    assert_eq!(fetched.series[0].points.len(), 31);
    assert_eq!(fetched.errors.len(), 1);
    let message = &fetched.errors[0].message;
    assert!(message.starts_with("no response within the "), "{message}");
    retrieval.stop().await;
}

#[tokio::test]
async fn a_source_that_is_not_there_is_named_with_the_reason() {
    let others = Server::recorded().await;
    let exchange = Server::recorded().await;
    let retrieval = with_exchange(&others, &exchange, |_| {}).await;
    drop(exchange);
    let message = fails(&retrieval, &question()).await;
    assert!(
        message.starts_with("cannot connect to 127.0.0.1:"),
        "{message}"
    );
    assert!(message.contains("refused"), "{message}");
    retrieval.stop().await;
}

#[tokio::test]
async fn without_a_catalog_there_is_the_last_one_or_a_reason() {
    let server = Server::recorded().await;
    let retrieval = Retrieval::start(&server, |sources| {
        sources.coinmetrics.cache_ttl = Duration::ZERO;
        sources.coinmetrics.max_attempts = 1.try_into().unwrap();
    })
    .await;
    let (before, _) = retrieval.describe().await;
    drop(server);
    let (after, _) = retrieval.describe().await;
    assert_eq!(after.unwrap(), before.unwrap());
    retrieval.stop().await;

    let broken = Server::scripted([Answer::status(500, "")]).await;
    let retrieval = Retrieval::start(&broken, |sources| {
        sources.coinmetrics.max_attempts = 1.try_into().unwrap();
    })
    .await;
    let (catalog, _) = retrieval.describe().await;
    let error = catalog.unwrap_err();
    assert!(
        error.contains("coinmetrics") && error.contains("status 500"),
        "{error}"
    );
    retrieval.stop().await;
}
