//! Questions and their answers.

use reqwest::{Method, StatusCode, header};
use serde_json::Value;

use crate::gateway::{Gateway, answer, text};

#[tokio::test]
async fn a_question_is_taken_and_answered() {
    let api = Gateway::start().await;
    let response = api
        .question("what is the price of ZEC?")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    let location = response.headers()[header::LOCATION]
        .to_str()
        .unwrap()
        .to_owned();
    let traceparent = response.headers()["traceparent"]
        .to_str()
        .unwrap()
        .to_owned();
    let accepted: Value = response.json().await.unwrap();
    let id = text(&accepted["query_id"]);
    assert_eq!(location, format!("/api/queries/{id}"));
    assert_eq!(accepted["status"], "pending");
    assert!(traceparent.contains(text(&accepted["trace_id"])));
    let links = &accepted["_links"];
    assert_eq!(links["self"]["href"], location);
    assert_eq!(links["events"]["href"], format!("{location}/events"));
    assert_eq!(
        (&links["cancel"]["href"], text(&links["cancel"]["method"])),
        (&Value::from(location), "DELETE")
    );

    assert_eq!(api.end_of(id).await["status"], "completed");
    let query = api.query(id).await;
    assert_eq!(
        (text(&query["query_id"]), text(&query["status"])),
        (id, "completed")
    );
    assert_eq!(
        (&query["query"], &query["answer"]["text"]),
        (&Value::from("what is the price of ZEC?"), &query["query"])
    );
    assert_eq!(query["trace_id"], accepted["trace_id"]);
    api.stop().await;
}

#[tokio::test]
async fn who_prefers_to_wait_gets_the_answer() {
    let api =
        Gateway::start_with(|config| config.max_wait = std::time::Duration::from_secs(20)).await;
    let response = api
        .question("now?")
        .header("prefer", "respond-async, wait=600")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["preference-applied"], "wait=20");
    let location = response.headers()[header::CONTENT_LOCATION]
        .to_str()
        .unwrap()
        .to_owned();
    let query: Value = response.json().await.unwrap();
    assert_eq!(query["answer"]["text"], "now?");
    assert_eq!(api.get(&location).await.1, query);
    api.stop().await;
}

#[tokio::test]
async fn who_waits_too_shortly_is_told_where_to_look() {
    let api = Gateway::start().await;
    let response = api
        .question("step")
        .header("prefer", "wait=0")
        .send()
        .await
        .unwrap();
    assert_eq!(response.headers()["preference-applied"], "wait=0");
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    let response = api
        .question("step")
        .header("prefer", "wait=soon")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    assert!(!response.headers().contains_key("preference-applied"));
    api.step(8);
    api.stop().await;
}

#[tokio::test]
async fn an_end_whose_news_is_lost_is_found_all_the_same() {
    let api = Gateway::start().await;
    let (status, query) = answer(api.question("silent").header("prefer", "wait=1")).await;
    assert_eq!(
        (status, text(&query["status"])),
        (StatusCode::OK, "completed")
    );
    api.stop().await;
}

#[tokio::test]
async fn the_trace_of_the_client_goes_on() {
    let api = Gateway::start().await;
    let trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
    let traceparent = format!("00-{trace_id}-00f067aa0ba902b7-01");
    let (_, query) = answer(
        api.question("?")
            .header("traceparent", traceparent)
            .header("prefer", "wait=20"),
    )
    .await;
    assert_eq!(query["trace_id"], trace_id);
    api.stop().await;
}

#[tokio::test]
async fn many_questions_at_once_get_their_own_answers() {
    let api = Gateway::start().await;
    let questions: Vec<String> = (0..64).map(|n| format!("question {n}")).collect();
    let asked = questions
        .iter()
        .map(|question| answer(api.question(question).header("prefer", "wait=20")));
    for ((status, query), question) in futures_util::future::join_all(asked)
        .await
        .into_iter()
        .zip(&questions)
    {
        assert_eq!(
            (status, text(&query["answer"]["text"])),
            (StatusCode::OK, question.as_str()),
            "{query}"
        );
    }
    api.stop().await;
}

#[tokio::test]
async fn the_index_says_what_there_is() {
    let api = Gateway::start().await;
    let (status, index) = answer(api.request(Method::GET, "/")).await;
    assert_eq!(
        (status, text(&index["service"])),
        (StatusCode::OK, "chimera-api")
    );
    assert!(text(&index["example"]).starts_with("curl "), "{index}");
    api.stop().await;
}
