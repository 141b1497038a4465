//! The cache on both engines, and Redis in bad surroundings.

mod behaviour;
mod faults;
mod refusals;
mod spans;

use std::{future::Future, time::Duration};

use chimera_servers::Redis;
use chimera_shared::{
    cache::{Cache, Keys, RedisSettings, ScopedCache},
    config::RedactedUrl,
    telemetry::Telemetry,
};
use tokio::time::{Instant, sleep};

const MINUTE: Duration = Duration::from_secs(60);

/// Keys that no other test uses.
fn keys() -> Keys {
    Keys {
        prefix: format!("test-{}:", uuid::Uuid::now_v7()),
        ..Keys::default()
    }
}

fn settings(url: &str) -> RedisSettings {
    RedisSettings {
        url: RedactedUrl::parse(url, &["redis", "rediss"]).unwrap(),
        ca_file: None,
        connect_timeout: Duration::from_secs(5),
        timeout: Duration::from_secs(5),
        max_value_bytes: 1_000_000,
    }
}

/// A cache on the Redis at `url`.
fn cache_at(url: &str) -> Cache {
    Cache::redis(&settings(url), keys()).unwrap()
}

/// The cache as a handler has it.
fn scoped(cache: &Cache) -> ScopedCache {
    let (telemetry, _) = Telemetry::for_test("data_retrieval_agent");
    cache.scoped(&telemetry.root())
}

/// Starts and stops servers, which blocks.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

/// The Redis of all tests.
async fn shared_url() -> String {
    blocking(|| Redis::shared().url()).await
}

/// Tries until it is so, for a while.
async fn eventually<F: Future<Output = bool>>(mut is_so: impl FnMut() -> F) {
    let until = Instant::now() + Duration::from_secs(20);
    while !is_so().await {
        assert!(Instant::now() < until, "it is not so after 20 s");
        sleep(Duration::from_millis(10)).await;
    }
}
