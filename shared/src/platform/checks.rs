//! How the servers of a process are, for `/readyz`: looked at within a limit, and at most once a second.

use std::{
    collections::BTreeMap,
    error::Error,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Shared, join_all},
};
use serde::Serialize;
use tokio::time::{Instant, timeout};
use tracing::{Dispatch, dispatcher};

/// How long a server may take to say how it is.
const LOOK_LIMIT: Duration = Duration::from_secs(2);
/// How long what was seen is told again: probes under load must not become load.
const GOOD_FOR: Duration = Duration::from_secs(1);

/// Something that agents need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Dependency {
    /// Whether it does its work.
    pub(crate) ready: bool,
    /// Where it is, without credentials; what is in this process is nowhere else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) server: Option<String>,
    /// Why it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

impl Dependency {
    /// What `checked` says of it.
    pub(crate) fn of<E>(server: Option<String>, checked: Result<(), E>) -> Self
    where
        E: Error + Send + Sync + 'static,
    {
        let reason = checked
            .err()
            .map(|error| format!("{:#}", anyhow::Error::new(error)));
        Self {
            ready: reason.is_none(),
            server,
            reason,
        }
    }
}

/// Looks at one part.
type Look = Box<dyn Fn() -> BoxFuture<'static, Dependency> + Send + Sync>;

/// What was seen of each part.
pub(crate) type Seen = BTreeMap<&'static str, Dependency>;

/// The looks at the parts of a process, shared by its agents. A cheap clone.
#[derive(Clone)]
pub(crate) struct Checks(Arc<Inner>);

struct Inner {
    looks: Vec<(&'static str, Option<String>, Look)>,
    last: Mutex<Last>,
    /// Where it is told what has changed. Who probes is nobody's service.
    log: Dispatch,
}

#[derive(Default)]
struct Last {
    look: Option<(Instant, Shared<BoxFuture<'static, Arc<Seen>>>)>,
    /// Which parts were not ready when it was last told.
    told: BTreeMap<&'static str, bool>,
}

/// Collects what is to be looked at.
#[derive(Default)]
pub(crate) struct ChecksBuilder(Vec<(&'static str, Option<String>, Look)>);

impl ChecksBuilder {
    /// Also looks at `part`, which is at `server`.
    pub(crate) fn with<E, F>(
        mut self,
        part: &'static str,
        server: Option<String>,
        check: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        E: Error + Send + Sync + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
    {
        let place = server.clone();
        let look: Look = Box::new(move || {
            let (checked, place) = (check(), place.clone());
            async move { Dependency::of(place, checked.await) }.boxed()
        });
        self.0.push((part, server, look));
        self
    }

    pub(crate) fn build(self, log: Dispatch) -> Checks {
        Checks(Arc::new(Inner {
            looks: self.0,
            last: Mutex::default(),
            log,
        }))
    }
}

impl Checks {
    /// How each part is, or was less than a second ago.
    pub(crate) async fn seen(&self) -> Arc<Seen> {
        let look = {
            let mut last = self.0.last.lock().unwrap_or_else(PoisonError::into_inner);
            match &last.look {
                Some((when, look)) if when.elapsed() < GOOD_FOR => look.clone(),
                _ => {
                    let look = Inner::look(Arc::clone(&self.0)).boxed().shared();
                    last.look = Some((Instant::now(), look.clone()));
                    look
                }
            }
        };
        look.await
    }
}

impl Inner {
    /// Looks at every part at once.
    async fn look(self: Arc<Self>) -> Arc<Seen> {
        let looks = self.looks.iter().map(|(part, server, look)| async move {
            let seen = timeout(LOOK_LIMIT, look()).await;
            let seen = seen.unwrap_or_else(|_| Dependency {
                ready: false,
                server: server.clone(),
                reason: Some(format!("no answer within {} s", LOOK_LIMIT.as_secs())),
            });
            (*part, seen)
        });
        let seen: Seen = join_all(looks).await.into_iter().collect();
        dispatcher::with_default(&self.log, || self.tell(&seen));
        Arc::new(seen)
    }

    /// Says what has changed.
    fn tell(&self, seen: &Seen) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        for (part, dependency) in seen {
            let was_ready = last.told.insert(part, dependency.ready).unwrap_or(true);
            let reason = dependency.reason.as_deref();
            match (was_ready, dependency.ready) {
                (true, false) => tracing::warn!(reason, "{part} cannot be used for now"),
                (false, true) => tracing::info!("{part} can be used again"),
                _ => {}
            }
        }
    }
}

impl fmt::Debug for Checks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checks").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        convert::Infallible,
        io,
        sync::atomic::{AtomicU32, Ordering},
    };

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_server_is_asked_at_most_once_a_second() {
        let asked = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&asked);
        let checks = ChecksBuilder::default()
            .with("cache", None, move || {
                count.fetch_add(1, Ordering::Relaxed);
                async { Ok::<_, Infallible>(()) }
            })
            .build(Dispatch::none());
        let all = join_all((0..50).map(|_| checks.seen())).await;
        assert!(all.iter().all(|seen| seen["cache"].ready));
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        tokio::time::advance(GOOD_FOR).await;
        checks.seen().await;
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_does_not_answer_is_not_waited_for() {
        let server = Some("redis://h".to_owned());
        let checks = ChecksBuilder::default()
            .with(
                "cache",
                server.clone(),
                std::future::pending::<io::Result<()>>,
            )
            .with("documents", None, async || {
                Err::<(), _>(io::Error::other("full"))
            })
            .build(Dispatch::none());
        let seen = checks.seen().await;
        let slow = &seen["cache"];
        assert_eq!((slow.ready, &slow.server), (false, &server));
        assert_eq!(slow.reason.as_deref(), Some("no answer within 2 s"));
        assert_eq!(seen["documents"].reason.as_deref(), Some("full"));
    }
}
