//! Which traces are recorded.
//!
//! A share is chosen by trace id alone, so that services decide alike without asking each other: the SDK compares the 63
//! high bits of the id's last eight bytes with the share, as the SDKs of other languages do. The specification fixes
//! no algorithm (only that a trace of a smaller share is in every larger one, which this keeps), and reads the parent's
//! decision in no sampler but the parent-based.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use opentelemetry::{
    Context as OtelContext, KeyValue,
    trace::{Link, SpanKind, TraceId},
};
use opentelemetry_sdk::trace::{
    Sampler as SdkSampler, SamplingDecision, SamplingResult, ShouldSample,
};

use super::{pattern::Pattern, propagation::Refused};
use crate::config::{Sampler, SamplerRule, TelemetryConfig};

type Boxed = Box<dyn ShouldSample>;

/// The sampler that `config` asks for.
pub(super) fn sampler(config: &TelemetryConfig) -> Boxed {
    let ratio = || SdkSampler::TraceIdRatioBased(config.sampler_arg);
    let by_attribute = || ByAttribute::new(&config.sampler_rules, config.sampler_arg);
    let limited = || RateLimited::new(config.sampler_rate);
    match config.sampler {
        Sampler::AlwaysOn => SdkSampler::AlwaysOn.into(),
        Sampler::AlwaysOff => SdkSampler::AlwaysOff.into(),
        Sampler::TraceIdRatio => ratio().into(),
        Sampler::Attribute => per_process(by_attribute()),
        Sampler::RateLimited => per_process(limited()),
        Sampler::ParentBasedAlwaysOn => parent_based(SdkSampler::AlwaysOn),
        Sampler::ParentBasedAlwaysOff => parent_based(SdkSampler::AlwaysOff),
        Sampler::ParentBasedTraceIdRatio => parent_based(ratio()),
        Sampler::ParentBasedAttribute => parent_based(by_attribute()),
        Sampler::ParentBasedRateLimited => parent_based(limited()),
    }
}

/// As the parent was decided about; `root` decides where there is none.
pub(super) fn parent_based(root: impl Into<Boxed>) -> Boxed {
    SdkSampler::parent_based(UnlessRefused(root.into())).into()
}

/// `0` decides about a trace that begins here, unless whoever calls said that there is to be none (`b3: 0`).
#[derive(Debug, Clone)]
struct UnlessRefused(Boxed);

impl ShouldSample for UnlessRefused {
    fn should_sample(
        &self,
        parent: Option<&OtelContext>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let is_refused = parent.is_some_and(|context| context.get::<Refused>().is_some());
        let off: &dyn ShouldSample = &SdkSampler::AlwaysOff;
        let sampler = if is_refused { off } else { &*self.0 };
        sampler.should_sample(parent, trace_id, name, kind, attributes, links)
    }
}

/// `first` decides about the first span of a trace in this process, whatever the caller decided. Those below it follow:
/// a trace with holes helps nobody.
fn per_process(first: impl ShouldSample + Clone + 'static) -> Boxed {
    SdkSampler::parent_based(first.clone())
        .with_remote_parent_sampled(first.clone())
        .with_remote_parent_not_sampled(first)
        .into()
}

/// Spans that `0` does not choose are recorded all the same, so that they are there when their trace turns out to be worth
/// keeping. They are not sampled, and say so to whoever is called.
#[derive(Debug, Clone)]
pub(super) struct RecordAll(pub(super) Boxed);

impl ShouldSample for RecordAll {
    fn should_sample(
        &self,
        parent: Option<&OtelContext>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let mut result = self
            .0
            .should_sample(parent, trace_id, name, kind, attributes, links);
        if result.decision == SamplingDecision::Drop {
            result.decision = SamplingDecision::RecordOnly;
        }
        result
    }
}

/// By the attributes that a span starts with.
#[derive(Debug, Clone)]
struct ByAttribute {
    rules: Arc<[Rule]>,
    otherwise: SdkSampler,
}

#[derive(Debug)]
struct Rule {
    key: String,
    value: Pattern,
    sampler: SdkSampler,
}

impl ByAttribute {
    fn new(rules: &[SamplerRule], otherwise: f64) -> Self {
        let rule = |rule: &SamplerRule| Rule {
            key: rule.key.clone(),
            value: Pattern::new(&rule.pattern),
            sampler: SdkSampler::TraceIdRatioBased(rule.share),
        };
        Self {
            rules: rules.iter().map(rule).collect(),
            otherwise: SdkSampler::TraceIdRatioBased(otherwise),
        }
    }
}

impl Rule {
    fn fits(&self, attributes: &[KeyValue]) -> bool {
        let mut same_key = attributes
            .iter()
            .filter(|attribute| attribute.key.as_str() == self.key);
        same_key.any(|attribute| self.value.fits(&attribute.value.as_str()))
    }
}

impl ShouldSample for ByAttribute {
    fn should_sample(
        &self,
        parent: Option<&OtelContext>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let rule = self.rules.iter().find(|rule| rule.fits(attributes));
        let sampler = rule.map_or(&self.otherwise, |rule| &rule.sampler);
        sampler.should_sample(parent, trace_id, name, kind, attributes, links)
    }
}

/// So many traces a second, by a token bucket that holds those of one second.
#[derive(Debug, Clone)]
struct RateLimited(Arc<DefaultDirectRateLimiter>);

impl RateLimited {
    fn new(per_second: f64) -> Self {
        let period = Duration::from_secs_f64(per_second.recip());
        let burst = NonZeroU32::new(per_second as u32).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::with_period(period)
            .expect("the configuration allows no rate of a nanosecond or less")
            .allow_burst(burst);
        Self(Arc::new(RateLimiter::direct(quota)))
    }
}

impl ShouldSample for RateLimited {
    fn should_sample(
        &self,
        parent: Option<&OtelContext>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let sampler = match self.0.check() {
            Ok(()) => SdkSampler::AlwaysOn,
            Err(_) => SdkSampler::AlwaysOff,
        };
        sampler.should_sample(parent, trace_id, name, kind, attributes, links)
    }
}

#[cfg(test)]
mod tests;
