//! The `tracing` subscriber of one service: spans made by macros join the active trace, events become log lines.
//!
//! One subscriber per service, attached to its futures by [`Scope::run`](super::Scope::run), rather than one for the
//! process: several services share a process, and each one's macros and logs must carry its own name.

mod line;

use std::{
    fmt, io,
    io::{IsTerminal as _, Write as _},
    sync::{Arc, Mutex, PoisonError},
};

use tracing::{Dispatch, Event, Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::ParseError,
    layer::{Context, SubscriberExt as _},
};

use super::tracer::Tracer;
use line::Line;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Readable where the output is a terminal, else JSON.
    Auto,
    /// One JSON object per line.
    Json,
    /// One line for people.
    Readable,
}

/// Where log lines go. A cheap clone.
#[derive(Clone)]
pub enum LogOutput {
    /// Standard error: standard output belongs to the answer.
    Stderr,
    /// A buffer that tests read.
    Memory(LogBuffer),
}

/// Log lines kept in memory. A cheap clone of the same buffer.
#[derive(Debug, Clone, Default)]
pub struct LogBuffer(Arc<Mutex<Vec<u8>>>);

/// How a service logs.
#[derive(Debug, Clone)]
pub struct LogSettings {
    /// What is logged, in the syntax of `RUST_LOG`: `info,chimera_bus=debug`.
    pub filter: String,
    /// How lines look.
    pub format: LogFormat,
    /// Where they go.
    pub output: LogOutput,
}

/// The subscriber of `service`, whose macro spans `tracer` starts (none where telemetry is off) and whose lines are
/// written as `logs` says (not at all without).
pub(super) fn dispatch(
    service: &str,
    tracer: Option<Tracer>,
    logs: Option<&LogSettings>,
) -> Result<Dispatch, ParseError> {
    let spans = tracer.map(|tracer| {
        tracing_opentelemetry::layer()
            .with_tracer(tracer)
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            // Libraries trace their inner workings below this level; those are not the service's work.
            .with_filter(LevelFilter::INFO)
    });
    let lines = logs.map(|logs| Lines::layer(service, logs)).transpose()?;
    Ok(Dispatch::new(Registry::default().with(spans).with(lines)))
}

/// Writes each event as a line.
struct Lines {
    service: String,
    is_json: bool,
    output: LogOutput,
}

impl Lines {
    fn layer<S>(service: &str, logs: &LogSettings) -> Result<impl Layer<S>, ParseError>
    where
        S: Subscriber + for<'span> tracing_subscriber::registry::LookupSpan<'span>,
    {
        let filter = EnvFilter::try_new(&logs.filter)?;
        let lines = Self {
            service: service.to_owned(),
            is_json: match logs.format {
                LogFormat::Json => true,
                LogFormat::Readable => false,
                LogFormat::Auto => !logs.output.is_terminal(),
            },
            output: logs.output.clone(),
        };
        Ok(lines.with_filter(filter))
    }
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let line = Line::new(&self.service, event);
        let mut text = if self.is_json {
            line.json()
        } else {
            line.readable()
        };
        text.push('\n');
        self.output.write(text.as_bytes());
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

impl fmt::Debug for LogOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stderr => "Stderr",
            Self::Memory(_) => "Memory",
        })
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
