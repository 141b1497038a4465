//! Who tells how an exporter fares: its queue, or the built-in store.

use chimera_traces::Store;
use tracing::Dispatch;

use super::{ExporterHealth, Health};
use crate::{
    config::Signal,
    telemetry::{redact, siblings::Siblings},
};

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

    /// What happens to its backend is said once for all of `siblings`.
    pub(in crate::telemetry::export) fn join(&self, siblings: &Siblings) {
        if let Self::Queue(health) = self {
            health.join(siblings);
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
