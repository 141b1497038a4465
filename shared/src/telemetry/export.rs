//! Where spans go: each exporter that the configuration names, as a processor of its own with a queue of its own.

mod advice;
mod backend;
mod console;
mod failure;
mod file;
mod health;
mod memory;
mod otlp;
mod queue;
mod retry;
mod signals;
mod unusable;
mod zipkin;

use std::sync::Arc;

use chimera_traces::{Store, StoreProcessor};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SpanData, SpanProcessor};
use thiserror::Error;

pub use health::ExporterHealth;

pub(super) use backend::Backends;
pub(super) use console::Board;
pub(super) use health::Monitor;
pub(super) use memory::Memory;
pub(super) use queue::Queue;

use super::{
    logs::{Record, RecordLimits},
    metrics::Push,
    siblings::Siblings,
};
use crate::config::{
    Compression, ExemplarFilter, Exporter, Headers, OtlpProtocol, OtlpSignal, Secret, Signal,
    TelemetryConfig,
};
use console::Console;
use failure::Failure;
use file::{Rotation, SpanFile};
use health::{About, Health};
use otlp::Otlp;
use queue::{Export, Limits};
use unusable::Unusable;
use zipkin::Zipkin;

/// Telemetry that cannot be set up. A backend that is down, and a URL or a certificate that cannot be used, are no errors:
/// spans are dropped and counted then.
#[derive(Debug, Error)]
pub enum TelemetryError {
    /// The built-in store was asked for, and there is none.
    #[error("telemetry.exporters has `embedded`, but the program opened no span store")]
    NoStore,
    /// The file exporter was asked for, and nothing says where the file is to be.
    #[error("telemetry.exporters has `file`, but telemetry.file.path is empty")]
    NoFile,
    /// The operating system gave no thread or no event loop.
    #[error("starting the queue of an exporter")]
    Start(#[source] std::io::Error),
}

/// What was made of the configuration's exporters.
#[derive(Debug)]
pub(super) struct Exports {
    pub(super) sinks: Vec<Box<dyn SpanProcessor>>,
    /// Where the `memory` exporter keeps its spans.
    pub(super) memory: Option<InMemorySpanExporter>,
    /// The state of each exporter that can fail.
    pub(super) health: Vec<Monitor>,
    /// Whether metrics are kept for Prometheus to fetch.
    pub(super) is_fetched: bool,
    /// The ways that metrics are sent.
    pub(super) pushes: Vec<Push>,
    /// Which measurements may become exemplars.
    pub(super) exemplars: ExemplarFilter,
    /// Where log records go, and how much one can hold.
    pub(super) logs: Option<(Arc<Queue<Record>>, RecordLimits)>,
}

impl Default for Exports {
    /// Spans and log records go nowhere, metrics can be fetched.
    fn default() -> Self {
        Self {
            sinks: Vec::new(),
            memory: None,
            health: Vec::new(),
            is_fetched: true,
            pushes: Vec::new(),
            exemplars: ExemplarFilter::TraceBased,
            logs: None,
        }
    }
}

impl Exports {
    /// Spans in the memory of the exporter that is returned, and nothing else.
    pub(super) fn in_memory() -> (Self, InMemorySpanExporter) {
        let exporter = InMemorySpanExporter::default();
        let exports = Self {
            sinks: vec![Box::new(Memory::new(exporter.clone()))],
            ..Self::default()
        };
        (exports, exporter)
    }

    /// The exporters of `config`, each once.
    pub(super) fn open(
        config: &TelemetryConfig,
        store: Option<Store>,
        siblings: &Siblings,
    ) -> Result<Self, TelemetryError> {
        let mut exports = Self::default();
        let mut store = store;
        for (index, exporter) in config.exporters.iter().enumerate() {
            if !config.exporters[..index].contains(exporter) {
                exports.open_one(*exporter, config, (&mut store, siblings))?;
            }
        }
        exports.open_metrics(config)?;
        exports.open_logs(config)?;
        for exporter in &exports.health {
            exporter.join(siblings);
        }
        Ok(exports)
    }

