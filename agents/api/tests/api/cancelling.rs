//! Cancelling queries.

use reqwest::StatusCode;

use crate::gateway::{Gateway, answer, text};

#[tokio::test]
async fn a_query_is_cancelled_once() {
    let api = Gateway::start().await;
    let id = api.ask("step").await;
    let (status, cancelled) = api.cancel(&id).await;
    assert_eq!(
        (status, text(&cancelled["status"])),
        (StatusCode::OK, "cancelled")
    );
    assert!(cancelled["ended_at_ms"].is_u64());
    assert_eq!(api.query(&id).await, cancelled);

    let (status, problem) = api.cancel(&id).await;
    assert_eq!(
        (status, text(&problem["title"])),
        (StatusCode::CONFLICT, "The query has already ended")
    );
    assert_eq!(
        problem["detail"],
        "the query is cancelled already, so there is nothing to cancel"
    );
    api.step(4);
    api.stop().await;
}

#[tokio::test]
async fn a_cancelled_query_stays_cancelled_when_the_answer_comes() {
    let api = Gateway::start().await;
    let id = api.ask("step").await;
    api.cancel(&id).await;
    api.step(4);
    // Questions are taken in order, so that the answer to the first is there when the second has its own.
    answer(api.question("next").header("prefer", "wait=20")).await;
    assert_eq!(api.query(&id).await["status"], "cancelled");
    api.stop().await;
}

#[tokio::test]
async fn an_answered_query_cannot_be_cancelled() {
    let api = Gateway::start().await;
    let (_, query) = answer(api.question("now?").header("prefer", "wait=20")).await;
    let (status, problem) = api.cancel(text(&query["query_id"])).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(
        problem["detail"],
        "the query is completed; its answer is there, so there is nothing to cancel"
    );
    api.stop().await;
}

#[tokio::test]
async fn who_waits_hears_that_the_query_is_cancelled() {
    let api = Gateway::start().await;
    let waiting = answer(api.question("step").header("prefer", "wait=20"));
    let cancelling = async {
        loop {
            let (_, page) = api.get("/api/queries").await;
            if let Some(query) = page["queries"].get(0) {
                return api.cancel(text(&query["query_id"])).await;
            }
        }
    };
    let ((status, query), _) = tokio::join!(waiting, cancelling);
    assert_eq!(
        (status, text(&query["status"])),
        (StatusCode::OK, "cancelled")
    );
    api.step(4);
    api.stop().await;
}
