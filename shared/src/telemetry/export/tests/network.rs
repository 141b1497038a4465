//! Backends that are not there, not what was thought, or silent: nobody waits for them, and the log says what to do.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use super::{failing::exporting, receiver::Reply, *};

const EACH: [OtlpProtocol; 3] = [
    OtlpProtocol::Grpc,
    OtlpProtocol::HttpProtobuf,
    OtlpProtocol::HttpJson,
];

/// Something that accepts connections and never answers.
async fn black_hole() -> (SocketAddr, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let accepting = async move {
        let mut open = Vec::new();
        loop {
            open.push(listener.accept().await.unwrap());
        }
    };
    (address, tokio::spawn(accepting))
}

#[tokio::test]
async fn a_backend_that_is_not_there_costs_its_own_spans_only() {
    for protocol in EACH {
        let mut config = config();
        config.telemetry.otlp.protocol = protocol;
        config.telemetry.otlp.timeout = Duration::from_millis(200);
        // Reserved, and nobody listens there.
        config.telemetry.otlp.endpoint = Some(url("http://127.0.0.1:1"));
        let telemetry = build(&config);
        make_spans(&telemetry, 5);
        shut_down(&telemetry).await;
        let health = &telemetry.exporters()[0];
        assert_eq!(
            (health.exported, health.dropped, health.queued),
            (0, 5, 0),
            "{health:?}"
        );
        let cause = health.last_error.as_deref().unwrap_or_default();
        assert!(
            health.is_failing && cause.contains("Connection refused"),
            "{cause}"
        );
        let kept = telemetry.memory().unwrap().get_finished_spans().unwrap();
        assert_eq!(kept.len(), 5);
    }
}

/// Something that answers whatever comes with `answer`.
async fn speaker(answer: &'static [u8]) -> (SocketAddr, tokio::task::JoinHandle<()>) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let speaking = async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut heard = [0; 1024];
            let _ = stream.read(&mut heard).await;
            let _ = stream.write_all(answer).await;
        }
    };
    (address, tokio::spawn(speaking))
}

/// The one line that is logged of a backend at `url`, which never takes anything.
async fn said(protocol: OtlpProtocol, url: &str) -> String {
    let (telemetry, log) = exporting(protocol, url, |telemetry| {
        telemetry.otlp.timeout = Duration::from_millis(300);
    });
    for _ in 0..3 {
        make_spans(&telemetry, 10);
        let flushed = telemetry.clone();
        tokio::task::spawn_blocking(move || flushed.flush())
            .await
            .unwrap();
    }
    let health = &telemetry.exporters()[0];
    assert_eq!(
        (health.exported, health.dropped, health.queued),
        (0, 30, 0),
        "{health:?}"
    );
    let log = log.text();
    assert_eq!(log.lines().count(), 1, "{log}");
    log
}

#[tokio::test]
async fn nobody_there() {
    for protocol in EACH {
        let log = said(protocol, "http://me:hush@127.0.0.1:1").await;
        assert!(log.contains("Connection refused"), "{log}");
        assert!(log.contains("check that the backend runs"), "{log}");
        assert!(
            log.contains("REDACTED@127.0.0.1:1") && !log.contains("hush"),
            "{log}"
        );
    }
}

#[tokio::test]
async fn no_such_host() {
    for protocol in EACH {
        let log = said(protocol, "http://no-such-host.invalid:4318").await;
        assert!(log.contains("no-such-host.invalid:4318"), "{log}");
        assert!(log.contains("check that the backend runs"), "{log}");
    }
}

#[tokio::test]
async fn the_wrong_port_for_the_protocol() {
    let http = receiver::start(OtlpProtocol::HttpProtobuf).await;
    let log = said(OtlpProtocol::Grpc, &http.url).await;
    assert!(log.contains("no gRPC server answers there"), "{log}");

    let bad = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n";
    let (address, speaking) = speaker(bad).await;
    let log = said(OtlpProtocol::Grpc, &format!("http://{address}")).await;
    assert!(log.contains("no gRPC server answers there"), "{log}");
    speaking.abort();

    let grpc = receiver::start(OtlpProtocol::Grpc).await;
    let log = said(OtlpProtocol::HttpProtobuf, &grpc.url).await;
    assert!(log.contains("no HTTP server answers there"), "{log}");
}

