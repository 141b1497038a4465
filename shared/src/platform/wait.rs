//! Waiting for servers that are not there yet.

use std::{
    collections::BTreeMap,
    error::Error,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::{sleep, timeout};

use crate::{config::RedactedUrl, platform::Dependency};

/// How long one look at a server may take.
const LOOK_LIMIT: Duration = Duration::from_secs(30);
/// The pause after the first look that failed; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Where the doubling ends: a server that is back is noticed within this.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The servers that a process waits for before its agents can start, as `/readyz` shows them. A cheap clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Waits(Arc<Mutex<BTreeMap<&'static str, Dependency>>>);

/// A server that is waited for.
#[derive(Debug, Clone)]
pub(crate) struct Awaited {
    waits: Waits,
    /// What it is for, as `documents`.
    part: &'static str,
    /// Where it is, without credentials.
    server: String,
}

impl Waits {
    /// Begins to wait for the server of `part`.
    pub(crate) fn begin(&self, part: &'static str, url: &RedactedUrl) -> Awaited {
        let awaited = Awaited {
            waits: self.clone(),
            part,
            server: url.place(),
        };
        awaited.show(false, Some("connecting".to_owned()));
        awaited
    }

    /// What is waited for, and what has been found already.
    pub(crate) fn dependencies(&self) -> BTreeMap<String, Dependency> {
        let dependencies = self.lock();
        let owned = dependencies
            .iter()
            .map(|(part, dependency)| ((*part).to_owned(), dependency.clone()));
        owned.collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, Dependency>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Awaited {
    /// What `look` comes back with once it goes well, or fails with an error that waiting does not mend.
    pub(crate) async fn until<T, E, F>(
        &self,
        look: impl Fn() -> F,
        may_pass: impl Fn(&E) -> bool,
    ) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
        E: Error + Send + Sync + 'static,
    {
        let mut pause = FIRST_PAUSE;
        let mut told = false;
        loop {
            let reason = match timeout(LOOK_LIMIT, look()).await {
                Ok(Ok(found)) => {
                    self.found(told);
                    return Ok(found);
                }
                Ok(Err(error)) if may_pass(&error) => format!("{:#}", anyhow::Error::new(error)),
                Ok(Err(error)) => return Err(error),
                Err(_) => "no answer".to_owned(),
            };
            self.failed(reason, told);
            told = true;
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// It cannot be had now. The first time is told.
    pub(crate) fn failed(&self, reason: String, told: bool) {
        if !told {
            let (part, server) = (self.part, &self.server);
            tracing::warn!(reason, "waiting for the {part} at {server}");
        }
        self.show(false, Some(reason));
    }

    /// It is there.
    pub(crate) fn found(&self, told: bool) {
        if told {
            tracing::info!("the {} at {} can be used", self.part, self.server);
        }
        self.show(true, None);
    }

    fn show(&self, ready: bool, reason: Option<String>) {
        let dependency = Dependency {
            ready,
            server: Some(self.server.clone()),
            reason,
        };
        self.waits.lock().insert(self.part, dependency);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{self, ErrorKind},
        sync::atomic::{AtomicU32, Ordering},
    };

    use tracing::instrument::WithSubscriber as _;

    use super::*;
    use crate::telemetry::Telemetry;

    fn url() -> RedactedUrl {
        RedactedUrl::parse("amqp://ann:hush@h:1", &["amqp"]).unwrap()
    }

    fn refused() -> io::Error {
        io::Error::new(ErrorKind::ConnectionRefused, "nobody is there")
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_is_waited_for_and_that_is_said_once() {
        let (telemetry, _, lines) = Telemetry::for_test_with_logs("agent");
        let (waits, looks) = (Waits::default(), AtomicU32::new(0));
        let awaited = waits.begin("bus", &url());
        let look = || async {
            match looks.fetch_add(1, Ordering::Relaxed) {
                5 => Ok(()),
                _ => Err(refused()),
            }
        };
        let waited = awaited.until(look, |_| true);
        waited
            .with_subscriber(telemetry.dispatch().clone())
            .await
            .unwrap();
        assert_eq!(looks.into_inner(), 6);
        let said = lines.text();
        assert_eq!(
            said.matches("waiting for the bus at amqp://h:1").count(),
            1,
            "{said}"
        );
        assert_eq!(
            said.matches("the bus at amqp://h:1 can be used").count(),
            1,
            "{said}"
        );
        assert!(waits.dependencies()["bus"].ready);
    }

    #[tokio::test(start_paused = true)]
    async fn what_waiting_does_not_mend_ends_it() {
        let waits = Waits::default();
        let awaited = waits.begin("bus", &url());
        let look = || async { Err::<(), _>(refused()) };
        let error = awaited.until(look, |_| false).await.unwrap_err();
        assert_eq!(error.to_string(), "nobody is there");
        assert!(!waits.dependencies()["bus"].ready);
    }
}
