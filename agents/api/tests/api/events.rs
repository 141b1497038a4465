//! Server-sent events.

use reqwest::{Method, Response, header};
use serde_json::{Value, json};

use crate::gateway::{Gateway, events_of};

/// Reads one event of the stream.
async fn next_event(stream: &mut Response) -> (String, Value) {
    let mut read = String::new();
    while !read.ends_with("\n\n") {
        read.push_str(std::str::from_utf8(&stream.chunk().await.unwrap().unwrap()).unwrap());
    }
    events_of(&read).remove(0)
}

fn stage(id: &str, status: &str, stage: Option<&str>) -> (String, Value) {
    (
        "stage".to_owned(),
        json!({ "query_id": id, "status": status, "stage": stage }),
    )
}

fn end(id: &str, status: &str) -> (String, Value) {
    (
        "end".to_owned(),
        json!({ "query_id": id, "status": status }),
    )
}

#[tokio::test]
async fn each_stage_is_told_from_where_the_query_stands_to_its_end() {
    let api = Gateway::start().await;
    let id = api.ask("step").await;
    let events = || {
        api.request(Method::GET, &format!("/api/queries/{id}/events"))
            .send()
    };
    let mut stream = events().await.unwrap();
    assert_eq!(stream.headers()[header::CONTENT_TYPE], "text/event-stream");
    assert_eq!(next_event(&mut stream).await, stage(&id, "pending", None));
    for name in ["understanding", "retrieval"] {
        api.step(1);
        assert_eq!(
            next_event(&mut stream).await,
            stage(&id, "processing", Some(name))
        );
    }
    let query = api.query(&id).await;
    assert_eq!(
        (&query["status"], &query["stage"]),
        (&json!("processing"), &json!("retrieval"))
    );

    let mut later = events().await.unwrap();
    assert_eq!(
        next_event(&mut later).await,
        stage(&id, "processing", Some("retrieval"))
    );
    drop(stream);
    api.step(1);
    assert_eq!(
        next_event(&mut later).await,
        stage(&id, "processing", Some("analysis"))
    );
    api.step(1);
    assert_eq!(next_event(&mut later).await, end(&id, "completed"));
    assert_eq!(later.chunk().await.unwrap(), None);
    assert_eq!(api.events(&id).await, [end(&id, "completed")]);
    api.stop().await;
}

#[tokio::test]
async fn a_cancelled_query_ends_its_stream() {
    let api = Gateway::start().await;
    let id = api.ask("step").await;
    let mut stream = api
        .request(Method::GET, &format!("/api/queries/{id}/events"))
        .send()
        .await
        .unwrap();
    assert_eq!(next_event(&mut stream).await, stage(&id, "pending", None));
    api.cancel(&id).await;
    assert_eq!(next_event(&mut stream).await, end(&id, "cancelled"));
    api.step(4);
    api.stop().await;
}
