//! The queries being worked on, so that one that is cancelled can be stopped.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio_util::sync::CancellationToken;

#[derive(Debug, Clone, Default)]
pub(super) struct OpenQueries(Arc<Mutex<HashMap<String, Shared>>>);

/// What the deliveries of one query share.
#[derive(Debug, Default)]
struct Shared {
    token: CancellationToken,
    workers: usize,
}

/// A query being worked on, until this is dropped.
#[derive(Debug)]
pub(super) struct OpenQuery {
    query_id: String,
    token: CancellationToken,
    all: OpenQueries,
}

impl OpenQueries {
    pub(super) fn begin(&self, query_id: &str) -> OpenQuery {
        // A redelivered query takes the token of the delivery that still works on it, so that both can be stopped.
        let mut open = self.lock();
        let shared = open.entry(query_id.to_owned()).or_default();
        shared.workers += 1;
        let token = shared.token.clone();
        drop(open);
        OpenQuery {
            query_id: query_id.to_owned(),
            token,
            all: self.clone(),
        }
    }

    pub(super) fn cancel(&self, query_id: &str) {
        if let Some(shared) = self.lock().get(query_id) {
            shared.token.cancel();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Shared>> {
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
        let mut open = self.all.lock();
        let Entry::Occupied(mut shared) = open.entry(std::mem::take(&mut self.query_id)) else {
            return;
        };
        shared.get_mut().workers -= 1;
        if shared.get().workers == 0 {
            shared.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redelivered_query_can_be_cancelled_when_the_first_delivery_is_done() {
        let open = OpenQueries::default();
        let (first, second) = (open.begin("q"), open.begin("q"));
        drop(first);
        open.cancel("q");
        assert!(second.token.is_cancelled());
        drop(second);
        assert!(open.lock().is_empty());
        assert!(!open.begin("q").token.is_cancelled());
    }
}
