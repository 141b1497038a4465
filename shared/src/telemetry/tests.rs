mod instrument;

use chimera_traces::Store;
use opentelemetry::trace::{SpanKind, TraceId};

use super::*;
use crate::config::{Config, Exporter, Sampler as ConfiguredSampler};

fn config() -> Config {
    let mut config = Config::for_test(std::path::Path::new("unused"));
    config.telemetry.exporters = vec![Exporter::Memory];
    config
}

fn build(config: &Config, store: Option<Store>) -> Telemetry {
    let setup = Setup {
        telemetry: &config.telemetry,
        log: &config.log,
        version: Some("1.2.3"),
        store,
        siblings: Siblings::default(),
    };
    Telemetry::build("svc", setup).unwrap()
}

fn make_span(telemetry: &Telemetry) -> TraceId {
    let span = telemetry
        .root()
        .start(SpanStart::new(SpanKind::Internal, "work"));
    span.context().trace_id()
}

#[test]
fn a_name_in_the_configuration_beats_the_agents_own() {
    let mut config = config();
    assert_eq!(build(&config, None).service(), "svc");
    config.telemetry.service_name = Some("other".to_owned());
    assert_eq!(build(&config, None).service(), "other");
}

#[test]
fn the_sampler_decides_what_is_kept() {
    let kept = |sampler, ratio| {
        let mut config = config();
        config.telemetry.sampler = sampler;
        config.telemetry.sampler_arg = ratio;
        let telemetry = build(&config, None);
        make_span(&telemetry);
        telemetry
            .memory()
            .unwrap()
            .get_finished_spans()
            .unwrap()
            .len()
    };
    assert_eq!(kept(ConfiguredSampler::AlwaysOn, 1.0), 1);
    assert_eq!(kept(ConfiguredSampler::AlwaysOff, 1.0), 0);
    assert_eq!(kept(ConfiguredSampler::TraceIdRatio, 0.0), 0);
    assert_eq!(kept(ConfiguredSampler::ParentBasedTraceIdRatio, 1.0), 1);
}

#[test]
fn disabled_there_are_no_spans_and_no_metrics() {
    let mut config = config();
    config.telemetry.enabled = false;
    let telemetry = build(&config, None);
    assert_eq!(make_span(&telemetry), TraceId::INVALID);
    assert!(!telemetry.is_on() && telemetry.memory().is_none());
    assert_eq!(telemetry.prometheus(), "");
}

#[test]
fn the_embedded_exporter_writes_into_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let mut config = config();
    // Named twice, written once.
    config.telemetry.exporters = vec![Exporter::Embedded, Exporter::Memory, Exporter::Embedded];
    let telemetry = build(&config, Some(store.clone()));
    let trace_id = make_span(&telemetry);
    telemetry.flush();
    let found = store.trace(trace_id).unwrap();
    let spans = found.iter().flat_map(|resource| &resource.scope_spans);
    assert_eq!(spans.map(|scope| scope.spans.len()).sum::<usize>(), 1);
}

#[test]
fn telemetry_that_was_dropped_is_gone() {
    let (telemetry, _spans) = Telemetry::for_test("svc");
    make_span(&telemetry);
    let inner = Arc::downgrade(&telemetry.0);
    drop(telemetry);
    assert!(
        inner.upgrade().is_none(),
        "nothing may hold a service's telemetry for ever"
    );
}
