//! Which traces are recorded.

use opentelemetry_sdk::trace::Sampler as SdkSampler;

use crate::config::Sampler;

/// The SDK's sampler for a configured one; `ratio` is what a `traceidratio` sampler records of all traces.
pub(super) fn sampler(sampler: Sampler, ratio: f64) -> SdkSampler {
    let parent_based = |root| SdkSampler::ParentBased(Box::new(root));
    match sampler {
        Sampler::AlwaysOn => SdkSampler::AlwaysOn,
        Sampler::AlwaysOff => SdkSampler::AlwaysOff,
        Sampler::TraceIdRatio => SdkSampler::TraceIdRatioBased(ratio),
        Sampler::ParentBasedAlwaysOn => parent_based(SdkSampler::AlwaysOn),
        Sampler::ParentBasedAlwaysOff => parent_based(SdkSampler::AlwaysOff),
        Sampler::ParentBasedTraceIdRatio => parent_based(SdkSampler::TraceIdRatioBased(ratio)),
    }
}
