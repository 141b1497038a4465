//! How an exporter fares: counted for each, and said once per change of its backend.

mod about;
mod monitor;

use std::sync::{
    Arc, Mutex, MutexGuard, OnceLock, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

use tokio::sync::Notify;
use tracing::Dispatch;

use super::{
    backend::{Backend, Said, items, place},
    failure::{Failure, Kind},
    queue::{Hurry, Taken},
    unusable::Made,
};
use crate::{
    config::Signal,
    telemetry::{late_log::LateLog, redact, siblings::Siblings},
};

pub(in crate::telemetry) use about::About;
pub(in crate::telemetry) use monitor::Monitor;

/// How an exporter fares at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExporterHealth {
    /// The exporter's name in the configuration.
    pub exporter: &'static str,
    /// What it exports: `traces`, `metrics` or `logs`.
    pub signal: &'static str,
    /// Where to: a URL without its credentials, or a file.
    pub target: String,
    /// What waits or is being sent: spans, log records, or collections of metrics.
    pub queued: u64,
    /// What the backend took; of the built-in store, from all services of the process.
    pub exported: u64,
    /// What was lost: the queue was full, or the backend did not take it.
    pub dropped: u64,
    /// Whether the last export failed.
    pub is_failing: bool,
    /// Why the last export that failed did, or what the backend rejected last.
    pub last_error: Option<String>,
    /// What to do about the last export that failed; a sentence without its end.
    pub advice: Option<String>,
}

/// The counters of one exporter. A cheap clone.
#[derive(Debug, Clone)]
pub(in crate::telemetry) struct Health(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    about: About,
    queued: AtomicU64,
    exported: AtomicU64,
    dropped: Arc<AtomicU64>,
    is_failing: AtomicBool,
    is_overflowing: AtomicBool,
    is_rejecting: AtomicBool,
    /// There is an overflow to be said.
    overflow: Notify,
    last_error: Mutex<Option<String>>,
    advice: Mutex<Option<String>>,
    /// How the queue is told that the program is ending.
    hurry: OnceLock<Hurry>,
    backend: OnceLock<Arc<Backend>>,
    log: LateLog,
}

impl Health {
    pub(in crate::telemetry) fn new(mut about: About) -> Self {
        about.target = redact::text(&about.target).into_owned();
        Self(Arc::new(Inner {
            about,
            queued: AtomicU64::new(0),
            exported: AtomicU64::new(0),
            dropped: Arc::default(),
            is_failing: AtomicBool::new(false),
            is_overflowing: AtomicBool::new(false),
            is_rejecting: AtomicBool::new(false),
            overflow: Notify::new(),
            last_error: Mutex::new(None),
            advice: Mutex::new(None),
            hurry: OnceLock::new(),
            backend: OnceLock::new(),
            log: LateLog::default(),
        }))
    }

    /// The same for an exporter that was to be made; one that could not be is failing from the start.
    pub(super) fn of<E>(exporter: &Made<E>, about: About) -> Self {
        let health = Self::new(about);
        if let Err(failure) = exporter {
            // Of an exporter that never works one thing is to be said, once: why.
            health.remember(redact::text(&failure.cause).into_owned());
            *lock(&health.0.advice) = Some(health.0.about.setting.advice(failure));
            health.0.is_failing.store(true, Relaxed);
        }
        health
    }

    /// What happens to the backend is said once for all of `siblings`.
    fn join(&self, siblings: &Siblings) {
        let backend = siblings.backends().of(&self.0.about);
        self.send_to(&backend);
        let _ = self.0.backend.set(backend);
    }

    /// The backend; one of its own where no siblings were named.
    fn backend(&self) -> &Backend {
        self.0.backend.get_or_init(|| {
            let backend = Arc::default();
            self.send_to(&backend);
            backend
        })
    }

    fn send_to(&self, backend: &Backend) {
        let is_failing = self.0.is_failing.load(Relaxed);
        // Nothing was exported yet: what fails now always will.
        let unusable = is_failing
            .then(|| lock(&self.0.last_error).clone())
            .flatten();
        backend.join(self.0.about.signal, unusable, &self.0.dropped);
    }

