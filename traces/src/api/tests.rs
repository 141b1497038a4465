use std::time::Duration;

use axum::{body::Body, http::Request};
use opentelemetry_proto::tonic::trace::v1::TracesData;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::router;
use crate::{
    store::{Retention, Store},
    tree::{Trace, spans_from_otlp, spans_from_otlp_json},
};

const QUESTION: &str = include_str!("../../fixtures/question.json");
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const DAY: &str =
    "query.start_time_min=2026-11-21T00:00:00Z&query.start_time_max=2026-11-22T00:00:00Z";

/// A store with the trace of one question.
fn store() -> (Store, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let retention = Retention {
        age: Duration::MAX,
        ..Retention::default()
    };
    let store = Store::open_with(dir.path(), retention).unwrap();
    let traces: TracesData = serde_json::from_str(QUESTION).unwrap();
    store.write(&traces.resource_spans);
    (store, dir)
}

async fn get(store: &Store, path: &str) -> (u16, Vec<u8>) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = router(store.clone()).oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = axum::body::to_bytes(response.into_body(), usize::MAX)
        .await
        .unwrap();
    (status, body.to_vec())
}

async fn get_json(store: &Store, path: &str) -> (u16, Value) {
    let (status, body) = get(store, path).await;
    (status, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn services_and_operations() {
    let (store, _dir) = store();
    let services = json!({ "services": ["analysis_agent", "chimera-api", "data_retrieval_agent", "query_agent"] });
    assert_eq!(get_json(&store, "/api/v3/services").await, (200, services));
    let operations = json!({ "operations": [
        { "name": "process chimera.events:query.completed:chimera-api", "spanKind": "consumer" },
    ] });
    let path = "/api/v3/operations?service=chimera-api&span_kind=consumer";
    assert_eq!(get_json(&store, path).await, (200, operations));
    let (_, all) = get_json(&store, "/api/v3/operations?service=chimera-api").await;
    assert_eq!(all["operations"].as_array().unwrap().len(), 5);
    let none = json!({ "operations": [] });
    assert_eq!(
        get_json(&store, "/api/v3/operations?service=nobody").await,
        (200, none.clone())
    );
    assert_eq!(get_json(&store, "/api/v3/operations").await, (200, none));
}

/// The first span and the first consumer as a real Jaeger 2.13 answers them, but for the order of attributes.
#[tokio::test]
async fn a_trace_in_otlp_json() {
    let (store, _dir) = store();
    let (status, trace) = get_json(&store, &format!("/api/v3/traces/{TRACE}")).await;
    assert_eq!(status, 200);
    let api = trace["result"]["resourceSpans"]
        .as_array()
        .unwrap()
        .iter()
        .find(|resource| {
            resource["resource"]["attributes"][0]["value"]["stringValue"] == "chimera-api"
        })
        .unwrap();
    let spans = api["scopeSpans"][0]["spans"].as_array().unwrap();
    let of_kind = |kind: u64| spans.iter().find(|span| span["kind"] == kind).unwrap();
    insta::assert_json_snapshot!(json!({
        "resource": api["resource"], "scope": api["scopeSpans"][0]["scope"], "server": of_kind(2), "consumer": of_kind(5),
    }));
}

#[tokio::test]
async fn the_answer_is_the_trace_again() {
    let (store, _dir) = store();
    let (_, body) = get(&store, &format!("/api/v3/traces/{TRACE}")).await;
    let written: TracesData = serde_json::from_str(QUESTION).unwrap();
    let written = Trace::from_spans(spans_from_otlp(&written.resource_spans));
    let answered = Trace::from_spans(spans_from_otlp_json(&body).unwrap());
    assert_eq!(answered.spans(), written.spans());
    assert_eq!(answered.problems(), []);
}

#[tokio::test]
async fn searches() {
    let (store, _dir) = store();
    let check = async |parameters: &str, expected: usize| {
        let (status, answer) = get_json(&store, &format!("/api/v3/traces?{DAY}{parameters}")).await;
        assert_eq!(
            status,
            if expected == 0 { 404 } else { 200 },
            "{parameters}"
        );
        let resources = answer["result"]["resourceSpans"]
            .as_array()
            .map_or(0, Vec::len);
        assert_eq!(resources, expected, "{parameters}");
    };
    check("", 4).await;
    check("&query.service_name=query_agent&query.num_traces=5", 4).await;
    check("&query.serviceName=nobody", 0).await;
    check(
        "&query.operation_name=process_query&query.duration_min=40ms",
        4,
    )
    .await;
    check(
        "&query.operation_name=process_query&query.duration_min=1m",
        0,
    )
    .await;
    check("&query.attributes=%7B%22error%22%3A%22true%22%7D", 4).await;
    check(
        "&query.service_name=query_agent&query.attributes[error]=true",
        0,
    )
    .await;
    check("&query.attributes[http.response.status_code]=503", 4).await;
    check("&query.attributes[service.version]=0.1.0", 4).await;
    check("&query.attributes[service.version]=0.2.0", 0).await;
}

#[tokio::test]
async fn errors_in_jaegers_shape() {
    let (store, _dir) = store();
    let check = async |path: &str, status: u16, message: &str| {
        let error = json!({ "error": { "httpCode": status, "message": message } });
        assert_eq!(get_json(&store, path).await, (status, error), "{path}");
    };
    check(
        "/api/v3/traces/0af7651916cd43dd8448eb211c80319d",
        404,
        "No traces found",
    )
    .await;
    check(
        "/api/v3/traces/xyz",
        400,
        "malformed parameter trace_id: `xyz` is not 1 to 32 hex digits",
    )
    .await;
    check(
        "/api/v3/traces",
        400,
        "query.start_time_min and query.start_time_max are required",
    )
    .await;
    check(
        "/api/v3/traces?query.start_time_min=x&query.start_time_max=y",
        400,
        "malformed parameter query.start_time_min: `x` is not an RFC 3339 time such as 2026-11-21T10:00:00Z",
    )
    .await;
    let depth = "search depth must be greater than 0 and less than max traces (1500)";
    check(
        &format!("/api/v3/traces?{DAY}&query.num_traces=0"),
        400,
        depth,
    )
    .await;
    check(
        &format!("/api/v3/traces?{DAY}&query.search_depth=1501"),
        400,
        depth,
    )
    .await;
    check(
        &format!("/api/v3/traces?{DAY}&query.num_traces=x"),
        400,
        "malformed parameter query.num_traces: `x` is not a whole number",
    )
    .await;
    check(
        &format!("/api/v3/traces?{DAY}&query.duration_min=1"),
        400,
        "malformed parameter query.duration_min: `1` is not a duration such as 1.5ms or 1m30s",
    )
    .await;
    check(
        &format!("/api/v3/traces?{DAY}&query.attributes=x"),
        400,
        "malformed parameter query.attributes: not a JSON object such as {\"error\":\"true\"}",
    )
    .await;
}

/// As a real Jaeger 2.13 answers it, but that it forgets the schema URLs.
#[tokio::test]
async fn defaults_are_left_out_but_for_values() {
    let (store, _dir) = store();
    let text = |text: &str| json!({ "stringValue": text });
    let span = json!({
        "traceId": TRACE.replace('0', "f"), "spanId": "58039a0b228cf5ab", "name": "x",
        "startTimeUnixNano": "1795258440000000000", "endTimeUnixNano": "1795258440000000001",
        "attributes": [
            { "key": "empty", "value": text("") },
            { "key": "false", "value": { "boolValue": false } },
            { "key": "zero", "value": { "intValue": "0" } },
            { "key": "large", "value": { "intValue": "-9007199254740993" } },
            { "key": "list", "value": { "arrayValue": { "values": [{ "intValue": "0" }, text("")] } } },
            { "key": "none", "value": {} },
        ],
        "events": [{ "name": "e" }],
        "droppedEventsCount": 1,
        "status": { "code": 1 },
    });
    let traces = json!({ "resourceSpans": [{ "resource": {}, "scopeSpans": [{ "scope": {}, "spans": [span] }] }] });
    let written: TracesData = serde_json::from_value(traces.clone()).unwrap();
    store.write(&written.resource_spans);
    let path = format!("/api/v3/traces/{}", TRACE.replace('0', "f"));
    let answer = json!({ "result": traces });
    assert_eq!(get_json(&store, &path).await, (200, answer));
}
