//! The text that a Prometheus server scrapes.

use std::collections::{HashMap, HashSet};

use opentelemetry::Key;
use opentelemetry_prometheus::{PrometheusExporter, ResourceSelector};
use prometheus::{Encoder as _, Registry, TextEncoder};

use super::{
    exemplars::{Exemplars, prometheus_name},
    instruments::DURATIONS,
    open_metrics,
};
use crate::telemetry::keys;

pub(super) struct Rendering(Registry);

impl Rendering {
    /// The rendering, and the reader that feeds it.
    pub(super) fn new() -> (Self, PrometheusExporter) {
        let registry = Registry::new();
        // Several services in one process answer on one page; each line says whose it is.
        let service = HashSet::from([Key::from_static_str(keys::SERVICE_NAME)]);
        let reader = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            .scope_info_enabled(false)
            .with_resource_selector(ResourceSelector::KeyAllowList(service))
            .build()
            .expect("a new registry knows no other collector");
        (Self(registry), reader)
    }

    /// The same in OpenMetrics' format, with exemplars.
    pub(super) fn open_metrics(&self, exemplars: &Exemplars) -> String {
        let durations = DURATIONS.iter().map(|(name, _)| {
            let rendered = format!("{}_seconds", prometheus_name(name));
            (rendered, *name)
        });
        let durations: HashMap<_, _> = durations.collect();
        open_metrics::text(&self.0.gather(), exemplars, |name| {
            durations.get(name).copied()
        })
    }

    pub(super) fn text(&self) -> String {
        let mut text = Vec::new();
        let families = self.0.gather();
        if let Err(error) = TextEncoder::new().encode(&families, &mut text) {
            tracing::warn!(%error, "rendering metrics for Prometheus");
        }
        String::from_utf8_lossy(&text).into_owned()
    }
}
