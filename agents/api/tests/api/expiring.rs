//! Queries that nobody ended in their time.

use std::time::Duration;

use reqwest::StatusCode;

use crate::{
    gateway::{Gateway, answer, text},
    query_agent::PLANTED,
};

#[tokio::test]
async fn who_waits_for_a_query_that_nobody_ends_hears_that_it_expired() {
    let api =
        Gateway::start_with(|config| config.question_timeout = Duration::from_millis(100)).await;
    let (status, query) = answer(api.question("ignore").header("prefer", "wait=20")).await;
    assert_eq!(
        (status, text(&query["status"])),
        (StatusCode::OK, "expired"),
        "{query}"
    );
    assert!(query["ended_at_ms"].as_u64() > query["expires_at_ms"].as_u64());
    let id = api.ask("ignore").await;
    assert_eq!(api.end_of(&id).await["status"], "expired");
    api.stop().await;
}

#[tokio::test]
async fn a_query_left_behind_is_expired_when_it_is_looked_at() {
    let api = Gateway::start().await;
    answer(api.question("plant").header("prefer", "wait=20")).await;
    let (_, pending) = api.get("/api/queries?status=pending").await;
    assert_eq!(pending["queries"].as_array().unwrap().len(), 0, "{pending}");
    let (_, expired) = api.get("/api/queries?status=expired").await;
    assert_eq!(expired["queries"][0]["query_id"], PLANTED);
    let (status, problem) = api.cancel(PLANTED).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(
        problem["detail"],
        "the query has expired, so there is nothing to cancel"
    );
    assert_eq!(api.query(PLANTED).await["status"], "expired");
    api.stop().await;
}