    fn open_one(
        &mut self,
        exporter: Exporter,
        config: &TelemetryConfig,
        (store, siblings): (&mut Option<Store>, &Siblings),
    ) -> Result<(), TelemetryError> {
        let limits = Limits::from(&config.batch);
        match exporter {
            Exporter::Embedded => {
                let store = store.take().ok_or(TelemetryError::NoStore)?;
                self.health.push(Monitor::Store(store.clone()));
                self.sinks.push(Box::new(StoreProcessor::new(store)));
                Ok(())
            }
            Exporter::Otlp => self.open_otlp(config, limits),
            Exporter::Jaeger => self.open_jaeger(config, limits),
            Exporter::Zipkin => {
                let about = About::spans(
                    "zipkin",
                    config.zipkin.endpoint.expose(),
                    "telemetry.zipkin",
                );
                self.start_made(Zipkin::new(&config.zipkin), limits, about)
            }
            Exporter::Console => {
                let about = About::spans("console", "standard error", "telemetry.console");
                self.start(Console::new(siblings.board()), console::LIMITS, about)
            }
            Exporter::File => self.open_file(config, limits),
            Exporter::Memory => {
                let exporter = InMemorySpanExporter::default();
                self.memory = Some(exporter.clone());
                self.sinks.push(Box::new(Memory::new(exporter)));
                Ok(())
            }
            Exporter::None => Ok(()),
        }
    }

    fn open_otlp(
        &mut self,
        config: &TelemetryConfig,
        limits: Limits,
    ) -> Result<(), TelemetryError> {
        let settings = config.otlp.signal(Signal::Traces);
        let about = About::otlp(Signal::Traces, &settings);
        self.start_made(Otlp::new(Signal::Traces, &settings), limits, about)
    }

    /// Jaeger takes OTLP; Thrift, which its older clients spoke, is gone from Jaeger 2.
    fn open_jaeger(
        &mut self,
        config: &TelemetryConfig,
        limits: Limits,
    ) -> Result<(), TelemetryError> {
        let url = config.jaeger.endpoint.expose();
        let settings = OtlpSignal {
            url: Secret::new(url),
            protocol: OtlpProtocol::Grpc,
            // What is said for the `otlp` exporter is another backend's: its credentials are not Jaeger's.
            headers: Headers::default(),
            timeout: config.otlp.timeout,
            compression: Compression::None,
            certificate: config.otlp.certificate.clone(),
            client_key: None,
            client_certificate: None,
        };
        let about = About::spans("jaeger", url, "telemetry.jaeger");
        self.start_made(Otlp::new(Signal::Traces, &settings), limits, about)
    }

    fn open_file(
        &mut self,
        config: &TelemetryConfig,
        limits: Limits,
    ) -> Result<(), TelemetryError> {
        let path = config.file.path.clone().ok_or(TelemetryError::NoFile)?;
        let about = About::spans("file", &path.to_string_lossy(), "telemetry.file");
        let rotation = Rotation {
            path,
            max_bytes: config.file.max_size.as_u64(),
            max_files: config.file.max_files.get(),
        };
        self.start(SpanFile::new(rotation), limits, about)
    }

    fn start(
        &mut self,
        exporter: impl Export<SpanData>,
        limits: Limits,
        about: About,
    ) -> Result<(), TelemetryError> {
        self.start_with(exporter, limits, Health::new(about))
    }

    /// Starts it also where it could not be made.
    fn start_made(
        &mut self,
        exporter: Result<impl Export<SpanData>, Unusable>,
        limits: Limits,
        about: About,
    ) -> Result<(), TelemetryError> {
        let exporter = exporter.map_err(Failure::from);
        let health = Health::of(&exporter, about);
        self.start_with(exporter, limits, health)
    }

    fn start_with(
        &mut self,
        exporter: impl Export<SpanData>,
        limits: Limits,
        health: Health,
    ) -> Result<(), TelemetryError> {
        let queue = Queue::start(exporter, limits, health.clone())?;
        self.sinks.push(Box::new(queue));
        self.health.push(Monitor::Queue(health));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
