//! How the servers of a process are, for `/readyz` and the log: looked at within a limit, and at most once a second.

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
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{Dispatch, dispatcher};

/// How long a server may take to say how it is.
const LOOK_LIMIT: Duration = Duration::from_secs(2);
/// How often it is looked where nobody asks.
const LOOK_EVERY: Duration = Duration::from_secs(5);
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
    parts: Vec<(Part, Look)>,
    last: Mutex<Last>,
    /// Where it is told what has changed. Who probes is nobody's service.
    log: Dispatch,
}

/// What is looked at.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    /// What it is for, as `documents`.
    pub(crate) name: &'static str,
    /// Where it is, without credentials; `None` for what is in this process.
    pub(crate) server: Option<String>,
    /// What it means that it cannot be used.
    pub(crate) without: &'static str,
}

#[derive(Default)]
struct Last {
    look: Option<(Instant, Shared<BoxFuture<'static, Arc<Seen>>>)>,
    /// Which parts were not ready when it was last told.
    told: BTreeMap<&'static str, bool>,
}

/// Collects what is to be looked at.
#[derive(Default)]
pub(crate) struct ChecksBuilder(Vec<(Part, Look)>);

impl ChecksBuilder {
    /// Also looks at `part`.
    pub(crate) fn with<E, F>(
        mut self,
        part: Part,
        look: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        E: Error + Send + Sync + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
    {
        let server = part.server.clone();
        let look = move || {
            let (server, looking) = (server.clone(), look());
            async move { Dependency::of(server, looking.await) }.boxed()
        };
        self.0.push((part, Box::new(look)));
        self
    }

    pub(crate) fn build(self, log: Dispatch) -> Checks {
        Checks(Arc::new(Inner {
            parts: self.0,
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

    /// Looks again and again until `stop`, so that a server that goes away or comes back is told also where nobody
    /// probes. What is in this process tells by itself what it suffers from.
    pub(crate) async fn watch(self, stop: CancellationToken) {
        if self.0.parts.iter().all(|(part, _)| part.server.is_none()) {
            return;
        }
        let looking = async {
            loop {
                self.seen().await;
                sleep(LOOK_EVERY).await;
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = looking => {}
        }
    }
}

impl Inner {
    /// Looks at every part at once.
    async fn look(self: Arc<Self>) -> Arc<Seen> {
        let looks = self.parts.iter().map(|(part, look)| async move {
            let seen = timeout(LOOK_LIMIT, look()).await;
            let seen = seen.unwrap_or_else(|_| Dependency {
                ready: false,
                server: part.server.clone(),
                reason: Some(format!("no answer within {} s", LOOK_LIMIT.as_secs())),
            });
            (part.name, seen)
        });
        let seen: Seen = join_all(looks).await.into_iter().collect();
        dispatcher::with_default(&self.log, || self.tell(&seen));
        Arc::new(seen)
    }

    /// Says what has changed.
    fn tell(&self, seen: &Seen) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        for (part, _) in &self.parts {
            let Some(now) = seen.get(part.name) else {
                continue;
            };
            let was_ready = last.told.insert(part.name, now.ready).unwrap_or(true);
            match (was_ready, now.ready) {
                (true, false) => part.tell_lost(now.reason.as_deref()),
                (false, true) => tracing::info!("{part} can be used again"),
                _ => {}
            }
        }
    }
}

impl Part {
    fn tell_lost(&self, reason: Option<&str>) {
        let (without, every) = (self.without, LOOK_EVERY.as_secs());
        match self.server {
            Some(_) => tracing::warn!(
                reason,
                "{self} cannot be used: {without}; it is tried again every {every} s"
            ),
            None => tracing::warn!(reason, "{self} cannot be used: {without}"),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.server {
            Some(server) => write!(f, "{} at {server}", self.name),
            None => f.write_str(self.name),
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
        sync::atomic::{AtomicBool, AtomicU32, Ordering},
    };

    use super::*;
    use crate::telemetry::Telemetry;

    fn part(name: &'static str, server: Option<&str>) -> Part {
        Part {
            name,
            server: server.map(str::to_owned),
            without: "nothing is kept",
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_is_asked_at_most_once_a_second() {
        let asked = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&asked);
        let checks = ChecksBuilder::default()
            .with(part("cache", None), move || {
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
        let cache = part("cache", Some("redis://h"));
        let checks = ChecksBuilder::default()
            .with(cache.clone(), std::future::pending::<io::Result<()>>)
            .with(part("documents", None), async || {
                Err::<(), _>(io::Error::other("full"))
            })
            .build(Dispatch::none());
        let seen = checks.seen().await;
        let slow = &seen["cache"];
        assert_eq!((slow.ready, &slow.server), (false, &cache.server));
        assert_eq!(slow.reason.as_deref(), Some("no answer within 2 s"));
        assert_eq!(seen["documents"].reason.as_deref(), Some("full"));
    }

    /// Nobody asks for its health meanwhile.
    #[tokio::test(start_paused = true)]
    async fn a_server_that_goes_away_and_comes_back_is_told_once_each() {
        let (telemetry, _, lines) = Telemetry::for_test_with_logs("agent");
        let is_there = Arc::new(AtomicBool::new(true));
        let looked_at = Arc::clone(&is_there);
        let checks = ChecksBuilder::default()
            .with(part("cache", Some("redis://h")), move || {
                let is_there = looked_at.load(Ordering::Relaxed);
                async move { is_there.then_some(()).ok_or(io::Error::other("refused")) }
            })
            .build(telemetry.dispatch().clone());
        let stop = CancellationToken::new();
        let watching = tokio::spawn(checks.watch(stop.clone()));
        let check = async |now: bool, expected: &[&str]| {
            is_there.store(now, Ordering::Relaxed);
            // Time is paused: several looks go by at once.
            sleep(3 * LOOK_EVERY).await;
            let said = lines.text();
            assert_eq!(said.lines().count(), expected.len(), "{said}");
            for (line, expected) in said.lines().zip(expected) {
                assert!(line.contains(expected), "`{expected}` is not in: {line}");
            }
        };
        let lost =
            "cache at redis://h cannot be used: nothing is kept; it is tried again every 5 s";
        let back = "cache at redis://h can be used again";
        check(true, &[]).await;
        check(false, &[lost]).await;
        check(true, &[lost, back]).await;
        check(false, &[lost, back, lost]).await;
        stop.cancel();
        watching.await.unwrap();
    }
}
