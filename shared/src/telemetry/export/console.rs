//! Traces on standard error, for people: a tree of what a service did, and with it of what its siblings did.

mod board;
mod metrics;
mod tree;

use std::{sync::Arc, time::Duration};

use opentelemetry_sdk::{Resource, trace::SpanData};
use tokio::time::Instant;

pub(in crate::telemetry) use board::Board;
pub(super) use metrics::MetricLines;

use super::{
    failure::Failure,
    queue::{Export, Limits, Taken},
    retry::Patience,
};
use crate::telemetry::resource::service_name;

/// People wait for what they look at; and no more is held back than anywhere else.
pub(super) const LIMITS: Limits = Limits {
    queue: 8_192,
    batch: 512,
    delay: Duration::from_millis(100),
    timeout: Duration::from_secs(30),
};

/// Puts the spans of one service on the board.
pub(super) struct Console {
    service: Arc<str>,
    /// Until the end: the last one who lets go of it has it show what is left.
    board: Option<Arc<Board>>,
    due: Option<Instant>,
}

impl Console {
    pub(super) fn new(board: Arc<Board>) -> Self {
        Self {
            service: Arc::from(""),
            board: Some(board),
            due: None,
        }
    }
}

impl Export<SpanData> for Console {
    fn describe(&mut self, resource: &Resource) {
        self.service = service_name(resource).into();
    }

    async fn export(
        &mut self,
        batch: Vec<SpanData>,
        _patience: &Patience,
    ) -> Result<Taken, Failure> {
        if let Some(board) = &self.board {
            self.due = board.take(&self.service, batch);
        }
        Ok(Taken::default())
    }

    fn due(&self) -> Option<Instant> {
        self.due
    }

    fn do_what_is_due(&mut self) {
        self.due = self.board.as_ref().and_then(|board| board.show_due());
    }

    fn finish(&mut self) {
        self.board = None;
        self.due = None;
    }
}

#[cfg(test)]
mod tests;
