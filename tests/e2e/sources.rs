//! Sources that fail.

use std::net::SocketAddr;

use axum::{Router, http::StatusCode, routing::any};
use chimera_shared::config::{Config, SourceUrl};
use chimera_tests::{Backends, Stack, contract::assert_one_trace, stack::Setup};
use tokio::net::TcpListener;

crate::on_each_backend! {
    a_failing_source_is_named_and_then_left_alone,
    without_its_main_source_a_question_fails_and_says_so,
}

/// A source that answers everything with 500.
async fn broken_source() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(any(|| async { StatusCode::INTERNAL_SERVER_ERROR }));
    // It ends with the test's runtime.
    drop(tokio::spawn(
        async move { axum::serve(listener, router).await },
    ));
    address
}

async fn a_failing_source_is_named_and_then_left_alone(backends: Backends) {
    let broken = broken_source().await;
    let configure = move |config: &mut Config| {
        config.sources.coinbase.url = SourceUrl::http(&format!("http://{broken}")).unwrap();
        config.sources.coinbase.max_attempts = 1.try_into().unwrap();
        config.sources.coinbase.breaker_failures = 2.try_into().unwrap();
    };
    let setup = Setup {
        configure: Some(Box::new(configure)),
        ..Setup::default()
    };
    let stack = Stack::start_with(backends, setup).await.unwrap();
    let mut warnings = Vec::new();
    for _ in 0..3 {
        let answer = stack
            .ask("How did the ZEC price trend in January 2019?")
            .await
            .unwrap();
        assert_eq!(
            answer["status"], "completed",
            "the other sources answer it: {answer:#}"
        );
        warnings.push(answer["answer"]["warnings"].to_string());
    }
    let stopped = stack.stop().await.unwrap();

    assert!(
        warnings.iter().all(|warning| warning.contains("coinbase")),
        "{warnings:?}"
    );
    assert!(warnings[0].contains("500"), "{warnings:?}");
    assert!(
        !warnings[2].contains("500"),
        "the third is told that coinbase is not asked: {warnings:?}"
    );
    stopped.traces.iter().for_each(assert_one_trace);
    let asked = |trace: &chimera_traces::tree::Trace| {
        trace
            .spans()
            .iter()
            .filter(|span| span.attributes.get("server.port") == Some(&broken.port().into()))
            .count()
    };
    assert_eq!(
        stopped.traces.iter().map(asked).collect::<Vec<_>>(),
        [1, 1, 0],
        "the breaker opened"
    );
}

async fn without_its_main_source_a_question_fails_and_says_so(backends: Backends) {
    let broken = broken_source().await;
    let configure = move |config: &mut Config| {
        config.sources.coinmetrics.url = SourceUrl::http(&format!("http://{broken}")).unwrap();
        config.sources.coinmetrics.max_attempts = 1.try_into().unwrap();
    };
    let setup = Setup {
        configure: Some(Box::new(configure)),
        ..Setup::default()
    };
    let stack = Stack::start_with(backends, setup).await.unwrap();
    let answer = stack
        .ask("How did the ZEC price trend in January 2019?")
        .await
        .unwrap();
    assert_eq!(answer["status"], "failed", "{answer:#}");
    assert_eq!(answer["error"]["code"], "source_failed", "{answer:#}");
    let stopped = stack.stop().await.unwrap();
    assert_one_trace(stopped.only_trace());
}