    /// Says changes to `dispatch` from now on, and at once what who comes from elsewhere should know.
    pub(in crate::telemetry) fn log_to(&self, dispatch: &Dispatch) {
        self.0.log.log_to(dispatch);
        let About {
            exporter, target, ..
        } = &self.0.about;
        if self.0.is_failing.load(Relaxed) {
            return self.say_unusable();
        }
        if *exporter == "jaeger" && self.backend().is_new() {
            self.say(|| {
                tracing::info!(
                    exporter,
                    "spans go to Jaeger at {target} by OTLP over gRPC; Thrift and its ports (6831, 6832, 14268) are gone \
                     from Jaeger 2"
                );
            });
        }
    }

    /// It is failing before anything was exported.
    fn say_unusable(&self) {
        let exporter = self.0.about.exporter;
        let error = self.snapshot().last_error.unwrap_or_default();
        let said = self.backend().cannot(&error);
        if said.signals.is_empty() {
            return;
        }
        let (items, services) = (said.items(), services(&said));
        self.say(|| {
            tracing::warn!(
                exporter,
                services,
                error,
                "`{exporter}` cannot be used, and all {items} for it are dropped; correct the setting, and start the program again"
            );
        });
    }

    pub(super) fn hurry_by(&self, hurry: Hurry) {
        let _ = self.0.hurry.set(hurry);
    }

    /// The program is ending: the queue sends what it has, beside all others.
    pub(in crate::telemetry) fn hurry(&self) {
        if let Some(hurry) = self.0.hurry.get() {
            hurry.now();
        }
    }

