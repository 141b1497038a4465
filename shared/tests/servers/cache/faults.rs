//! Redis goes and comes back.

use std::sync::Arc;

use chimera_servers::Store as _;

use super::*;

/// Whether the cache answers, and does not by its time-outs.
async fn works(cache: &ScopedCache) -> bool {
    cache.set("key", 1, MINUTE).await.is_ok()
}

#[tokio::test]
async fn a_server_that_was_restarted_is_used_at_once() {
    let redis = Arc::new(blocking(Redis::start).await);
    let cache = scoped(&cache_at(&redis.url()));
    cache.set("key", "kept", MINUTE).await.unwrap();
    for restart in [Redis::stop as fn(&Redis), Redis::kill] {
        let again = Arc::clone(&redis);
        blocking(move || {
            restart(&again);
            again.start_again();
        })
        .await;
        // The connection is dead, which nobody needs to know.
        assert_eq!(cache.get("key").await.unwrap(), Some("kept".to_owned()));
    }
}

#[tokio::test]
async fn a_server_that_is_down_fails_what_is_asked_and_comes_back() {
    let redis = Arc::new(blocking(Redis::start).await);
    let all = cache_at(&redis.url());
    let cache = scoped(&all);
    assert!(works(&cache).await);
    let stopped = Arc::clone(&redis);
    blocking(move || stopped.stop()).await;
    for _ in 0..3 {
        let error = cache.get::<u8>("key").await.unwrap_err();
        assert!(error.is_transient());
        assert_eq!(error.error_type(), "connect");
        let port = redis.url().rsplit(':').next().unwrap().to_owned();
        let expected = format!(
            "cannot connect to Redis at 127.0.0.1:{port}: it must run there, or `cache.url` name another"
        );
        assert_eq!(error.to_string(), expected);
        assert_eq!(all.check().await.unwrap_err().to_string(), expected);
    }
    let started = Arc::clone(&redis);
    blocking(move || started.start_again()).await;
    eventually(|| works(&cache)).await;
    all.check().await.unwrap();
}

#[tokio::test]
async fn a_server_that_hangs_is_not_waited_for_longer_than_configured() {
    let redis = Arc::new(blocking(Redis::start).await);
    let limit = Duration::from_millis(100);
    let settings = RedisSettings {
        connect_timeout: limit,
        timeout: limit,
        ..settings(&redis.url())
    };
    let cache = scoped(&Cache::redis(&settings, keys()).unwrap());
    eventually(|| works(&cache)).await;
    redis.pause();
    // A stopped clock may tick once more.
    eventually(|| async { cache.get::<u8>("key").await.is_err() }).await;
    // There is no new connection either, and of many some are told so at once.
    for _ in 0..20 {
        let error = cache.get::<u8>("key").await.unwrap_err();
        assert_eq!(
            (error.error_type(), error.is_transient()),
            ("timeout", true)
        );
        let text = error.to_string();
        assert!(
            text.starts_with("no answer from Redis at 127.0.0.1:"),
            "{text}"
        );
    }
    redis.resume();
    eventually(|| works(&cache)).await;
}
