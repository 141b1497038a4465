//! How an exporter fares: counted, and said once per change.

use std::sync::{
    Arc, Mutex, MutexGuard, OnceLock, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

use tracing::{Dispatch, dispatcher, dispatcher::WeakDispatch};

use crate::telemetry::redact;

/// How an exporter fares at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExporterHealth {
    /// The exporter's name in `telemetry.exporters`.
    pub exporter: &'static str,
    /// Spans that wait or are being sent.
    pub queued: u64,
    /// Spans that the backend took.
    pub exported: u64,
    /// Spans that were lost: the queue was full, or the backend did not take them.
    pub dropped: u64,
    /// Whether the last export failed.
    pub is_failing: bool,
    /// Why the last export that failed did.
    pub last_error: Option<String>,
}

/// The counters of one exporter. A cheap clone.
#[derive(Debug, Clone)]
pub(in crate::telemetry) struct Health(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    exporter: &'static str,
    /// Where the spans go, without credentials.
    url: String,
    queued: AtomicU64,
    exported: AtomicU64,
    dropped: AtomicU64,
    is_failing: AtomicBool,
    is_overflowing: AtomicBool,
    last_error: Mutex<Option<String>>,
    /// What the transport said of the request that is under way, where the exporter would not repeat it.
    cause: Mutex<Option<String>>,
    /// Weak, because the subscriber holds the tracer, and that the queue, and that this.
    log: OnceLock<WeakDispatch>,
}

impl Health {
    /// `url` is where the spans go; what it holds of credentials is left out.
    pub(super) fn new(exporter: &'static str, url: &str) -> Self {
        Self(Arc::new(Inner {
            exporter,
            url: redact::text(url).into_owned(),
            queued: AtomicU64::new(0),
            exported: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            is_failing: AtomicBool::new(false),
            is_overflowing: AtomicBool::new(false),
            last_error: Mutex::new(None),
            cause: Mutex::new(None),
            log: OnceLock::new(),
        }))
    }

    /// Says changes to `dispatch` from now on.
    pub(in crate::telemetry) fn log_to(&self, dispatch: &Dispatch) {
        let _ = self.0.log.set(dispatch.downgrade());
    }

    pub(in crate::telemetry) fn snapshot(&self) -> ExporterHealth {
        let inner = &self.0;
        let last_error = inner
            .last_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        ExporterHealth {
            exporter: inner.exporter,
            queued: inner.queued.load(Relaxed),
            exported: inner.exported.load(Relaxed),
            dropped: inner.dropped.load(Relaxed),
            is_failing: inner.is_failing.load(Relaxed),
            last_error: last_error.clone(),
        }
    }

    pub(super) fn queued(&self) {
        self.0.queued.fetch_add(1, Relaxed);
    }

    /// The queue had no room for a span.
    pub(super) fn overflowed(&self) {
        self.0.queued.fetch_sub(1, Relaxed);
        self.0.dropped.fetch_add(1, Relaxed);
        if !self.0.is_overflowing.swap(true, Relaxed) {
            let exporter = self.0.exporter;
            self.say(|| {
                tracing::warn!(
                    exporter,
                    "the span queue of `{exporter}` is full; spans are dropped until there is room \
                     (telemetry.batch.max_queue_size)"
                );
            });
        }
    }

    /// The backend took `spans`.
    pub(super) fn exported(&self, spans: usize) {
        let inner = &self.0;
        inner.queued.fetch_sub(spans as u64, Relaxed);
        inner.exported.fetch_add(spans as u64, Relaxed);
        inner.is_overflowing.store(false, Relaxed);
        if inner.is_failing.swap(false, Relaxed) {
            let (exporter, url) = (inner.exporter, &inner.url);
            let dropped = inner.dropped.load(Relaxed);
            self.say(|| {
                tracing::info!(
                    exporter,
                    dropped,
                    "exporting spans to `{exporter}` at {url} works again"
                );
            });
        }
    }

    /// The backend did not take `spans`; they are lost.
    pub(super) fn failed(&self, spans: usize, error: &str) {
        let inner = &self.0;
        inner.queued.fetch_sub(spans as u64, Relaxed);
        inner.dropped.fetch_add(spans as u64, Relaxed);
        let error = match self.cause().take() {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_owned(),
        };
        let error = redact::text(&error).into_owned();
        let mut last_error = inner
            .last_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *last_error = Some(error.clone());
        drop(last_error);
        if !inner.is_failing.swap(true, Relaxed) {
            let (exporter, url) = (inner.exporter, &inner.url);
            self.say(|| {
                tracing::warn!(
                    exporter,
                    error,
                    "exporting spans to `{exporter}` at {url} fails; spans are dropped until it recovers"
                );
            });
        }
    }

    /// What the transport had against the request; `None` when it had nothing.
    pub(super) fn note_cause(&self, cause: Option<String>) {
        *self.cause() = cause;
    }

    fn cause(&self) -> MutexGuard<'_, Option<String>> {
        self.0.cause.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An exporter's thread has no subscriber of its own.
    fn say(&self, log: impl FnOnce()) {
        if let Some(dispatch) = self.0.log.get().and_then(WeakDispatch::upgrade) {
            dispatcher::with_default(&dispatch, log);
        }
    }
}
