//! What only servers have: other programs, networks, passwords and certificates.

use chimera_servers::MongoDb as Server;
use uuid::Uuid;

use super::*;
use crate::config::Config;

mod exclusion;
mod expiry;
mod fake;
mod faults;
mod refusals;

/// A database of a test's own on a server.
pub(super) struct Database {
    config: DocumentsConfig,
    url: RedactedUrl,
}

impl Database {
    async fn shared() -> Self {
        let url = blocking(|| Server::shared().url()).await;
        Self::at(&url)
    }

    fn at(url: &str) -> Self {
        let mut config = Config::for_test(Path::new("unused")).documents;
        config.database = format!("test-{}", Uuid::now_v7().simple());
        Self {
            config,
            url: RedactedUrl::parse(url, &["mongodb"]).unwrap(),
        }
    }

    pub(super) async fn open(&self, passed_ms: Arc<AtomicU64>) -> Documents {
        let clock = Arc::new(move || {
            let passed_ms = i64::try_from(passed_ms.load(Ordering::Relaxed)).unwrap();
            let now_ms = mongodb::bson::DateTime::now().timestamp_millis();
            mongodb::bson::DateTime::from_millis(now_ms + passed_ms)
        });
        let connecting = MongoDb::connect_with_clock(&self.url, &self.config, clock);
        Documents::of(Engine::MongoDb(Box::new(connecting.await.unwrap())))
    }
}

impl Fixture {
    pub(super) async fn mongodb() -> Self {
        Self::at(Place::Server(Box::new(Database::shared().await))).await
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}
