//! Where metrics and log records go: as for spans, each way with a queue of its own.

use std::sync::Arc;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;

use super::{
    Exports, TelemetryError,
    advice::Setting,
    console::MetricLines,
    failure::Failure,
    health::{About, Health, Monitor},
    otlp::Otlp,
    queue::{Export, Limits, Queue},
};
use crate::{
    config::{LogsExporter, MetricsExporter, Signal, TelemetryConfig},
    telemetry::metrics::Push,
};

impl Exports {
    /// The ways out of metrics, each once.
    pub(super) fn open_metrics(&mut self, config: &TelemetryConfig) -> Result<(), TelemetryError> {
        let wanted = |exporter| config.metrics_exporters.contains(&exporter);
        self.exemplars = config.metrics.exemplars;
        self.is_fetched = wanted(MetricsExporter::Prometheus);
        if wanted(MetricsExporter::Otlp) {
            let settings = config.otlp.signal(Signal::Metrics);
            let exporter = Otlp::new(Signal::Metrics, &settings).map_err(Failure::from);
            let health = Health::of(&exporter, About::otlp(Signal::Metrics, &settings));
            self.push(exporter, health, config)?;
        }
        if wanted(MetricsExporter::Console) {
            let about = About {
                exporter: "console",
                signal: Signal::Metrics,
                target: "standard error".to_owned(),
                setting: Setting {
                    section: "telemetry.metrics",
                    protocol: None,
                },
            };
            self.push(MetricLines, Health::new(about), config)?;
        }
        Ok(())
    }

    fn push(
        &mut self,
        exporter: impl Export<ExportMetricsServiceRequest>,
        health: Health,
        config: &TelemetryConfig,
    ) -> Result<(), TelemetryError> {
        // Each collection goes by itself, and at once; a few may wait for a backend that comes back.
        let limits = Limits {
            queue: 8,
            batch: 1,
            delay: std::time::Duration::ZERO,
            timeout: config.metrics.export_timeout,
        };
        let queue = Queue::start(exporter, limits, health.clone())?;
        self.health.push(Monitor::Queue(health));
        self.pushes.push(Push {
            queue: Arc::new(queue),
            interval: config.metrics.export_interval,
            temporality: config.metrics.temporality,
        });
        Ok(())
    }

    /// The way out of log records; the console has the log lines anyway.
    pub(super) fn open_logs(&mut self, config: &TelemetryConfig) -> Result<(), TelemetryError> {
        if !config.logs_exporters.contains(&LogsExporter::Otlp) {
            return Ok(());
        }
        let settings = config.otlp.signal(Signal::Logs);
        let exporter = Otlp::new(Signal::Logs, &settings).map_err(Failure::from);
        let health = Health::of(&exporter, About::otlp(Signal::Logs, &settings));
        let limits = Limits::from(&config.logs_batch);
        let queue = Queue::start(exporter, limits, health.clone())?;
        self.health.push(Monitor::Queue(health));
        self.logs = Some((Arc::new(queue), (&config.limits).into()));
        Ok(())
    }
}
