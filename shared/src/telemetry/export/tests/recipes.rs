//! The recipes of docs/telemetry.md: that their variables are read, and what then arrives where.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{Router, http::Uri};
use http::HeaderMap;

use super::*;
use crate::config::{LoadOptions, Loaded, load};

const DOCUMENT: &str = include_str!("../../../../../docs/telemetry.md");

/// The variables below the heading `name`.
fn recipe(name: &str) -> BTreeMap<String, String> {
    let (_, rest) = DOCUMENT.split_once(&format!("\n### {name}\n")).unwrap();
    let block = rest
        .split("```sh\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let pairs = block.lines().map(|line| line.split_once('=').unwrap());
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// What is made of variables; none of them may be in vain.
fn loaded(environment: BTreeMap<String, String>) -> Config {
    let directory = tempfile::tempdir().unwrap();
    let options = LoadOptions {
        config_file: None,
        flags: Vec::new(),
        environment,
        working_dir: directory.path().to_owned(),
        platform_data_dir: Some(directory.path().to_owned()),
    };
    let Loaded {
        config, warnings, ..
    } = load(&options).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    config
}

#[test]
fn every_recipe_is_read() {
    let names = DOCUMENT
        .lines()
        .filter_map(|line| line.strip_prefix("### "));
    for name in names {
        loaded(recipe(name));
    }
}

#[test]
fn each_recipe_says_where() {
    let check = |name: &str, protocol, urls: [&str; 3], headers: [&[(&str, &str)]; 3]| {
        let config = loaded(recipe(name));
        let signals = [Signal::Traces, Signal::Metrics, Signal::Logs];
        for ((signal, url), headers) in signals.into_iter().zip(urls).zip(headers) {
            let settings = config.telemetry.otlp.signal(signal);
            assert_eq!(settings.url.expose(), url, "{name}");
            assert_eq!(settings.protocol, protocol, "{name}");
            assert_eq!(settings.headers, Headers::for_test(headers), "{name}");
        }
        config
    };
    let grpc = OtlpProtocol::Grpc;
    let jaeger = check("Jaeger", grpc, ["http://jaeger:4317"; 3], [&[]; 3]);
    assert_eq!(jaeger.telemetry.exporters, [Exporter::Otlp]);
    check(
        "Tempo",
        OtlpProtocol::HttpProtobuf,
        [
            "http://tempo:4318/v1/traces",
            "http://tempo:4318/v1/metrics",
            "http://tempo:4318/v1/logs",
        ],
        [&[("x-scope-orgid", "team-a")], &[], &[]],
    );
    let gateway = "https://otlp-gateway-prod-eu-west-2.grafana.net/otlp/v1";
    check(
        "Grafana Cloud",
        OtlpProtocol::HttpProtobuf,
        [
            &format!("{gateway}/traces"),
            &format!("{gateway}/metrics"),
            &format!("{gateway}/logs"),
        ],
        [&[("authorization", "Basic MTIzNDU2OmdsY19leGFtcGxl")]; 3],
    );
    let collector = "An OpenTelemetry Collector";
    let collector = check(collector, grpc, ["http://collector:4317"; 3], [&[]; 3]);
    let settings = collector.telemetry.otlp.signal(Signal::Traces);
    assert_eq!(settings.compression, Compression::Gzip);
    let secure = "A Collector that asks for certificates";
    let secure = check(secure, grpc, ["https://collector:4317"; 3], [&[]; 3]);
    let settings = secure.telemetry.otlp.signal(Signal::Traces);
    assert_eq!(
        settings.certificate.unwrap().to_string_lossy(),
        "/etc/chimera/ca.pem"
    );
    assert!(settings.client_certificate.is_some() && settings.client_key.is_some());
    let zipkin = loaded(recipe("Zipkin")).telemetry;
    assert_eq!(zipkin.exporters, [Exporter::Zipkin]);
    assert_eq!(
        zipkin.zipkin.endpoint.expose(),
        "http://zipkin:9411/api/v2/spans"
    );
}

type Requests = Arc<Mutex<Vec<(String, HeaderMap)>>>;

/// Takes whatever comes, wherever it goes.
async fn gateway() -> (String, Requests, tokio::task::JoinHandle<()>) {
    let requests = Requests::default();
    let kept = Arc::clone(&requests);
    let take = async move |uri: Uri, headers: HeaderMap| {
        kept.lock().unwrap().push((uri.path().to_owned(), headers));
    };
    let app = Router::new().fallback(take);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (url, requests, server)
}

#[tokio::test]
async fn what_the_recipe_for_grafana_cloud_sends() {
    let (url, requests, server) = gateway().await;
    let mut environment = recipe("Grafana Cloud");
    let endpoint = environment.get_mut("OTEL_EXPORTER_OTLP_ENDPOINT").unwrap();
    *endpoint = endpoint.replace("https://otlp-gateway-prod-eu-west-2.grafana.net", &url);
    let config = loaded(environment);
    let exports = Exports::open(&config.telemetry, None, &Siblings::default()).unwrap();
    let (telemetry, _log) = Telemetry::with_exports_for_test("svc", exports);
    make_spans(&telemetry, 1);
    telemetry.metrics().consumed("chimera", None, "q");
    telemetry
        .root()
        .run(async { tracing::info!("a line") })
        .await;
    shut_down(&telemetry).await;
    server.abort();
    let requests = requests.lock().unwrap();
    let mut paths: Vec<_> = requests.iter().map(|(path, _)| path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(
        paths,
        ["/otlp/v1/logs", "/otlp/v1/metrics", "/otlp/v1/traces"]
    );
    for (_, headers) in requests.iter() {
        assert_eq!(headers["authorization"], "Basic MTIzNDU2OmdsY19leGFtcGxl");
        assert_eq!(headers["content-type"], "application/x-protobuf");
    }
}
