//! Spans by the conventions for Redis.
//!
//! Source: <https://opentelemetry.io/docs/specs/semconv/database/redis/>.

use chimera_shared::cache::Shown;

use super::*;

#[tokio::test]
async fn spans_and_metrics_say_what_was_asked_where_and_what_became_of_it() {
    let url = shared_url().await;
    let port = url.rsplit(':').next().unwrap().to_owned();
    let (telemetry, spans) = Telemetry::for_test("data_retrieval_agent");
    let keys = Keys {
        shown: Shown::InSpans,
        ..keys()
    };
    let prefix = keys.prefix.clone();
    let cache = Cache::redis(&settings(&format!("{url}/2")), keys).unwrap();
    let cache = cache.scoped(&telemetry.root());
    cache.get::<u8>("key").await.unwrap();
    cache.set("key", "a secret value", MINUTE).await.unwrap();
    cache.get::<String>("key").await.unwrap();
    cache.delete("key").await.unwrap();
    let shown = spans.get_finished_spans().unwrap();
    let shown: Vec<_> = shown
        .iter()
        .map(|span| {
            let attributes = span.attributes.iter();
            let attributes: Vec<_> = attributes
                .map(|attribute| format!("{}={}", attribute.key, attribute.value))
                .collect();
            format!(
                "{:?} {}: {}",
                span.span_kind,
                span.name,
                attributes.join(" ")
            )
        })
        .collect();
    let line = |command: &str, text: &str, hit: &str| {
        format!(
            "Client {command}: db.system.name=redis db.namespace=2 db.operation.name={command} \
             db.query.text={command} {prefix}key{text} server.address=127.0.0.1 server.port={port}{hit} \
             network.peer.address=127.0.0.1 network.peer.port={port}"
        )
    };
    let expected = [
        line("GET", "", " chimera.cache.hit=false"),
        line("SET", " ?", ""),
        line("GET", "", " chimera.cache.hit=true"),
        line("DEL", "", ""),
    ];
    assert_eq!(shown, expected);
    let metrics = telemetry.metrics().prometheus();
    assert!(metrics.contains("db_system_name=\"redis\""), "{metrics}");
    assert!(!metrics.contains("secret"));
}

#[tokio::test]
async fn a_refusal_has_its_code() {
    let redis = blocking(|| Redis::start_with(&["--requirepass", "hunter2"])).await;
    let (telemetry, spans) = Telemetry::for_test("data_retrieval_agent");
    let cache = cache_at(&redis.url().replace("://", "://:wrong@"));
    let cache = cache.scoped(&telemetry.root());
    cache.get::<u8>("key").await.unwrap_err();
    let span = spans.get_finished_spans().unwrap().remove(0);
    let value = |key: &str| {
        let mut attributes = span.attributes.iter();
        let found = attributes.find(|attribute| attribute.key.as_str() == key);
        found.map(|attribute| attribute.value.to_string())
    };
    assert_eq!(
        value("db.response.status_code").as_deref(),
        Some("WRONGPASS")
    );
    assert_eq!(value("error.type").as_deref(), Some("WRONGPASS"));
    assert_eq!(value("chimera.cache.hit"), None);
    assert!(!format!("{span:?}").contains("wrong@"));
}
