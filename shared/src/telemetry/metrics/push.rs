//! Metrics that are sent, rather than fetched: collected at intervals, and queued for their exporter.

use std::{sync::Arc, time::Duration};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_sdk::{
    error::OTelSdkResult,
    metrics::{
        PeriodicReader, Temporality as SdkTemporality, data::ResourceMetrics,
        exporter::PushMetricExporter,
    },
};

use super::exemplars::Exemplars;
use crate::{config::Temporality, telemetry::export::Queue};

/// One way out for metrics.
#[derive(Debug, Clone)]
pub(in crate::telemetry) struct Push {
    pub(in crate::telemetry) queue: Arc<Queue<ExportMetricsServiceRequest>>,
    pub(in crate::telemetry) interval: Duration,
    pub(in crate::telemetry) temporality: Temporality,
}

impl Push {
    /// What collects for it.
    pub(super) fn reader(&self, exemplars: &Arc<Exemplars>) -> PeriodicReader<Collected> {
        let builder = PeriodicReader::builder(Collected {
            push: self.clone(),
            exemplars: Arc::clone(exemplars),
        });
        builder.with_interval(self.interval).build()
    }
}

/// Takes what the SDK collected. It never waits, so that the SDK's thread, which has no time limit, does not either.
#[derive(Debug)]
pub(super) struct Collected {
    push: Push,
    exemplars: Arc<Exemplars>,
}

impl PushMetricExporter for Collected {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let mut request = ExportMetricsServiceRequest::from(metrics);
        self.exemplars.add_to(&mut request);
        self.push.queue.push(request);
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    /// The queue is ended by who made it, within the time that is left then.
    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> SdkTemporality {
        match self.push.temporality {
            Temporality::Cumulative => SdkTemporality::Cumulative,
            Temporality::Delta => SdkTemporality::Delta,
            Temporality::LowMemory => SdkTemporality::LowMemory,
        }
    }
}
