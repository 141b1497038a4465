//! Pages of queries.

use reqwest::StatusCode;
use serde_json::Value;

use crate::gateway::{Gateway, answer, text};

async fn all(api: &Gateway, path: &str) -> Vec<Vec<Value>> {
    let (mut pages, mut path) = (Vec::new(), path.to_owned());
    loop {
        let (status, mut page) = api.get(&path).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        let Value::Array(queries) = page["queries"].take() else {
            panic!("{page}")
        };
        pages.push(queries);
        match &page["_links"]["next"]["href"] {
            Value::String(next) => path.clone_from(next),
            _ => return pages,
        }
    }
}

#[tokio::test]
async fn pages_lead_to_the_end_newest_first() {
    let api = Gateway::start().await;
    for n in 0..7 {
        answer(
            api.question(&format!("question {n}"))
                .header("prefer", "wait=20"),
        )
        .await;
    }
    let check = async |path: &str, sizes: &[usize]| {
        let pages = all(&api, path).await;
        let found: Vec<usize> = pages.iter().map(Vec::len).collect();
        assert_eq!(found, sizes, "{path}");
        pages.concat()
    };
    let queries = check("/api/queries?limit=3", &[3, 3, 1]).await;
    let texts: Vec<_> = queries.iter().map(|query| text(&query["query"])).collect();
    let expected: Vec<_> = (0..7).rev().map(|n| format!("question {n}")).collect();
    assert_eq!(texts, expected);
    assert!(
        queries.iter().all(|query| query.get("answer").is_none()),
        "a list has no answers"
    );
    check("/api/queries", &[7]).await;
    check("/api/queries?limit=7", &[7]).await;
    check("/api/queries?limit=1&status=completed", &[1; 7]).await;
    check("/api/queries?status=failed", &[0]).await;
    api.stop().await;
}

#[tokio::test]
async fn queries_are_found_by_how_they_stand_now() {
    let api = Gateway::start().await;
    let worked_on = api.ask("step").await;
    let pending = api.ask("ignore").await;
    let mut stream = api
        .request(
            reqwest::Method::GET,
            &format!("/api/queries/{worked_on}/events"),
        )
        .send()
        .await
        .unwrap();
    stream.chunk().await.unwrap();
    api.step(1);
    stream.chunk().await.unwrap();
    let check = async |status: &str, expected: &[&str]| {
        let pages = all(&api, &format!("/api/queries?limit=1&status={status}"))
            .await
            .concat();
        let found: Vec<_> = pages.iter().map(|query| text(&query["query_id"])).collect();
        assert_eq!(found, expected, "{status}");
    };
    check("processing", &[&worked_on]).await;
    check("pending", &[&pending]).await;
    check("completed", &[]).await;
    api.step(3);
    assert_eq!(stream.chunk().await.unwrap().map(|_| ()), Some(()));
    drop(stream);
    api.stop().await;
}
