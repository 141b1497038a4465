//! The `tracing` subscriber of one service: spans made by macros join the active trace, events become log lines.
//!
//! One subscriber per service, attached to its futures by [`Scope::run`](super::Scope::run), rather than one for the
//! process: several services share a process, and each one's macros and logs must carry its own name.

mod line;
mod record;

use std::{
    io,
    io::{IsTerminal as _, Write as _},
    sync::{Arc, Mutex, PoisonError},
};

use tracing::{Dispatch, Event, Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::{FilterExt as _, filter_fn},
    layer::{Context, SubscriberExt as _},
    registry::LookupSpan,
};

pub(super) use record::{Record, RecordLimits};

use super::{export::Queue, tracer::MacroTracer};
use crate::config::LogFormat;
use line::Line;

/// Where log lines go.
#[derive(Debug)]
pub(super) enum LogOutput {
    /// Standard error: standard output belongs to the answer.
    Stderr,
    /// A buffer that tests read.
    Memory(LogBuffer),
}

/// Log lines kept in memory. A cheap clone of the same buffer.
#[derive(Debug, Clone, Default)]
pub struct LogBuffer(Arc<Mutex<Vec<u8>>>);

/// How a service logs.
#[derive(Debug)]
pub(super) struct LogSettings {
    pub(super) filter: EnvFilter,
    /// What telemetry says of itself has to get through this, too.
    pub(super) own: LevelFilter,
    pub(super) format: LogFormat,
    pub(super) output: LogOutput,
}

impl LogSettings {
    /// JSON of level `info` and above, into the buffer that is returned.
    pub(super) fn in_memory() -> (Self, LogBuffer) {
        let buffer = LogBuffer::default();
        let settings = Self {
            filter: EnvFilter::new("info"),
            own: LevelFilter::INFO,
            format: LogFormat::Json,
            output: LogOutput::Memory(buffer.clone()),
        };
        (settings, buffer)
    }
}

/// The subscriber of `service`, whose macro spans `tracer` starts (none where telemetry is off) and whose lines are
/// written as `logs` says (not at all without), and go to `records`, too.
pub(super) fn dispatch(
    service: &str,
    tracer: Option<MacroTracer>,
    logs: Option<LogSettings>,
    records: Option<(Arc<Queue<Record>>, RecordLimits)>,
) -> Dispatch {
    let spans = tracer.map(|tracer| {
        tracing_opentelemetry::layer()
            .with_tracer(tracer)
            // The conventions know no such attribute, and a module's path tells little.
            .with_target(false)
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            // Libraries trace their inner workings below this level; those are not the service's work.
            .with_filter(LevelFilter::INFO)
    });
    let lines = logs.map(|logs| {
        let lines = Lines {
            service: service.to_owned(),
            is_json: match logs.format {
                LogFormat::Json => true,
                LogFormat::Readable => false,
                LogFormat::Auto => !logs.output.is_terminal(),
            },
            output: logs.output,
            records,
        };
        let own = filter_fn(move |line| !is_own(line.target()) || *line.level() <= logs.own);
        lines.with_filter(logs.filter.and(own))
    });
    Dispatch::new(Registry::default().with(spans).with(lines))
}

/// Whether `target` is a module of telemetry itself.
fn is_own(target: &str) -> bool {
    target.starts_with("opentelemetry") || target.starts_with("chimera_shared::telemetry")
}

/// Writes each event as a line, and hands it on as a record.
struct Lines {
    service: String,
    is_json: bool,
    output: LogOutput,
    records: Option<(Arc<Queue<Record>>, RecordLimits)>,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut line = Line::new(&self.service, event);
        if line.fields.message.is_empty() {
            let function = context.event_span(event).map(|span| span.name());
            line.fields.name_outcome(function);
        }
        let mut text = if self.is_json {
            line.json()
        } else {
            line.readable()
        };
        text.push('\n');
        self.output.write(text.as_bytes());
        // No loop: an exporter's thread has no subscriber, so that what its libraries say is no line.
        if let Some((queue, limits)) = &self.records {
            queue.push(line.record(*limits));
        }
    }
}

impl LogOutput {
    fn is_terminal(&self) -> bool {
        match self {
            Self::Stderr => io::stderr().is_terminal(),
            Self::Memory(_) => false,
        }
    }

    /// One write per line, so that lines of several threads do not mix. A log that cannot be written is no reason to fail.
    fn write(&self, line: &[u8]) {
        match self {
            Self::Stderr => drop(io::stderr().lock().write_all(line)),
            Self::Memory(buffer) => buffer.lock().extend_from_slice(line),
        }
    }
}

impl LogBuffer {
    /// What was logged so far.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.lock()).into_owned()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
