//! InfluxDB goes and comes back, or is not what was expected.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    sync::Arc,
};

use chimera_servers::Store as _;

use super::*;

async fn works(daily: &Measurement) -> bool {
    let tags = Tags::new([("asset", "ZEC")]);
    let runs = vec![run(tags, "value", &[(1, 1.0)])];
    daily.write(runs).await.is_ok()
}

fn ranges() -> [Range; 1] {
    [all(Tags::new([("asset", "ZEC")]), "value")]
}

#[tokio::test]
async fn a_server_that_is_down_fails_what_is_asked_and_comes_back() {
    let server = Arc::new(blocking(InfluxDb::start).await);
    let store = store_at(&server.url());
    let daily = measurement(&store, "daily");
    assert!(works(&daily).await);
    let stopped = Arc::clone(&server);
    blocking(move || stopped.stop()).await;
    for _ in 0..3 {
        let error = daily.read(&ranges()).await.unwrap_err();
        assert!(error.is_transient());
        let line = error.to_string();
        assert!(line.contains(" InfluxDB at 127.0.0.1:"), "{line}");
        assert!(store.check().await.is_err());
    }
    let started = Arc::clone(&server);
    blocking(move || started.start_again()).await;
    eventually(|| works(&daily)).await;
    store.check().await.unwrap();
    let kept = daily.read(&ranges()).await.unwrap();
    assert_eq!(pairs(&kept[0]), [(1, 1.0)]);
}

#[tokio::test]
async fn a_server_that_hangs_is_not_waited_for_longer_than_configured() {
    let server = blocking(InfluxDb::start).await;
    let settings = InfluxDbSettings {
        timeout: Duration::from_millis(200),
        ..settings(&server.url())
    };
    let store = TimeSeries::influxdb(&settings).unwrap();
    let daily = measurement(&store, "daily");
    eventually(|| works(&daily)).await;
    server.pause();
    // A stopped clock may tick once more.
    eventually(|| async { daily.read(&ranges()).await.is_err() }).await;
    let error = daily.read(&ranges()).await.unwrap_err();
    assert_eq!(
        (error.error_type(), error.is_transient()),
        ("timeout", true)
    );
    server.resume();
    eventually(|| works(&daily)).await;
}

#[tokio::test]
async fn a_database_that_is_missing_is_made() {
    let url = blocking(|| InfluxDb::shared().url()).await;
    let base = url.rsplit_once('/').unwrap().0.to_owned();
    for name in ["checked", "written"] {
        let url = format!("{base}/{name}%20{}", uuid::Uuid::now_v7());
        let store = store_at(&url);
        let daily = measurement(&store, "daily");
        assert_eq!(daily.read(&ranges()).await.unwrap(), [vec![]]);
        if name == "checked" {
            store.check().await.unwrap();
        }
        assert!(works(&daily).await);
        let read = daily.read(&ranges()).await.unwrap();
        assert_eq!(pairs(&read[0]), [(1, 1.0)]);
    }
}

/// The URL of a server that answers with `status`, further headers, and `body`.
fn answering(status: &str, headers: &str, body: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status}\r\n{headers}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    // Answers what its test asks, and no more.
    std::thread::spawn(move || {
        if let Ok((mut stream, _)) = listener.accept() {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    format!("influxdb://ann:hunter2@{address}/market")
}

#[tokio::test]
async fn what_somebody_has_to_correct_is_one_line() {
    let check = async |url: String, expected: &str, kind: &str| {
        let error = store_at(&url).check().await.unwrap_err();
        assert_eq!((error.error_type(), error.is_transient()), (kind, false));
        let line = format!("{:#}", anyhow::Error::new(error));
        assert!(line.contains(expected), "{line}");
        assert!(!line.contains("hunter2"), "{line}");
    };
    let version = "X-Influxdb-Version: 1.6.7\r\n";
    let body = r#"{"error":"authorization failed"}"#;
    let refused = answering("401 Unauthorized", version, body);
    let expected = "refuses the user name and password of `timeseries.url`";
    check(refused, expected, "401").await;
    let forbidden = answering("403 Forbidden", version, r#"{"error":"no"}"#);
    check(forbidden, "does not let this user query", "403").await;
    for status in ["200 OK", "404 Not Found"] {
        let web = answering(status, "", "<html>");
        let expected = "is not InfluxDB: correct `timeseries.url`";
        check(web, expected, "not_influxdb").await;
    }
}
