use opentelemetry::trace::Status;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SpanData};

use super::*;
use crate::telemetry::Telemetry;

const MINUTE: Duration = Duration::from_secs(60);

fn cache(max_bytes: u64, keys: Keys) -> (Cache, ScopedCache, InMemorySpanExporter) {
    let (telemetry, spans) = Telemetry::for_test("data_retrieval_agent");
    let cache = Cache::embedded(max_bytes, keys);
    let scoped = cache.scoped(&telemetry.root());
    (cache, scoped, spans)
}

#[tokio::test(start_paused = true)]
async fn a_value_is_there_for_its_lifetime() {
    let (_, cache, _) = cache(1_000_000, Keys::default());
    cache.set("ZEC", 56.43, MINUTE).await.unwrap();
    cache.set("BTC", "a word", MINUTE * 2).await.unwrap();
    tokio::time::advance(MINUTE - Duration::from_millis(1)).await;
    assert_eq!(cache.get("ZEC").await.unwrap(), Some(56.43));
    tokio::time::advance(Duration::from_millis(1)).await;
    assert_eq!(cache.get::<f64>("ZEC").await.unwrap(), None);
    assert!(!cache.delete("ZEC").await.unwrap());
    // Setting it again gives it a new lifetime.
    cache.set("BTC", "another", MINUTE * 2).await.unwrap();
    tokio::time::advance(MINUTE).await;
    assert_eq!(cache.get("BTC").await.unwrap(), Some("another".to_owned()));
    assert!(cache.delete("BTC").await.unwrap());
    assert_eq!(cache.get::<String>("BTC").await.unwrap(), None);
    cache.set("ETH", 1, Duration::MAX).await.unwrap();
    assert_eq!(cache.get("ETH").await.unwrap(), Some(1));
}

#[tokio::test]
async fn it_stays_within_its_bytes() {
    let (cache, scoped, _) = cache(10_000, Keys::default());
    for n in 0..1_000 {
        let value = "x".repeat(500);
        scoped
            .set(&format!("key {n}"), value, MINUTE)
            .await
            .unwrap();
    }
    let Engine::Embedded(engine) = &cache.0.engine else {
        panic!("it was opened as an embedded one");
    };
    assert!((1..=10_000).contains(&engine.weight()));
    let result = scoped.set("large", "x".repeat(10_000), MINUTE).await;
    assert!(matches!(
        result,
        Err(CacheError::TooLarge { limit: 10_000, .. })
    ));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let (_, cache, _) = cache(1_000_000, Keys::default());
    let check = |result: Result<(), CacheError>, expected: &str| {
        assert_eq!(result.unwrap_err().error_type(), expected);
    };
    check(cache.set("", 1, MINUTE).await, "invalid_key");
    check(
        cache.set(&"k".repeat(1_025), 1, MINUTE).await,
        "invalid_key",
    );
    check(cache.set("k", 1, Duration::ZERO).await, "invalid_lifetime");
    let keys_of_no_map = std::collections::HashMap::from([((1, 2), 3)]);
    check(cache.set("k", keys_of_no_map, MINUTE).await, "encode");
    cache.set("k", "a word", MINUTE).await.unwrap();
    check(cache.get::<u8>("k").await.map(|_| ()), "decode");
}

#[tokio::test]
async fn each_command_has_its_span() {
    let (_, cache, spans) = cache(1_000_000, Keys::default());
    cache.get::<u8>("secret").await.unwrap();
    cache.set("secret", 1, MINUTE).await.unwrap();
    cache.get::<u8>("secret").await.unwrap();
    cache.get::<String>("secret").await.unwrap_err();
    cache.delete("secret").await.unwrap();
    let spans = spans.get_finished_spans().unwrap();
    let check = |span: &SpanData, command: &str, extra: &[(&str, &str)]| {
        assert_eq!(span.name, command);
        assert_eq!(span.span_kind, SpanKind::Client);
        let mut expected = vec![("db.system.name", "moka"), ("db.operation.name", command)];
        expected.extend(extra);
        let expected = expected
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        assert_eq!(attributes(span), expected.collect::<Vec<_>>());
        let failed = extra.iter().any(|(key, _)| *key == "error.type");
        assert_eq!(span.status != Status::Unset, failed);
    };
    check(&spans[0], "GET", &[("chimera.cache.hit", "false")]);
    check(&spans[1], "SET", &[]);
    check(&spans[2], "GET", &[("chimera.cache.hit", "true")]);
    check(
        &spans[3],
        "GET",
        &[("chimera.cache.hit", "true"), ("error.type", "decode")],
    );
    check(&spans[4], "DEL", &[]);
    assert_eq!(spans.len(), 5);
    assert!(!format!("{spans:?}").contains("secret"));
}

#[tokio::test]
async fn keys_are_shown_with_their_prefix_when_allowed() {
    let keys = Keys {
        prefix: "chimera:".to_owned(),
        shown: Shown::InSpans,
    };
    let (_, cache, spans) = cache(1_000_000, keys);
    cache.set("ZEC", "a value", MINUTE).await.unwrap();
    assert_eq!(cache.get("ZEC").await.unwrap(), Some("a value".to_owned()));
    cache.delete("ZEC").await.unwrap();
    let spans = spans.get_finished_spans().unwrap();
    let texts = spans.iter().flat_map(attributes);
    let texts: Vec<_> = texts
        .filter(|(key, _)| key == "db.query.text")
        .map(|(_, text)| text)
        .collect();
    assert_eq!(
        texts,
        ["SET chimera:ZEC ?", "GET chimera:ZEC", "DEL chimera:ZEC"]
    );
}

fn attributes(span: &SpanData) -> Vec<(String, String)> {
    let attributes = span.attributes.iter();
    attributes
        .map(|attribute| (attribute.key.to_string(), attribute.value.to_string()))
        .collect()
}
