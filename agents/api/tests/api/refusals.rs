//! What is refused, and how.

use reqwest::{Method, RequestBuilder, StatusCode, header};
use serde_json::Value;

use crate::gateway::{Gateway, answer, text};

async fn check(request: RequestBuilder, status: u16, title: &str) -> Value {
    let response = request.send().await.unwrap();
    let (found, content_type) = (
        response.status().as_u16(),
        response.headers()[header::CONTENT_TYPE].clone(),
    );
    let traceparent = response
        .headers()
        .get("traceparent")
        .map(|value| value.to_str().unwrap().to_owned());
    let problem: Value = response.json().await.unwrap();
    assert_eq!(
        (found, text(&problem["title"])),
        (status, title),
        "{problem}"
    );
    assert_eq!(content_type, "application/problem+json");
    assert_eq!(problem["status"], status);
    assert!(text(&problem["type"]).starts_with("urn:chimera:problem:"));
    assert!(text(&problem["instance"]).starts_with('/'));
    assert!(!text(&problem["detail"]).is_empty());
    let trace_id = text(&problem["trace_id"]);
    assert!(
        traceparent.is_some_and(|traceparent| traceparent.contains(trace_id)),
        "{problem}"
    );
    problem
}

#[tokio::test]
async fn a_body_that_is_no_question_is_refused() {
    let api = Gateway::start().await;
    let post = |body: Vec<u8>| {
        api.request(Method::POST, "/api/queries")
            .header("content-type", "application/json")
            .body(body)
    };
    let malformed = "The request cannot be read";
    check(post(b"{\"query\": ".to_vec()), 400, malformed).await;
    check(post(Vec::new()), 400, malformed).await;
    check(post(b"{\"query\": \"\xc3\x28\"}".to_vec()), 400, malformed).await;
    let no_question = "The body is not a question";
    for body in [
        r#"{}"#,
        r#"[]"#,
        r#"null"#,
        r#"{"query": 1}"#,
        r#"{"query": ""}"#,
        r#"{"query": " "}"#,
        r#"{"query": "a\u0000b"}"#,
    ] {
        check(post(body.into()), 422, no_question).await;
    }
    let unknown = check(
        post(br#"{"query": "x", "when": 1}"#.to_vec()),
        422,
        no_question,
    )
    .await;
    assert!(
        text(&unknown["detail"]).contains("unknown field `when`, expected `query`"),
        "{unknown}"
    );
    let long = format!("{{\"query\": \"{}\"}}", "ä".repeat(2_001));
    check(post(long.into()), 422, no_question).await;
    check(
        post(vec![b' '; 64 * 1024 + 1]),
        413,
        "The body is too large",
    )
    .await;
    check(post(vec![b'x'; 10_000_000]), 413, "The body is too large").await;
    let plain = api.request(Method::POST, "/api/queries").body("{}");
    check(plain, 415, "The body must be JSON").await;
    let (_, page) = api.get("/api/queries").await;
    assert_eq!(
        page["queries"],
        Value::Array(Vec::new()),
        "what is refused is not stored"
    );
    api.stop().await;
}

#[tokio::test]
async fn a_question_may_be_as_long_as_it_says() {
    let api = Gateway::start().await;
    let (status, _) = answer(api.question(&"ä".repeat(2_000))).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    api.stop().await;
}

#[tokio::test]
async fn what_is_not_there_is_refused() {
    let api = Gateway::start().await;
    let get = |path: &str| api.request(Method::GET, path);
    let unknown = "/api/queries/01900000-0000-7000-8000-000000000000";
    let no_query = "There is no such query";
    check(get(unknown), 404, no_query).await;
    check(get(&format!("{unknown}/events")), 404, no_query).await;
    check(api.request(Method::DELETE, unknown), 404, no_query).await;
    check(get("/api/queries/42"), 404, no_query).await;
    check(get("/api/queries/%ff"), 404, no_query).await;
    check(get("/api/queries/a%00b"), 404, no_query).await;
    let nothing = check(get("/api/nothing?secret=x"), 404, "There is nothing here").await;
    assert_eq!(nothing["instance"], "/api/nothing");
    assert!(
        text(&nothing["detail"]).contains("POST /api/queries"),
        "{nothing}"
    );
    let check_parameters = async |parameters: &str, detail: &str| {
        let problem = check(
            get(&format!("/api/queries?{parameters}")),
            400,
            "The request cannot be read",
        )
        .await;
        assert!(text(&problem["detail"]).contains(detail), "{problem}");
    };
    check_parameters("limit=0", "`limit` is 0; it must be 1 to 100").await;
    check_parameters("limit=101", "`limit` is 101; it must be 1 to 100").await;
    check_parameters("limit=-1", "limit: invalid digit").await;
    check_parameters("limit=1&limit=2", "duplicate field `limit`").await;
    check_parameters("after=x", "`after` must be the id of a query").await;
    check_parameters(
        "status=done",
        "status: unknown variant `done`, expected one of `pending`",
    )
    .await;
    check_parameters(
        "order=up",
        "unknown field `order`, expected one of `status`, `limit`, `after`",
    )
    .await;
    api.stop().await;
}

#[tokio::test]
async fn a_method_that_is_not_there_is_refused_with_those_that_are() {
    let api = Gateway::start().await;
    let id = "01900000-0000-7000-8000-000000000000";
    let check_allowed = async |method: Method, path: &str, allowed: &str| {
        check(
            api.request(method.clone(), path),
            405,
            "The method is not allowed here",
        )
        .await;
        let response = api.request(method, path).send().await.unwrap();
        assert_eq!(response.headers()[header::ALLOW], allowed, "{path}");
    };
    check_allowed(Method::PUT, "/api/queries", "GET,HEAD,POST").await;
    check_allowed(
        Method::POST,
        &format!("/api/queries/{id}"),
        "GET,HEAD,DELETE",
    )
    .await;
    check_allowed(
        Method::DELETE,
        &format!("/api/queries/{id}/events"),
        "GET,HEAD",
    )
    .await;
    check_allowed(Method::POST, "/", "GET,HEAD").await;
    check_allowed(Method::from_bytes(b"BREW").unwrap(), "/", "GET,HEAD").await;
    api.stop().await;
}

#[tokio::test]
async fn one_question_too_many_is_told_to_come_back() {
    let api =
        Gateway::start_with(|config| config.max_concurrent_questions = 2.try_into().unwrap()).await;
    let first = api.ask("step").await;
    api.ask("step").await;
    check(api.question("third"), 429, "Too many questions are open").await;
    let refused = api.question("third").send().await.unwrap();
    assert_eq!(refused.headers()[header::RETRY_AFTER], "1");
    let (status, _) = api.cancel(&first).await;
    assert_eq!(status, StatusCode::OK);
    api.ask("third").await;
    api.step(8);
    api.stop().await;
}

#[tokio::test]
async fn a_question_that_nobody_takes_fails_at_once() {
    let api = Gateway::start_alone().await;
    let problem = check(
        api.question("is anybody there?"),
        503,
        "Not available at the moment",
    )
    .await;
    assert!(
        !problem.to_string().contains("queue"),
        "internals stay inside: {problem}"
    );
    let (_, page) = api.get("/api/queries").await;
    let query = &page["queries"][0];
    assert_eq!(
        (text(&query["status"]), text(&query["error"]["code"])),
        ("failed", "internal"),
        "{query}"
    );
    assert_eq!(query["trace_id"], problem["trace_id"]);
    api.stop().await;
}
