use std::path::Path;

use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceState};
use rand::RngExt as _;

use super::*;
use crate::config::Config;

fn config(sampler: Sampler) -> TelemetryConfig {
    let mut config = Config::for_test(Path::new("unused")).telemetry;
    config.sampler = sampler;
    config
}

fn rule(key: &str, pattern: &str, share: f64) -> SamplerRule {
    SamplerRule {
        key: key.to_owned(),
        pattern: pattern.to_owned(),
        share,
    }
}

/// A parent that was, or was not, sampled, here or elsewhere.
fn parent(is_sampled: bool, is_remote: bool) -> OtelContext {
    let flags = TraceFlags::default().with_sampled(is_sampled);
    let id = (TraceId::from(7), SpanId::from(7));
    let context = SpanContext::new(id.0, id.1, flags, is_remote, TraceState::default());
    OtelContext::new().with_remote_span_context(context)
}

fn chooses(
    sampler: &Boxed,
    parent: &OtelContext,
    trace_id: TraceId,
    attributes: &[KeyValue],
) -> bool {
    let kind = SpanKind::Internal;
    let result = sampler.should_sample(Some(parent), trace_id, "", &kind, attributes, &[]);
    result.decision == SamplingDecision::RecordAndSample
}

fn random_ids() -> impl Iterator<Item = TraceId> {
    let mut random = rand::rng();
    std::iter::repeat_with(move || TraceId::from(random.random::<u128>()))
}

#[test]
fn a_parent_counts_where_the_sampler_is_parent_based() {
    // What is decided about a root, and about a child of a parent sampled or not, elsewhere or here.
    let check = |sampler, expected: [bool; 5]| {
        let mut config = config(sampler);
        config.sampler_arg = 0.0;
        let sampler = super::sampler(&config);
        let parents = [
            OtelContext::new(),
            parent(true, true),
            parent(false, true),
            parent(true, false),
            parent(false, false),
        ];
        let found = parents.map(|parent| chooses(&sampler, &parent, TraceId::from(7), &[]));
        assert_eq!(found, expected, "{:?}", config.sampler);
    };
    check(Sampler::AlwaysOn, [true; 5]);
    check(Sampler::AlwaysOff, [false; 5]);
    check(Sampler::TraceIdRatio, [false; 5]);
    let parents = [true, false, true, false];
    let parent_based = |root| {
        let [a, b, c, d] = parents;
        [root, a, b, c, d]
    };
    check(Sampler::ParentBasedAlwaysOn, parent_based(true));
    check(Sampler::ParentBasedAlwaysOff, parent_based(false));
    check(Sampler::ParentBasedTraceIdRatio, parent_based(false));
    check(Sampler::ParentBasedAttribute, parent_based(false));
    check(Sampler::ParentBasedRateLimited, parent_based(true));
    // The first span in the process decides, those below it follow.
    check(Sampler::Attribute, [false, false, false, true, false]);
    check(Sampler::RateLimited, [true, true, true, true, false]);
}

#[test]
fn a_share_is_chosen_by_trace_id_and_is_in_every_larger_one() {
    let of = |share| {
        let mut config = config(Sampler::TraceIdRatio);
        config.sampler_arg = share;
        super::sampler(&config)
    };
    let root = OtelContext::new();
    let (tenth, half, all) = (of(0.1), of(0.5), of(1.0));
    let ids: Vec<_> = random_ids().take(10_000).collect();
    let mut chosen = [0_u32; 2];
    for id in ids {
        let is_in_tenth = chooses(&tenth, &root, id, &[]);
        let is_in_half = chooses(&half, &root, id, &[]);
        assert!(is_in_half || !is_in_tenth, "{id}");
        assert!(chooses(&all, &root, id, &[]));
        assert_eq!(
            is_in_tenth,
            chooses(&of(0.1), &root, id, &[]),
            "another service, {id}"
        );
        chosen[0] += u32::from(is_in_tenth);
        chosen[1] += u32::from(is_in_half);
    }
    // More than ten standard deviations away is no accident.
    assert!((700..1_300).contains(&chosen[0]), "{chosen:?}");
    assert!((4_500..5_500).contains(&chosen[1]), "{chosen:?}");
}

#[test]
fn the_first_rule_that_fits_counts() {
    let mut config = config(Sampler::ParentBasedAttribute);
    config.sampler_arg = 0.0;
    config.sampler_rules = vec![
        rule("route", "/readyz", 0.0),
        rule("route", "/api/*", 1.0),
        rule("route", "/api/no", 0.0),
        rule("status", "5*", 1.0),
    ];
    let sampler = super::sampler(&config);
    let check = |attributes: &[KeyValue], expected| {
        let found = chooses(&sampler, &OtelContext::new(), TraceId::from(7), attributes);
        assert_eq!(found, expected, "{attributes:?}");
    };
    check(&[KeyValue::new("route", "/readyz")], false);
    check(&[KeyValue::new("route", "/api/no")], true);
    check(&[KeyValue::new("route", "/other")], false);
    check(
        &[
            KeyValue::new("route", "/other"),
            KeyValue::new("status", 503),
        ],
        true,
    );
    check(&[], false);
}

#[test]
fn a_rate_lets_a_seconds_worth_through_at_once() {
    let mut config = config(Sampler::ParentBasedRateLimited);
    // So slow that none comes back while the test runs.
    config.sampler_rate = 0.001;
    let sampler = super::sampler(&config);
    let root = OtelContext::new();
    let chosen = random_ids()
        .take(100)
        .filter(|id| chooses(&sampler, &root, *id, &[]));
    assert_eq!(chosen.count(), 1);
    config.sampler_rate = 1_000_000.0;
    let sampler = super::sampler(&config);
    assert!(
        random_ids()
            .take(100)
            .all(|id| chooses(&sampler, &root, id, &[]))
    );
}
