//! The running side of an agent: what its contexts share, how it consumes, and how each delivery is settled.

pub(crate) mod consume;
pub(crate) mod handler;
pub(crate) mod messaging;
pub(crate) mod process;
pub(crate) mod spans;

mod arrival;
mod settle;

pub(crate) use messaging::Messaging;

use std::{fmt, sync::Arc, time::Duration};

use chimera_bus::QueueName;

use crate::{
    backoff::Backoff, cache::Cache, config::SettleSpans, documents::Documents, http::Http,
    timeseries::TimeSeries,
};

/// What every context of one agent shares.
pub(crate) struct Services {
    pub(crate) messaging: Messaging,
    pub(crate) documents: Documents,
    pub(crate) cache: Cache,
    pub(crate) timeseries: TimeSeries,
    pub(crate) http: Http,
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Services")
            .field("agent", &self.messaging.service)
            .finish_non_exhaustive()
    }
}

/// How an agent treats its messages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) concurrency: usize,
    pub(crate) max_attempts: u32,
    pub(crate) handler_timeout: Duration,
    pub(crate) backoff: Backoff,
}

/// One queue being worked on: its routes, and what they need.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) services: Arc<Services>,
    pub(crate) queue: QueueName,
    /// What spans and metrics call the queue: its name, unless that was made up for one instance.
    pub(crate) label: String,
    pub(crate) routes: Vec<handler::Route>,
    pub(crate) limits: Limits,
    pub(crate) failure: OnFailure,
    /// Which settlements get a span.
    pub(crate) settle_spans: SettleSpans,
}

/// What becomes of a message that cannot be handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnFailure {
    /// Retried, then dead-lettered: work that must not be lost.
    RetryThenDeadLetter,
    /// Dropped with a log line: news for one instance, which nobody would replay.
    Drop,
}
