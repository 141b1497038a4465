//! What data there is, asked of the retrieval agent and remembered for a while.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chimera_questions::{
    Stage,
    messages::{Catalog, DATA_RETRIEVAL_CATALOG, DescribeData},
};
use chimera_shared::{Context, context::AskError};
use tokio::time::Instant;

/// How long a catalog is good for: a new day of data is seen this late at most.
const MAX_AGE: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Default)]
pub(super) struct CatalogCache(Arc<Mutex<Option<Remembered>>>);

#[derive(Debug)]
struct Remembered {
    since: Instant,
    catalog: Arc<Catalog>,
}

impl CatalogCache {
    /// The catalog, from memory or from the retrieval agent.
    pub(super) async fn get(&self, cx: &Context, query_id: &str) -> Result<Arc<Catalog>, AskError> {
        if let Some(catalog) = self.remembered() {
            return Ok(catalog);
        }
        super::progress(cx, query_id, Stage::Understanding).await?;
        let catalog: Catalog = cx
            .request(DATA_RETRIEVAL_CATALOG, &DescribeData::default())
            .await?;
        let catalog = Arc::new(catalog);
        *self.lock() = Some(Remembered {
            since: Instant::now(),
            catalog: Arc::clone(&catalog),
        });
        Ok(catalog)
    }

    fn remembered(&self) -> Option<Arc<Catalog>> {
        let remembered = self.lock();
        let fresh = remembered
            .as_ref()
            .filter(|remembered| remembered.since.elapsed() < MAX_AGE);
        fresh.map(|remembered| Arc::clone(&remembered.catalog))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Remembered>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
