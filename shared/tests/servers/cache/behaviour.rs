//! What a cache does, whatever its engine.

use std::{collections::HashMap, fmt::Debug};

use chimera_shared::cache::CacheError;

use super::*;

/// The same cache in this process and on Redis, each with room for values of a megabyte.
async fn both() -> [Cache; 2] {
    let embedded = Cache::embedded(1_000_000, keys());
    [embedded, cache_at(&shared_url().await)]
}

#[tokio::test]
async fn what_was_set_is_there_until_it_is_deleted() {
    for cache in both().await {
        cache.check().await.unwrap();
        let cache = scoped(&cache);
        assert_eq!(cache.get::<f64>("ZEC").await.unwrap(), None);
        cache.set("ZEC", 56.43, MINUTE).await.unwrap();
        cache.set("ZEC", 56.44, MINUTE).await.unwrap();
        cache
            .set("BTC", vec!["a", "b"], Duration::MAX)
            .await
            .unwrap();
        assert_eq!(cache.get("ZEC").await.unwrap(), Some(56.44));
        let words: Option<Vec<String>> = cache.get("BTC").await.unwrap();
        assert_eq!(words.unwrap(), ["a", "b"]);
        assert!(cache.delete("ZEC").await.unwrap());
        assert!(!cache.delete("ZEC").await.unwrap());
        assert_eq!(cache.get::<f64>("ZEC").await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_value_is_gone_after_its_lifetime() {
    for cache in both().await {
        let cache = scoped(&cache);
        cache
            .set("short", 1, Duration::from_millis(20))
            .await
            .unwrap();
        cache
            .set("renewed", 1, Duration::from_millis(20))
            .await
            .unwrap();
        cache.set("renewed", 2, MINUTE).await.unwrap();
        eventually(|| async { cache.get::<u8>("short").await.unwrap().is_none() }).await;
        assert_eq!(cache.get("renewed").await.unwrap(), Some(2));
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    fn check<T: Debug>(result: Result<T, CacheError>, expected: &str) {
        let error = result.unwrap_err();
        assert_eq!(
            (error.error_type(), error.is_transient()),
            (expected, false)
        );
    }
    for cache in both().await {
        let cache = scoped(&cache);
        check(
            cache.set(&"k".repeat(1_025), 1, MINUTE).await,
            "invalid_key",
        );
        check(cache.set("k", 1, Duration::ZERO).await, "invalid_lifetime");
        check(
            cache.set("k", HashMap::from([((1, 2), 3)]), MINUTE).await,
            "encode",
        );
        check(
            cache.set("k", "x".repeat(1_000_001), MINUTE).await,
            "too_large",
        );
        cache.set("k", "a word", MINUTE).await.unwrap();
        check(cache.get::<u8>("k").await, "decode");
    }
}

#[tokio::test]
async fn many_at_once_get_their_own() {
    for cache in both().await {
        let cache = scoped(&cache);
        let asking = (0..200).map(|n| {
            let cache = cache.clone();
            async move {
                let key = format!("key {n}");
                cache.set(&key, n.to_string().repeat(100), MINUTE).await?;
                cache.get::<String>(&key).await
            }
        });
        let answers = futures_util::future::try_join_all(asking).await.unwrap();
        for (n, answer) in answers.into_iter().enumerate() {
            assert_eq!(answer, Some(n.to_string().repeat(100)));
        }
    }
}

#[tokio::test]
async fn prefixes_keep_systems_apart_and_processes_share() {
    let url = shared_url().await;
    let (ours, theirs) = (keys(), keys());
    let open = |keys: &Keys| scoped(&Cache::redis(&settings(&url), keys.clone()).unwrap());
    open(&ours).set("key", 1, MINUTE).await.unwrap();
    assert_eq!(open(&ours).get("key").await.unwrap(), Some(1));
    assert_eq!(open(&theirs).get::<u8>("key").await.unwrap(), None);
    let other_database = format!("{url}/1");
    let elsewhere = Cache::redis(&settings(&other_database), ours).unwrap();
    assert_eq!(scoped(&elsewhere).get::<u8>("key").await.unwrap(), None);
}