#[tokio::test]
async fn the_wrong_path() {
    let http = receiver::start(OtlpProtocol::HttpProtobuf).await;
    let log = said(OtlpProtocol::HttpProtobuf, &format!("{}/otlp", http.url)).await;
    assert!(
        log.contains("404 Not Found") && log.contains("/otlp/v1/traces"),
        "{log}"
    );
    assert!(
        log.contains("check the path in telemetry.otlp.endpoint"),
        "{log}"
    );
}

#[tokio::test]
async fn plain_text_where_tls_is_expected() {
    let http = receiver::start(OtlpProtocol::HttpProtobuf).await;
    for protocol in EACH {
        let log = said(protocol, &http.url.replace("http:", "https:")).await;
        assert!(
            log.contains("telemetry.otlp.certificate"),
            "{protocol}: {log}"
        );
    }
}

#[tokio::test]
async fn a_black_hole() {
    let (address, accepting) = black_hole().await;
    for protocol in EACH {
        let log = said(protocol, &format!("http://{address}")).await;
        assert!(log.contains("no answer within 300ms"), "{log}");
        assert!(log.contains("raise telemetry.otlp.timeout"), "{log}");
    }
    accepting.abort();
}

#[tokio::test]
async fn one_that_is_silent_holds_up_neither_others_nor_the_end() {
    let silent = receiver::start_with(OtlpProtocol::HttpProtobuf, vec![Reply::Never; 100]).await;
    let other = receiver::start(OtlpProtocol::Grpc).await;
    let mut config = config();
    config.telemetry.exporters = vec![Exporter::Otlp, Exporter::Jaeger];
    config.telemetry.otlp.endpoint = Some(url(&silent.url));
    config.telemetry.jaeger.endpoint = url(&other.url);
    config.telemetry.batch.max_queue_size = 64.try_into().unwrap();
    let telemetry = build(&config);
    for _ in 0..50 {
        make_spans(&telemetry, 10);
        tokio::task::yield_now().await;
    }
    let jaeger = |telemetry: &Telemetry| telemetry.exporters().remove(1);
    let deadline = std::time::Instant::now() + LIMIT;
    while jaeger(&telemetry).queued > 0 {
        assert!(
            std::time::Instant::now() < deadline,
            "{:?}",
            jaeger(&telemetry)
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let health = telemetry.exporters();
    // Bounded: what waits, and the batch that is under way.
    assert!(health[0].queued <= 2 * 64, "{health:?}");
    assert_eq!(health[0].queued + health[0].dropped, 500, "{health:?}");
    assert!(
        health[1].exported > 0 && !health[1].is_failing,
        "{health:?}"
    );
    shut_down_within(&telemetry, Duration::from_millis(200)).await;
    let health = telemetry.exporters().remove(0);
    assert_eq!((health.dropped, health.queued), (500, 0), "{health:?}");
}

#[tokio::test]
async fn at_the_end_each_exporter_has_the_whole_time() {
    let silent = receiver::start_with(OtlpProtocol::HttpProtobuf, vec![Reply::Never; 100]).await;
    let other = receiver::start(OtlpProtocol::Grpc).await;
    let mut config = config();
    config.telemetry.exporters = vec![Exporter::Otlp, Exporter::Jaeger];
    config.telemetry.otlp.endpoint = Some(url(&silent.url));
    config.telemetry.jaeger.endpoint = url(&other.url);
    // Nothing is sent before the end.
    config.telemetry.batch.schedule_delay = Duration::from_secs(3600);
    let telemetry = build(&config);
    make_spans(&telemetry, 10);
    // The first one uses up all of it.
    shut_down_within(&telemetry, Duration::from_secs(2)).await;
    let health = telemetry.exporters();
    assert_eq!((health[0].dropped, health[0].queued), (10, 0), "{health:?}");
    assert_eq!(
        (health[1].exported, health[1].dropped),
        (10, 0),
        "{health:?}"
    );
    assert_eq!(other.received().span_count(), 10);
}
