//! What tests look at, and have done at once.

use mongodb::bson::doc;

use super::{MongoDb, query};

impl MongoDb {
    /// Removes now what would be removed within a minute.
    pub(in crate::documents) async fn sweep(&self, collection: &str) -> bool {
        if self.is_swept_by_us(collection) {
            return self.expiry.sweep_now().await;
        }
        let documents = self.collection(collection);
        let expired = query::expired(self.now());
        documents.delete_many(expired).await.is_ok()
    }

    pub(in crate::documents) fn is_swept_by_us(&self, collection: &str) -> bool {
        self.expiry.is_ours(&self.name_of(collection))
    }

    /// How many documents the server holds, also those whose time is up.
    pub(in crate::documents) async fn kept(&self, collection: &str) -> u64 {
        let documents = self.collection(collection);
        documents.count_documents(doc! {}).await.unwrap()
    }
}

#[cfg(feature = "servers")]
impl MongoDb {
    /// Carries out `change` under a lock, also on a server that needs none.
    pub(in crate::documents) async fn locked(
        &self,
        lease: std::time::Duration,
        change: impl std::future::IntoFuture<Output = Result<(), mongodb::error::Error>>,
    ) -> Result<(), mongodb::error::Error> {
        let clock = std::sync::Arc::clone(&self.clock);
        let locks = super::Exclusion::with_locks(&self.database, lease, clock);
        locks.around("queries", "q", change).await
    }

    pub(in crate::documents) async fn indexes(&self, collection: &str) -> Vec<String> {
        let documents = self.collection(collection);
        documents.list_index_names().await.unwrap()
    }

    pub(in crate::documents) async fn collections(&self) -> Vec<String> {
        self.database.list_collection_names().await.unwrap()
    }
}
