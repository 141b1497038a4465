//! How an exporter fares: counted, and said once per change.

use std::sync::{
    Arc, Mutex, MutexGuard, OnceLock, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

use chimera_traces::Store;
use tokio::sync::Notify;
use tracing::Dispatch;

use super::{
    advice::Setting,
    failure::Failure,
    queue::{Hurry, Taken},
    unusable::Made,
};
use crate::{
    config::{OtlpSignal, Signal},
    telemetry::{late_log::LateLog, redact},
};

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

/// What an exporter is, for those who read its log lines.
#[derive(Debug)]
pub(in crate::telemetry) struct About {
    /// Its name in the configuration.
    pub(in crate::telemetry) exporter: &'static str,
    pub(in crate::telemetry) signal: Signal,
    /// Where to; credentials are left out of what is said.
    pub(in crate::telemetry) target: String,
    pub(super) setting: Setting,
}

impl About {
    /// An exporter of spans that is configured in `section`.
    pub(super) fn spans(exporter: &'static str, target: &str, section: &'static str) -> Self {
        Self {
            exporter,
            signal: Signal::Traces,
            target: target.to_owned(),
            setting: Setting {
                section,
                protocol: None,
            },
        }
    }

    /// The OTLP exporter of `signal`.
    pub(super) fn otlp(signal: Signal, settings: &OtlpSignal) -> Self {
        Self {
            exporter: "otlp",
            signal,
            target: settings.url.expose().to_owned(),
            setting: Setting {
                section: "telemetry.otlp",
                protocol: Some(settings.protocol),
            },
        }
    }
}

/// Who tells how an exporter fares. A cheap clone.
#[derive(Debug, Clone)]
pub(in crate::telemetry) enum Monitor {
    /// The queue in front of a backend.
    Queue(Health),
    /// The built-in store, which is the process's: what it tells is about all services in it. It has no queue, and says by
    /// itself when it fails.
    Store(Store),
}

impl Monitor {
    pub(in crate::telemetry) fn snapshot(&self) -> ExporterHealth {
        match self {
            Self::Queue(health) => health.snapshot(),
            Self::Store(store) => stored(store.health()),
        }
    }

    /// Says changes to `dispatch` from now on.
    pub(in crate::telemetry) fn log_to(&self, dispatch: &Dispatch) {
        if let Self::Queue(health) = self {
            health.log_to(dispatch);
        }
    }

    /// The program is ending: what waits is sent, beside all others.
    pub(in crate::telemetry) fn hurry(&self) {
        if let Self::Queue(health) = self {
            health.hurry();
        }
    }
}

fn stored(health: chimera_traces::store::Health) -> ExporterHealth {
    let error = health.last_error;
    ExporterHealth {
        exporter: "embedded",
        signal: Signal::Traces.as_str(),
        target: "the built-in store".to_owned(),
        queued: 0,
        exported: health.written,
        dropped: health.dropped,
        is_failing: health.failing,
        last_error: error.map(|error| redact::text(&error).into_owned()),
        advice: health.failing.then(|| {
            "make room on the disk of the data directory, and see that it can be written".to_owned()
        }),
    }
}

/// The counters of one exporter. A cheap clone.
#[derive(Debug, Clone)]
pub(in crate::telemetry) struct Health(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    about: About,
    queued: AtomicU64,
    exported: AtomicU64,
    dropped: AtomicU64,
    is_failing: AtomicBool,
    is_overflowing: AtomicBool,
    is_rejecting: AtomicBool,
    /// There is an overflow to be said.
    overflow: Notify,
    last_error: Mutex<Option<String>>,
    advice: Mutex<Option<String>>,
    /// How the queue is told that the program is ending.
    hurry: OnceLock<Hurry>,
    log: LateLog,
}

impl Health {
    pub(in crate::telemetry) fn new(mut about: About) -> Self {
        about.target = redact::text(&about.target).into_owned();
        Self(Arc::new(Inner {
            about,
            queued: AtomicU64::new(0),
            exported: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            is_failing: AtomicBool::new(false),
            is_overflowing: AtomicBool::new(false),
            is_rejecting: AtomicBool::new(false),
            overflow: Notify::new(),
            last_error: Mutex::new(None),
            advice: Mutex::new(None),
            hurry: OnceLock::new(),
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

    /// Says changes to `dispatch` from now on, and at once what who comes from elsewhere should know.
    pub(in crate::telemetry) fn log_to(&self, dispatch: &Dispatch) {
        self.0.log.log_to(dispatch);
        let About {
            exporter, target, ..
        } = &self.0.about;
        if self.0.is_failing.load(Relaxed) {
            return self.say_unusable();
        }
        if *exporter == "jaeger" {
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
        let About {
            exporter, signal, ..
        } = &self.0.about;
        let (items, error) = (self.items(), self.snapshot().last_error.unwrap_or_default());
        self.say(|| {
            tracing::warn!(
                exporter,
                signal = signal.as_str(),
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

    /// Waits until there is an overflow to be said.
    pub(super) async fn overflow(&self) {
        self.0.overflow.notified().await;
    }

    pub(super) fn say_overflow(&self) {
        let About {
            exporter, signal, ..
        } = &self.0.about;
        let (items, key) = match signal {
            Signal::Traces => ("spans", "telemetry.batch.max_queue_size"),
            Signal::Metrics => ("metrics", "telemetry.metrics.export_interval"),
            Signal::Logs => ("log records", "telemetry.logs_batch.max_queue_size"),
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
            let About {
                exporter, target, ..
            } = &inner.about;
            let (items, dropped) = (self.items(), inner.dropped.load(Relaxed));
            self.say(|| {
                tracing::info!(
                    exporter,
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
        let (items, rejected) = (self.items(), taken.rejected);
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
        if !inner.is_failing.swap(true, Relaxed) {
            let About {
                exporter, target, ..
            } = &inner.about;
            let items = self.items();
            self.say(|| {
                tracing::warn!(
                    exporter,
                    error,
                    "exporting {items} to `{exporter}` at {target} fails; {advice}; {items} are dropped until it recovers"
                );
            });
        }
    }

    fn remember(&self, error: String) {
        *lock(&self.0.last_error) = Some(error);
    }

    fn items(&self) -> &'static str {
        match self.0.about.signal {
            Signal::Traces => "spans",
            Signal::Metrics => "metrics",
            Signal::Logs => "log records",
        }
    }

    /// An exporter's thread has no subscriber of its own.
    fn say(&self, log: impl FnOnce()) {
        self.0.log.say(log);
    }
}

fn lock(text: &Mutex<Option<String>>) -> MutexGuard<'_, Option<String>> {
    text.lock().unwrap_or_else(PoisonError::into_inner)
}
