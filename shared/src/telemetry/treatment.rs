//! What the configuration says about spans, apart from where they go.

use std::sync::Arc;

use opentelemetry_sdk::trace::{Sampler as SdkSampler, ShouldSample, SpanLimits};

use super::{finish::Finish, late_log::LateLog, sampling, tail::Tail};
use crate::config::{LimitsConfig, TelemetryConfig};

/// Which spans are made and kept, how much each holds, and what is done to it at its end.
#[derive(Debug)]
pub(super) struct Treatment {
    pub(super) sampler: Box<dyn ShouldSample>,
    pub(super) limits: SpanLimits,
    pub(super) finish: Finish,
    pub(super) tail: Option<Tail>,
    pub(super) log: Arc<LateLog>,
}

impl Treatment {
    /// As `config` says.
    pub(super) fn new(config: &TelemetryConfig) -> Self {
        let log = Arc::<LateLog>::default();
        let tail = Tail::new(config, &log);
        let chosen = sampling::sampler(config);
        Self {
            sampler: match &tail {
                Some(_) => sampling::RecordAll(chosen).into(),
                None => chosen,
            },
            limits: limits(&config.limits),
            finish: Finish::new(config, &log),
            tail,
            log,
        }
    }
}

impl Default for Treatment {
    /// Everything is recorded, unless who calls decided otherwise.
    fn default() -> Self {
        Self {
            sampler: sampling::parent_based(SdkSampler::AlwaysOn),
            limits: SpanLimits::default(),
            finish: Finish::default(),
            tail: None,
            log: Arc::default(),
        }
    }
}

fn limits(config: &LimitsConfig) -> SpanLimits {
    SpanLimits {
        max_events_per_span: config.span_event_count,
        max_attributes_per_span: config.span_attributes(),
        max_links_per_span: config.span_link_count,
        max_attributes_per_event: config.event_attribute_count,
        max_attributes_per_link: config.link_attribute_count,
    }
}
