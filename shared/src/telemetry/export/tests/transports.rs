//! What arrives, by each protocol.

use super::*;

const PROTOCOLS: [OtlpProtocol; 3] = [
    OtlpProtocol::Grpc,
    OtlpProtocol::HttpProtobuf,
    OtlpProtocol::HttpJson,
];

async fn check_transport(protocol: OtlpProtocol, compression: Compression) {
    let receiver = receiver::start(protocol).await;
    let mut config = config();
    let otlp = &mut config.telemetry.otlp;
    otlp.protocol = protocol;
    otlp.compression = compression;
    otlp.endpoint = Some(url(&receiver.url));
    otlp.headers = Headers::for_test(&[("x-tenant", "seven")]);
    let telemetry = build(&config);
    make_spans(&telemetry, 3);
    shut_down(&telemetry).await;

    let health = &telemetry.exporters()[0];
    assert_eq!((health.exported, health.dropped), (3, 0), "{health:?}");
    let received = receiver.received();
    assert_eq!(received.is_packed(), compression == Compression::Gzip);
    assert_eq!(received.services(), ["svc"]);
    assert_eq!(received.span_count(), 3);
    assert_eq!(received.headers[0]["x-tenant"], "seven");
    let agent = received.headers[0]["user-agent"].to_str().unwrap();
    let exporter = concat!(" OTel-OTLP-Exporter-Rust/", env!("CARGO_PKG_VERSION"));
    assert!(
        agent.starts_with("chimera/") && agent.contains(exporter),
        "{agent}"
    );
    // What arrived is what others were given.
    let kept = telemetry.memory().unwrap().get_finished_spans().unwrap();
    let arrived = &received.traces[0].resource_spans[0].scope_spans[0].spans;
    for (kept, arrived) in kept.iter().zip(arrived) {
        assert_eq!(arrived.trace_id, kept.span_context.trace_id().to_bytes());
        assert_eq!(arrived.span_id, kept.span_context.span_id().to_bytes());
        assert_eq!(arrived.name, kept.name);
    }
}

#[tokio::test]
async fn otlp_by_each_protocol() {
    for protocol in PROTOCOLS {
        check_transport(protocol, Compression::None).await;
        check_transport(protocol, Compression::Gzip).await;
    }
}

#[tokio::test]
async fn jaeger_takes_otlp_and_gets_no_header_of_another_backend() {
    let receiver = receiver::start(OtlpProtocol::Grpc).await;
    let mut config = config();
    config.telemetry.exporters = vec![Exporter::Jaeger];
    config.telemetry.jaeger.endpoint = url(&receiver.url);
    config.telemetry.otlp.headers =
        Headers::for_test(&[("authorization", "Bearer not-for-jaeger")]);
    let exports = Exports::open(&config.telemetry, None, &Siblings::default()).unwrap();
    let (telemetry, log) = Telemetry::with_exports_for_test("svc", exports);
    let said = log.text();
    assert!(
        said.lines().count() == 1 && said.contains("gone from Jaeger 2"),
        "{said}"
    );
    make_spans(&telemetry, 2);
    shut_down(&telemetry).await;
    let received = receiver.received();
    assert_eq!(
        (received.span_count(), received.services()),
        (2, vec!["svc".to_owned()])
    );
    assert!(received.headers[0].get("authorization").is_none());
}

#[tokio::test]
async fn several_exporters_each_get_everything() {
    let (otlp, jaeger) = (
        receiver::start(OtlpProtocol::HttpJson).await,
        receiver::start(OtlpProtocol::Grpc).await,
    );
    let dir = tempfile::tempdir().unwrap();
    let mut config = config();
    config.telemetry.exporters = vec![
        Exporter::Otlp,
        Exporter::Jaeger,
        Exporter::File,
        Exporter::Otlp,
    ];
    config.telemetry.otlp.protocol = OtlpProtocol::HttpJson;
    config.telemetry.otlp.endpoint = Some(url(&otlp.url));
    config.telemetry.jaeger.endpoint = url(&jaeger.url);
    let file = dir.path().join("traces.jsonl");
    config.telemetry.file.path = Some(file.clone());
    let telemetry = build(&config);
    make_spans(&telemetry, 4);
    shut_down(&telemetry).await;
    assert_eq!(otlp.received().span_count(), 4);
    assert_eq!(jaeger.received().span_count(), 4);
    assert_eq!(
        std::fs::read_to_string(file)
            .unwrap()
            .matches("\"spanId\"")
            .count(),
        4
    );
    let health = telemetry.exporters();
    let names: Vec<_> = health.iter().map(|health| health.exporter).collect();
    assert_eq!(names, ["otlp", "jaeger", "file"]);
    assert!(
        health
            .iter()
            .all(|health| (health.exported, health.queued) == (4, 0))
    );
}

#[tokio::test]
async fn zipkin_gets_json() {
    use axum::{Json, Router, extract::State, routing::post};
    type Inbox = std::sync::Arc<std::sync::Mutex<Vec<serde_json::Value>>>;
    let inbox = Inbox::default();
    let take = async |State(inbox): State<Inbox>, Json(spans): Json<Vec<serde_json::Value>>| {
        inbox.lock().unwrap().extend(spans);
        http::StatusCode::ACCEPTED
    };
    let app = Router::new()
        .route("/api/v2/spans", post(take))
        .with_state(inbox.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });

    let mut config = config();
    config.telemetry.exporters = vec![Exporter::Zipkin];
    config.telemetry.zipkin.endpoint = url(&format!("http://{address}/api/v2/spans"));
    let telemetry = build(&config);
    make_spans(&telemetry, 3);
    shut_down(&telemetry).await;
    server.abort();
    let health = &telemetry.exporters()[0];
    assert_eq!(
        (health.exporter, health.exported),
        ("zipkin", 3),
        "{health:?}"
    );
    let spans = inbox.lock().unwrap();
    assert_eq!(spans.len(), 3);
    assert_eq!(spans[0]["localEndpoint"]["serviceName"], "svc");
}