    pub(super) fn exporter(&self) -> &'static str {
        self.0.about.exporter
    }

    pub(in crate::telemetry) fn snapshot(&self) -> ExporterHealth {
        let inner = &self.0;
        let last_error = lock(&inner.last_error);
        ExporterHealth {
            exporter: inner.about.exporter,
            signal: inner.about.signal.as_str(),
            target: inner.about.target.clone(),
            queued: inner.queued.load(Relaxed),
            exported: inner.exported.load(Relaxed),
            dropped: inner.dropped.load(Relaxed),
            is_failing: inner.is_failing.load(Relaxed),
            last_error: last_error.clone(),
            advice: lock(&inner.advice).clone(),
        }
    }

    pub(super) fn queued(&self) {
        self.0.queued.fetch_add(1, Relaxed);
    }

    /// The queue had no room. It is said by the queue's thread: who is here may be in the middle of a log line.
    pub(super) fn overflowed(&self) {
        self.0.queued.fetch_sub(1, Relaxed);
        self.0.dropped.fetch_add(1, Relaxed);
        if !self.0.is_overflowing.swap(true, Relaxed) {
            self.0.overflow.notify_one();
        }
    }

    /// There is nobody any more who would export it.
    pub(super) fn came_too_late(&self) {
        let less = |queued: u64| queued.checked_sub(1);
        // Where the thread panicked at this very moment, it is among what was lost with it.
        if self.0.queued.fetch_update(Relaxed, Relaxed, less).is_ok() {
            self.0.dropped.fetch_add(1, Relaxed);
        }
    }

    /// The exporter's thread is gone, and with it what waited.
    pub(super) fn panicked(&self) {
        let inner = &self.0;
        inner
            .dropped
            .fetch_add(inner.queued.swap(0, Relaxed), Relaxed);
        let advice = "start the program again, and report what it said of the panic";
        self.remember("the exporter's thread panicked".to_owned());
        *lock(&inner.advice) = Some(advice.to_owned());
        inner.is_failing.store(true, Relaxed);
        let (exporter, items) = (inner.about.exporter, items(inner.about.signal));
        self.say(|| {
            tracing::error!(
                exporter,
                signal = inner.about.signal.as_str(),
                "the thread that exports {items} to `{exporter}` panicked, and all {items} for it are dropped; {advice}"
            );
        });
    }

    /// Waits until there is an overflow to be said.
    pub(super) async fn overflow(&self) {
        self.0.overflow.notified().await;
    }

    pub(super) fn say_overflow(&self) {
        let About {
            exporter, signal, ..
        } = &self.0.about;
        let items = items(*signal);
        let key = match signal {
            Signal::Traces => "telemetry.batch.max_queue_size",
            Signal::Metrics => "telemetry.metrics.export_interval",
            Signal::Logs => "telemetry.logs_batch.max_queue_size",
        };
        self.say(|| {
            tracing::warn!(
                exporter,
                signal = signal.as_str(),
                "the queue of {items} for `{exporter}` is full; they are dropped until there is room ({key})"
            );
        });
    }

    /// What became of a batch of `count`.
    pub(super) fn settle(&self, count: usize, result: Result<Taken, Failure>) {
        match result {
            Ok(taken) => self.exported(count, &taken),
            Err(failure) => self.failed(count, &failure),
        }
    }

    fn exported(&self, count: usize, taken: &Taken) {
        let inner = &self.0;
        let rejected = taken.rejected.min(count as u64);
        inner.queued.fetch_sub(count as u64, Relaxed);
        inner.exported.fetch_add(count as u64 - rejected, Relaxed);
        inner.dropped.fetch_add(rejected, Relaxed);
        inner.is_overflowing.store(false, Relaxed);
        self.rejected(taken);
        if inner.is_failing.swap(false, Relaxed) {
            self.say_recovered(&self.backend().works(inner.about.signal));
        }
    }

    fn say_recovered(&self, said: &Said) {
        let exporter = self.0.about.exporter;
        let (items, target) = (said.items(), self.target(said));
        let (services, dropped) = (services(said), said.dropped);
        if !said.signals.is_empty() {
            self.say(|| {
                tracing::info!(
                    exporter,
                    services,
                    dropped,
                    "exporting {items} to `{exporter}` at {target} works again"
                );
            });
        }
    }

    /// A backend that takes only a part says so once, until it takes everything again.
    fn rejected(&self, taken: &Taken) {
        let inner = &self.0;
        let is_rejecting = taken.rejected > 0 || !taken.said.is_empty();
        if inner.is_rejecting.swap(is_rejecting, Relaxed) || !is_rejecting {
            return;
        }
        let error = redact::text(&taken.said).into_owned();
        self.remember(format!("it rejected {}: {error}", taken.rejected));
        let About {
            exporter, target, ..
        } = &inner.about;
        let (items, rejected) = (items(inner.about.signal), taken.rejected);
        self.say(|| {
            tracing::warn!(
                exporter,
                rejected,
                error,
                "`{exporter}` at {target} takes only a part of the {items}; the rest is dropped"
            );
        });
    }

    /// The backend did not take a batch of `count`, which is lost.
    pub(super) fn failed(&self, count: usize, failure: &Failure) {
        let inner = &self.0;
        inner.queued.fetch_sub(count as u64, Relaxed);
        inner.dropped.fetch_add(count as u64, Relaxed);
        let error = redact::text(&failure.cause).into_owned();
        self.remember(error.clone());
        let advice = inner.about.setting.advice(failure);
        *lock(&inner.advice) = Some(advice.clone());
        inner.is_failing.store(true, Relaxed);
        // An exporter that cannot be used was spoken of at the start.
        if failure.kind != Kind::Settings {
            let said = self.backend().fails(inner.about.signal, failure.kind);
            self.say_failing(&said, &error, &advice);
        }
    }

    fn say_failing(&self, said: &Said, error: &str, advice: &str) {
        let exporter = self.0.about.exporter;
        let (items, target, services) = (said.items(), self.target(said), services(said));
        if !said.signals.is_empty() {
            self.say(|| {
                tracing::warn!(
                    exporter,
                    services,
                    error,
                    "exporting {items} to `{exporter}` at {target} fails; {advice}; {items} are dropped until it recovers"
                );
            });
        }
    }

    /// Where to: paths differ from signal to signal.
    fn target(&self, said: &Said) -> String {
        let target = &self.0.about.target;
        match said.signals[..] {
            [_, _, ..] => place(target),
            [_] | [] => target.clone(),
        }
    }

    fn remember(&self, error: String) {
        *lock(&self.0.last_error) = Some(error);
    }

    /// An exporter's thread has no subscriber of its own.
    fn say(&self, log: impl FnOnce()) {
        self.0.log.say(log);
    }
}

fn lock(text: &Mutex<Option<String>>) -> MutexGuard<'_, Option<String>> {
    text.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many services what is said is about, where they are several.
fn services(said: &Said) -> Option<usize> {
    (said.services > 1).then_some(said.services)
}
