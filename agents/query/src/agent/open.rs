//! The queries being worked on, so that one that is cancelled can be stopped.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio_util::sync::CancellationToken;

#[derive(Debug, Clone, Default)]
pub(super) struct OpenQueries(Arc<Mutex<HashMap<String, CancellationToken>>>);

/// A query being worked on, until this is dropped.
#[derive(Debug)]
pub(super) struct OpenQuery {
    query_id: String,
    token: CancellationToken,
    all: OpenQueries,
}

impl OpenQueries {
    pub(super) fn begin(&self, query_id: &str) -> OpenQuery {
        // A redelivered query shares the token of the delivery that still works on it.
        let token = self.lock().entry(query_id.to_owned()).or_default().clone();
        OpenQuery {
            query_id: query_id.to_owned(),
            token,
            all: self.clone(),
        }
    }

    pub(super) fn cancel(&self, query_id: &str) {
        if let Some(token) = self.lock().get(query_id) {
            token.cancel();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, CancellationToken>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OpenQuery {
    pub(super) async fn cancelled(&self) {
        self.token.cancelled().await;
    }
}

impl Drop for OpenQuery {
    fn drop(&mut self) {
        self.all.lock().remove(&self.query_id);
    }
}
