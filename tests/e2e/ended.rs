//! Questions that end without an answer.

use std::time::Duration;

use chimera_questions::{
    Ticker,
    messages::{DATA_RETRIEVAL_CATALOG, DescribeData},
};
use chimera_shared::{BaseAgent, Context, HandleError};
use chimera_tests::{Backends, Stack, contract::assert_one_trace, stack::Setup};
use serde_json::{Value, json};
use tokio::sync::mpsc;

crate::on_each_backend! {
    what_cannot_be_answered_says_why_in_one_trace,
    a_cancelled_question_stops_and_stays_cancelled,
    a_question_whose_time_is_over_expires,
}

async fn what_cannot_be_answered_says_why_in_one_trace(backends: Backends) {
    let stack = Stack::start(backends).await.unwrap();
    let check = async |question: &str, status: &str, code: Option<&str>| {
        let answer = stack.ask(question).await.unwrap();
        assert_eq!(answer["status"], status, "{question}: {answer:#}");
        assert_eq!(
            answer["error"]["code"].as_str(),
            code,
            "{question}: {answer:#}"
        );
    };
    check(
        "What is the capital of France?",
        "failed",
        Some("off_topic"),
    )
    .await;
    check("price of XMR in 2018", "failed", Some("unknown_asset")).await;
    check("ZEC price in 2012", "failed", Some("no_data")).await;
    check("compare ZEC and BTC in 2018", "failed", Some("not_yet")).await;
    let stopped = stack.stop().await.unwrap();
    assert_eq!(stopped.traces.len(), 4);
    stopped.traces.iter().for_each(assert_one_trace);
}

async fn a_cancelled_question_stops_and_stays_cancelled(backends: Backends) {
    let (asked, mut is_asked) = mpsc::channel(1);
    let stack = Stack::start_with(backends, stuck(asked)).await.unwrap();
    let accepted = stack
        .post("/api/queries", &json!({ "query": "ZEC price" }))
        .await
        .unwrap();
    is_asked.recv().await.unwrap();
    let url = stack.url(accepted["_links"]["cancel"]["href"].as_str().unwrap());
    let cancelled: Value = stack
        .client()
        .delete(&url)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(cancelled["status"], "cancelled", "{cancelled:#}");
    // Not left to its timeout: the work ends because of the cancellation.
    let process = stack
        .ended(|span| span.name.starts_with("process ") && span.name.ends_with(":query_agent"));
    let process = process.await.unwrap();
    assert_eq!(process.attributes.text("chimera.outcome"), Some("ack"));
    assert_eq!(process.trace_id, accepted["trace_id"]);
    let again: Value = stack
        .client()
        .delete(&url)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(again["status"], 409, "{again:#}");
    stack.stop().await.unwrap();
}

async fn a_question_whose_time_is_over_expires(backends: Backends) {
    let (asked, _is_asked) = mpsc::channel(1);
    let mut setup = stuck(asked);
    setup.configure = Some(Box::new(|config| {
        config.api.question_timeout = Duration::from_millis(600);
        config.agent.grace = Duration::ZERO;
    }));
    let stack = Stack::start_with(backends, setup).await.unwrap();
    let answer = stack.ask("ZEC price").await.unwrap();
    assert_eq!(answer["status"], "expired", "{answer:#}");
    stack.stop().await.unwrap();
}

/// A stack whose question about data is taken by an agent that never answers. (Its queue competes with none: the
/// application's own agent is not told about that key.)
fn stuck(asked: mpsc::Sender<()>) -> Setup {
    let never = move |_: Context, _: DescribeData| {
        let asked = asked.clone();
        async move {
            // The test may have stopped listening.
            let _ = asked.send(()).await;
            std::future::pending::<()>().await;
            Ok::<Ticker, HandleError>(Ticker::new("ZEC"))
        }
    };
    let agent = BaseAgent::new("data_retrieval_agent").on(DATA_RETRIEVAL_CATALOG, never);
    Setup {
        replace: vec![agent],
        ..Setup::default()
    }
}
