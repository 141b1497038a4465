//! Backends that refuse: what is sent again, what is dropped, and what is said.

use tonic::Code;

use super::{receiver::Reply, *};
use crate::telemetry::LogBuffer;

/// Telemetry that exports by OTLP to `url`, and its log.
pub(super) fn exporting(
    protocol: OtlpProtocol,
    url_text: &str,
    change: impl FnOnce(&mut TelemetryConfig),
) -> (Telemetry, LogBuffer) {
    let mut config = config();
    config.telemetry.exporters = vec![Exporter::Otlp];
    config.telemetry.otlp.protocol = protocol;
    config.telemetry.otlp.endpoint = Some(url(url_text));
    change(&mut config.telemetry);
    let exports = Exports::open(&config.telemetry, None, &Siblings::default()).unwrap();
    Telemetry::with_exports_for_test("svc", exports)
}

/// Makes one span and waits until it was exported or dropped.
async fn export_one(telemetry: &Telemetry) -> ExporterHealth {
    make_spans(telemetry, 1);
    let flushed = telemetry.clone();
    tokio::task::spawn_blocking(move || flushed.flush())
        .await
        .unwrap();
    telemetry.exporters().remove(0)
}

/// How many requests a backend gets that answers the first one with `reply`, and whether the span arrived.
async fn after(protocol: OtlpProtocol, reply: Reply) -> (usize, bool) {
    let receiver = receiver::start_with(protocol, [reply]).await;
    let (telemetry, _log) = exporting(protocol, &receiver.url, |_| {});
    let health = export_one(&telemetry).await;
    let received = receiver.received();
    assert_eq!(health.exported, received.span_count() as u64);
    assert_eq!(health.exported + health.dropped, 1, "{health:?}");
    (received.headers.len(), health.exported == 1)
}

/// Source: <https://opentelemetry.io/docs/specs/otlp/#retryable-response-codes>.
#[tokio::test]
async fn each_status_of_http() {
    for status in [429, 502, 503, 504] {
        let reply = Reply::Http(status, None, "");
        assert_eq!(
            after(OtlpProtocol::HttpProtobuf, reply).await,
            (2, true),
            "{status}"
        );
    }
    for status in [400, 401, 403, 404, 405, 408, 413, 415, 500, 501, 505, 302] {
        let reply = Reply::Http(status, None, "");
        assert_eq!(
            after(OtlpProtocol::HttpJson, reply).await,
            (1, false),
            "{status}"
        );
    }
    // A wait that is longer than there is time: given up at once.
    let reply = Reply::Http(503, Some("3600"), "");
    assert_eq!(after(OtlpProtocol::HttpProtobuf, reply).await, (1, false));
    let reply = Reply::Http(429, Some("0"), "");
    assert_eq!(after(OtlpProtocol::HttpProtobuf, reply).await, (2, true));
}

/// Source: <https://opentelemetry.io/docs/specs/otlp/#failures>.
#[tokio::test]
async fn each_code_of_grpc() {
    let check = async |code, wait, expected| {
        let reply = Reply::Grpc(code, wait);
        assert_eq!(after(OtlpProtocol::Grpc, reply).await, expected, "{code:?}");
    };
    for code in [
        Code::Cancelled,
        Code::DeadlineExceeded,
        Code::Aborted,
        Code::OutOfRange,
        Code::Unavailable,
        Code::DataLoss,
    ] {
        check(code, None, (2, true)).await;
    }
    for code in [
        Code::Unknown,
        Code::InvalidArgument,
        Code::NotFound,
        Code::AlreadyExists,
        Code::PermissionDenied,
        Code::Unauthenticated,
        Code::FailedPrecondition,
        Code::Unimplemented,
        Code::Internal,
        Code::ResourceExhausted,
    ] {
        check(code, None, (1, false)).await;
    }
    // The server says when it will have recovered.
    check(
        Code::ResourceExhausted,
        Some(Duration::from_millis(10)),
        (2, true),
    )
    .await;
    check(
        Code::Unavailable,
        Some(Duration::from_millis(10)),
        (2, true),
    )
    .await;
    check(
        Code::Unavailable,
        Some(Duration::from_secs(3600)),
        (1, false),
    )
    .await;
}

#[tokio::test]
async fn a_part_that_is_rejected_is_not_sent_again() {
    for protocol in [
        OtlpProtocol::Grpc,
        OtlpProtocol::HttpProtobuf,
        OtlpProtocol::HttpJson,
    ] {
        let receiver = receiver::start_with(protocol, [Reply::Partly(1, "too old")]).await;
        let (telemetry, log) = exporting(protocol, &receiver.url, |_| {});
        make_spans(&telemetry, 2);
        let health = export_one(&telemetry).await;
        assert_eq!(
            (health.exported, health.dropped),
            (2, 1),
            "{protocol} {health:?}"
        );
        assert_eq!(receiver.received().headers.len(), 1);
        let log = log.text();
        assert!(
            log.contains("takes only a part") && log.contains("too old"),
            "{log}"
        );
    }
}

/// What is logged of a backend that answers like this. It is one line, with where and what to do.
async fn said(protocol: OtlpProtocol, reply: Reply, advice: &str) -> String {
    let receiver = receiver::start_with(protocol, [reply.clone(), reply]).await;
    let (telemetry, log) = exporting(protocol, &receiver.url, |telemetry| {
        telemetry.otlp.headers = Headers::for_test(&[("authorization", "Bearer hush-hush")]);
    });
    for _ in 0..2 {
        export_one(&telemetry).await;
    }
    let log = log.text();
    assert_eq!(log.lines().count(), 1, "{log}");
    let host = receiver.url.trim_start_matches("http://");
    assert!(
        log.contains("`otlp`") && log.contains(host) && log.contains(advice),
        "{log}"
    );
    assert!(!log.contains("hush"), "{log}");
    log
}

#[tokio::test]
async fn what_a_backend_says_is_repeated_without_our_secrets() {
    let http = async |status, text, advice| {
        said(
            OtlpProtocol::HttpProtobuf,
            Reply::Http(status, None, text),
            advice,
        )
        .await
    };
    let log = http(401, "invalid token hush-hush", "telemetry.otlp.headers").await;
    assert!(
        log.contains("401 Unauthorized: invalid token REDACTED"),
        "{log}"
    );
    let log = http(
        404,
        "404 page not found",
        "check the path in telemetry.otlp.endpoint",
    )
    .await;
    assert!(log.contains("404 Not Found: 404 page not found"), "{log}");
    http(413, "", "max_export_batch_size smaller").await;
    http(400, "{\"code\":3,\"message\":\"bad\"}", "check its version").await;
    http(500, "", "the backend's log").await;
    let page = "<html><body>Welcome to the proxy</body></html>";
    let log = http(200, page, "what answers there is a page for people").await;
    assert!(log.contains("it answered 200 with a page"), "{log}");

    let grpc = async |code, advice| said(OtlpProtocol::Grpc, Reply::Grpc(code, None), advice).await;
    let log = grpc(Code::Unauthenticated, "telemetry.otlp.headers").await;
    assert!(log.contains("Unauthenticated: as it was told"), "{log}");
    grpc(Code::ResourceExhausted, "sample less").await;
    grpc(Code::Unimplemented, "check the path").await;
}
