//! Stopping in mid-question.

use axum::{
    extract::{Request, State},
    middleware::{self, Next},
    response::Response,
};
use chimera_retrieval::recorded::{self, Recording};
use chimera_shared::config::{Config, SourceUrl};
use chimera_tests::{Backends, Stack, contract::assert_one_trace, stack::Setup};
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
};

/// Tells that a series is asked for, and lets it be answered once the gate is open.
async fn wait_at_gate(
    State((asked, mut open)): State<(mpsc::UnboundedSender<()>, watch::Receiver<bool>)>,
    request: Request,
    next: Next,
) -> Response {
    if request.uri().path().contains("timeseries") {
        asked.send(()).unwrap();
        open.wait_for(|open| *open).await.unwrap();
    }
    next.run(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_is_being_worked_on_is_answered_before_the_end() {
    let (asked, mut is_asked) = mpsc::unbounded_channel();
    let (open, is_open) = watch::channel(false);
    let gate = middleware::from_fn_with_state((asked, is_open), wait_at_gate);
    let router = recorded::router(Recording::bundled()).layer(gate);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // It ends with the test's runtime.
    drop(tokio::spawn(
        async move { axum::serve(listener, router).await },
    ));
    let configure = move |config: &mut Config| {
        config.sources.coinmetrics.url =
            SourceUrl::http(&format!("http://{address}/coinmetrics")).unwrap();
    };
    let setup = Setup {
        configure: Some(Box::new(configure)),
        ..Setup::default()
    };
    let stack = Stack::start_with(&Backends::default(), setup)
        .await
        .unwrap();

    let request = stack
        .client()
        .post(stack.url("/api/queries"))
        .header("prefer", "wait=30");
    let request = request
        .json(&serde_json::json!({ "query": "How did the ZEC price trend in January 2019?" }));
    let asking = tokio::spawn(request.send());
    is_asked.recv().await.unwrap();
    let stopping = tokio::spawn(stack.stop());
    open.send(true).unwrap();
    let answer: serde_json::Value = asking.await.unwrap().unwrap().json().await.unwrap();
    assert_eq!(answer["status"], "completed", "{answer:#}");
    let stopped = stopping.await.unwrap().unwrap();
    assert_one_trace(stopped.only_trace());
}
