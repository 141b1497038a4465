//! Where spans go: each exporter that the configuration names, as a processor of its own.

mod console;
mod health;
mod memory;
mod otlp;
mod queue;

use chimera_traces::{Store, StoreProcessor};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SpanProcessor};
use thiserror::Error;

pub use health::ExporterHealth;

pub(super) use console::Console;
pub(super) use health::Health;
pub(super) use memory::Memory;

use crate::{
    config::{Exporter, Signal, TelemetryConfig},
    http::HttpError,
};
use queue::Queue;

/// Telemetry that cannot be set up. What only fails later (a backend that is down) is no error: spans are dropped and
/// counted then.
#[derive(Debug, Error)]
pub enum TelemetryError {
    /// The built-in store was asked for, and there is none.
    #[error("telemetry.exporters has `embedded`, but the program opened no span store")]
    NoStore,
    /// The OTLP exporter refuses its settings.
    #[error("setting up the OTLP exporter; see telemetry.otlp")]
    Otlp(#[source] opentelemetry_otlp::ExporterBuildError),
    /// The OTLP exporter has no HTTP client.
    #[error("setting up the HTTP client of the OTLP exporter")]
    OtlpClient(#[source] HttpError),
    /// The operating system gave no thread or no event loop.
    #[error("starting the queue of an exporter")]
    Start(#[source] std::io::Error),
}

/// What was made of the configuration's exporters.
#[derive(Debug, Default)]
pub(super) struct Exports {
    pub(super) sinks: Vec<Box<dyn SpanProcessor>>,
    /// Where the `memory` exporter keeps its spans.
    pub(super) memory: Option<InMemorySpanExporter>,
    /// The state of each exporter that has a queue.
    pub(super) health: Vec<Health>,
}

impl Exports {
    /// The exporters of `config`, each once; `service` is for the console's lines.
    pub(super) fn open(
        service: &str,
        config: &TelemetryConfig,
        store: Option<Store>,
    ) -> Result<Self, TelemetryError> {
        let mut exports = Self::default();
        let mut store = store;
        for (index, exporter) in config.exporters.iter().enumerate() {
            if config.exporters[..index].contains(exporter) {
                continue;
            }
            match exporter {
                Exporter::Embedded => {
                    let store = store.take().ok_or(TelemetryError::NoStore)?;
                    exports.sinks.push(Box::new(StoreProcessor::new(store)));
                }
                Exporter::Otlp => exports.open_otlp(config)?,
                Exporter::Console => exports.sinks.push(Box::new(Console::new(service))),
                Exporter::Memory => {
                    let exporter = InMemorySpanExporter::default();
                    exports.memory = Some(exporter.clone());
                    exports.sinks.push(Box::new(Memory::new(exporter)));
                }
                Exporter::None => {}
            }
        }
        Ok(exports)
    }

    fn open_otlp(&mut self, config: &TelemetryConfig) -> Result<(), TelemetryError> {
        let health = Health::new("otlp", config.otlp.signal(Signal::Traces).url.expose());
        let connect = otlp::connector(&config.otlp, &health);
        let queue = Queue::start(connect, &config.batch, health.clone())?;
        self.sinks.push(Box::new(queue));
        self.health.push(health);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
