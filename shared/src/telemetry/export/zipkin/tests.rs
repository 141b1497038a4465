//! What is posted, against the schema that Zipkin publishes: <https://zipkin.io/zipkin-api/zipkin2-api.yaml>.

use opentelemetry::trace::SpanKind;
use serde_json::Value;

use super::*;
use crate::telemetry::{KeyValue, SpanStart, Telemetry, keys};

fn is_id(text: &str, lengths: &[usize]) -> bool {
    lengths.contains(&text.len())
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        && text.bytes().any(|byte| byte != b'0')
}

/// `definitions/Span`: what is required, and the type and pattern of each property; no property is unknown.
fn check_span(span: &Value) {
    let span = span.as_object().unwrap();
    assert!(span.contains_key("traceId") && span.contains_key("id"));
    for (key, value) in span {
        let holds = match key.as_str() {
            "traceId" => is_id(value.as_str().unwrap(), &[16, 32]),
            "id" | "parentId" => is_id(value.as_str().unwrap(), &[16]),
            "name" => value.is_string(),
            "kind" => {
                ["CLIENT", "SERVER", "PRODUCER", "CONSUMER"].contains(&value.as_str().unwrap())
            }
            "timestamp" => value.is_u64(),
            "duration" => value.as_u64().unwrap() >= 1,
            "debug" | "shared" => value.is_boolean(),
            "localEndpoint" | "remoteEndpoint" => is_endpoint(value),
            "annotations" => value.as_array().unwrap().iter().all(is_annotation),
            "tags" => value.as_object().unwrap().values().all(Value::is_string),
            _ => false,
        };
        assert!(holds, "{key}: {value}");
    }
}

fn is_endpoint(endpoint: &Value) -> bool {
    let mut members = endpoint.as_object().unwrap().iter();
    members.all(|(key, value)| match key.as_str() {
        "serviceName" => value.is_string(),
        "ipv4" => value
            .as_str()
            .unwrap()
            .parse::<std::net::Ipv4Addr>()
            .is_ok(),
        "ipv6" => value
            .as_str()
            .unwrap()
            .parse::<std::net::Ipv6Addr>()
            .is_ok(),
        "port" => value.is_u64(),
        _ => false,
    })
}

fn is_annotation(annotation: &Value) -> bool {
    let members = annotation.as_object().unwrap();
    members.len() == 2 && members["timestamp"].is_u64() && members["value"].is_string()
}

fn posted(make: impl FnOnce(&Telemetry)) -> Value {
    let (telemetry, spans) = Telemetry::for_test("svc");
    make(&telemetry);
    let mut zipkin = Zipkin::new(
        &crate::config::Config::for_test("unused".as_ref())
            .telemetry
            .zipkin,
    )
    .unwrap();
    zipkin.service = "svc".to_owned();
    let body = zipkin.encode(&spans.get_finished_spans().unwrap()).unwrap();
    serde_json::from_slice(&body).unwrap()
}

#[test]
fn every_kind_of_span_is_as_the_schema_has_it() {
    let kinds = [
        (SpanKind::Client, Some("CLIENT")),
        (SpanKind::Server, Some("SERVER")),
        (SpanKind::Producer, Some("PRODUCER")),
        (SpanKind::Consumer, Some("CONSUMER")),
        (SpanKind::Internal, None),
    ];
    for (kind, expected) in kinds {
        let body = posted(|telemetry| {
            let parent = telemetry
                .root()
                .start(SpanStart::new(kind.clone(), "parent"));
            let start = SpanStart::new(SpanKind::Client, "child")
                .with(KeyValue::new("text", "t"))
                .with(KeyValue::new("flag", true))
                .with(KeyValue::new(
                    "list",
                    opentelemetry::Value::Array(vec![1_i64, 2].into()),
                ))
                .with(KeyValue::new(keys::SERVER_ADDRESS, "10.0.0.7"))
                .with(KeyValue::new(keys::SERVER_PORT, 6379));
            let child = parent.scope().start(start);
            child.event("bare", Vec::new());
            child.event("retry", vec![KeyValue::new("n", 2)]);
            child.fail("timeout", "no answer");
            child.end();
            parent.end();
        });
        let spans = body.as_array().unwrap();
        spans.iter().for_each(check_span);
        let (child, parent) = (&spans[0], &spans[1]);
        assert_eq!(parent["kind"].as_str(), expected);
        assert_eq!(child["parentId"], parent["id"]);
        assert_eq!(child["traceId"], parent["traceId"]);
        assert_eq!(child["localEndpoint"]["serviceName"], "svc");
        assert_eq!(child["remoteEndpoint"]["ipv4"], "10.0.0.7");
        assert_eq!(child["remoteEndpoint"]["port"], 6379);
        assert_eq!(child["tags"]["otel.status_code"], "ERROR");
        assert_eq!(child["tags"]["error"], "no answer");
        assert_eq!(child["tags"]["list"], "[1,2]");
        assert_eq!(child["annotations"][0]["value"], "bare");
        assert_eq!(child["annotations"][1]["value"], r#""retry": {"n":2}"#);
    }
}

#[test]
fn whom_a_client_called() {
    let remote = |attributes: &[(&'static str, &'static str)]| {
        let body = posted(|telemetry| {
            let start = attributes.iter().fold(
                SpanStart::new(SpanKind::Client, "call"),
                |start, (key, value)| start.with(KeyValue::new(*key, *value)),
            );
            telemetry.root().start(start).end();
        });
        check_span(&body[0]);
        body[0]["remoteEndpoint"].to_string()
    };
    let check = |attributes: &[_], expected: &str| assert_eq!(remote(attributes), expected);
    check(&[], "null");
    check(
        &[(keys::DB_NAMESPACE, "chimera")],
        r#"{"serviceName":"chimera"}"#,
    );
    check(
        &[
            (keys::DB_NAMESPACE, "chimera"),
            (keys::SERVER_ADDRESS, "::1"),
        ],
        r#"{"ipv6":"::1"}"#,
    );
    check(
        &[
            (keys::SERVER_ADDRESS, "db.example"),
            (keys::PEER_SERVICE, "exchange_api"),
        ],
        r#"{"serviceName":"exchange_api"}"#,
    );
}
