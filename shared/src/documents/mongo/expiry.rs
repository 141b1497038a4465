//! Removing documents whose time is up: by the server, or by us where it does not.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    future::IntoFuture,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use mongodb::{
    Collection, Database, IndexModel,
    bson::{doc, raw::RawDocumentBuf},
    error::Error,
    options::IndexOptions,
};
use tokio::{
    sync::OnceCell,
    time::{MissedTickBehavior, timeout},
};
use tokio_util::task::AbortOnDropHandle;
use tracing::instrument::WithSubscriber as _;

use super::{super::names::EXPIRES_AT, Clock, failure, query};

/// How often expired documents are removed by us: as often as MongoDB does it.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// Which collections have someone who removes their expired documents.
pub(super) struct Expiry {
    seen_to: Mutex<HashMap<String, Arc<OnceCell<()>>>>,
    sweeper: Arc<Sweeper>,
    task: Mutex<Option<AbortOnDropHandle<()>>>,
}

/// Removes expired documents of the collections that the server does not do it for.
struct Sweeper {
    database: Database,
    clock: Clock,
    /// How long removing from one collection may take.
    timeout: Duration,
    collections: Mutex<BTreeSet<String>>,
}

impl Expiry {
    /// `timeout` is how long an operation may take.
    pub(super) fn new(database: Database, clock: Clock, timeout: Duration) -> Self {
        Self {
            seen_to: Mutex::default(),
            sweeper: Arc::new(Sweeper {
                database,
                clock,
                timeout,
                collections: Mutex::default(),
            }),
            task: Mutex::default(),
        }
    }

    /// Whether someone removes expired documents of `collection`.
    pub(super) fn is_seen_to(&self, collection: &str) -> bool {
        locked(&self.seen_to)
            .get(collection)
            .is_some_and(|cell| cell.initialized())
    }

    /// Has someone remove expired documents of `collection`; once is enough.
    pub(super) async fn see_to(
        &self,
        collection: &Collection<RawDocumentBuf>,
    ) -> Result<(), Error> {
        let cell = {
            let mut seen_to = locked(&self.seen_to);
            Arc::clone(seen_to.entry(collection.name().to_owned()).or_default())
        };
        cell.get_or_try_init(|| self.index_or_sweep(collection))
            .await?;
        Ok(())
    }

    async fn index_or_sweep(&self, collection: &Collection<RawDocumentBuf>) -> Result<(), Error> {
        let options = IndexOptions::builder().expire_after(Duration::ZERO).build();
        let index = IndexModel::builder()
            .keys(doc! { EXPIRES_AT: 1 })
            .options(options)
            .build();
        match collection.create_index(index).await {
            Ok(_) => Ok(()),
            Err(error) if failure::is_declined(&error) => {
                self.sweep(collection.name(), &error);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn sweep(&self, collection: &str, refusal: &Error) {
        let (code, name) = failure::code(refusal).unwrap_or_default();
        let is_first = {
            let mut collections = locked(&self.sweeper.collections);
            collections.insert(collection.to_owned());
            collections.len() == 1
        };
        if is_first {
            tracing::warn!(
                db.response.status_code = code,
                db.collection.name = collection,
                "the server takes no index that expires documents ({name}): this process removes them, every {} s",
                SWEEP_INTERVAL.as_secs()
            );
            let sweeper = Arc::clone(&self.sweeper);
            let sweeping = async move { sweeper.run().await }.with_current_subscriber();
            *locked(&self.task) = Some(AbortOnDropHandle::new(tokio::spawn(sweeping)));
        }
    }

    /// Stops removing.
    pub(super) fn stop(&self) {
        drop(locked(&self.task).take());
    }
}

#[cfg(test)]
impl Expiry {
    pub(super) fn is_ours(&self, collection: &str) -> bool {
        locked(&self.sweeper.collections).contains(collection)
    }

    pub(super) async fn sweep_now(&self) -> bool {
        self.sweeper.sweep().await
    }
}

impl Sweeper {
    async fn run(&self) {
        let mut ticks = tokio::time::interval(SWEEP_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_failing = false;
        loop {
            ticks.tick().await;
            let went_well = self.sweep().await;
            if !went_well && !is_failing {
                tracing::warn!("expired documents could not be removed; it is tried again");
            }
            is_failing = !went_well;
        }
    }

    async fn sweep(&self) -> bool {
        let collections = locked(&self.collections).clone();
        let mut went_well = true;
        for name in collections {
            let collection = self.database.collection::<RawDocumentBuf>(&name);
            let removing = collection.delete_many(query::expired((self.clock)()));
            let removed = timeout(self.timeout, removing.into_future()).await;
            went_well &= matches!(removed, Ok(Ok(_)));
        }
        went_well
    }
}

impl fmt::Debug for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Expiry")
            .field("swept", &*locked(&self.sweeper.collections))
            .finish_non_exhaustive()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
