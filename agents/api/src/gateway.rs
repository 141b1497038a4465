//! What the handlers share.

use std::time::Duration;

use chimera_shared::config::ApiConfig;

use crate::{open_queries::OpenQueries, question::Limits};

/// How long after its deadline a query that nobody ended is taken to be expired: its agent may be storing its end.
pub(crate) const EXPIRY_GRACE: Duration = Duration::from_secs(1);

/// The state of the routes. A cheap clone.
#[derive(Debug, Clone)]
pub(crate) struct Gateway {
    pub(crate) limits: Limits,
    /// How long a question may take.
    pub(crate) question_timeout: Duration,
    /// How long a client may wait for an answer.
    pub(crate) max_wait: Duration,
    pub(crate) open: OpenQueries,
}

impl Gateway {
    pub(crate) fn new(config: &ApiConfig) -> Self {
        Self {
            limits: Limits {
                // A limit that does not fit is none on this machine.
                body: usize::try_from(config.max_body.as_u64()).unwrap_or(usize::MAX),
                chars: config.max_question_chars.get(),
            },
            question_timeout: config.question_timeout,
            max_wait: config.max_wait,
            open: OpenQueries::new(
                config.max_concurrent_questions.get(),
                config.question_timeout + EXPIRY_GRACE,
            ),
        }
    }
}
