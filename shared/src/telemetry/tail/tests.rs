use std::path::Path;

use bytesize::ByteSize;
use opentelemetry::{KeyValue, trace::SpanKind};

use super::*;
use crate::{
    config::{Config, Sampler},
    telemetry::{Scope, Span, SpanStart, Telemetry},
};

/// Nothing is sampled, so that all there is was kept.
fn config() -> TelemetryConfig {
    let mut config = Config::for_test(Path::new("unused")).telemetry;
    config.sampler = Sampler::AlwaysOff;
    config.keep_errors = true;
    config
}

fn start(scope: &Scope, name: &'static str) -> Span {
    scope.start(SpanStart::new(SpanKind::Internal, name))
}

/// The names of what `work` leaves to be exported.
fn kept(config: &TelemetryConfig, work: impl FnOnce(&Telemetry)) -> Vec<String> {
    let (telemetry, spans, _logs) = Telemetry::with_config_for_test(config);
    work(&telemetry);
    assert_eq!(telemetry.open_spans(), 0);
    let spans = spans.get_finished_spans().unwrap();
    assert!(spans.iter().all(|span| span.span_context.is_sampled()));
    spans.iter().map(|span| span.name.to_string()).collect()
}

#[test]
fn a_trace_without_an_error_is_dropped() {
    let names = kept(&config(), |telemetry| {
        let root = start(&telemetry.root(), "root");
        start(root.scope(), "child").end();
    });
    assert!(names.is_empty(), "{names:?}");
}

#[test]
fn a_trace_in_which_something_failed_is_kept_whole() {
    let names = kept(&config(), |telemetry| {
        let other = start(&telemetry.root(), "of another trace");
        let root = start(&telemetry.root(), "root");
        start(root.scope(), "before").end();
        let child = start(root.scope(), "child");
        child.fail("timeout", "no answer");
        child.end();
        start(root.scope(), "after").end();
        root.end();
        other.end();
    });
    assert_eq!(names, ["before", "child", "after", "root"]);
}

#[test]
fn it_stays_kept_when_it_comes_back() {
    let names = kept(&config(), |telemetry| {
        let caller = start(&telemetry.root(), "caller");
        let mut headers = chimera_bus::Headers::new();
        telemetry
            .propagator()
            .inject_headers(caller.scope().context(), &mut headers);
        caller.fail("timeout", "no answer");
        caller.end();
        let remote = Scope::new(
            telemetry.clone(),
            telemetry.propagator().extract_headers(&headers),
        );
        start(&remote, "retry").end();
    });
    assert_eq!(names, ["caller", "retry"]);
}

#[test]
fn others_are_told_that_it_is_not_sampled() {
    let (telemetry, _spans, _logs) = Telemetry::with_config_for_test(&config());
    let root = start(&telemetry.root(), "root");
    assert!(root.is_recording() && !root.context().is_sampled());
}

#[test]
fn a_slow_trace_is_kept() {
    let mut config = config();
    config.keep_errors = false;
    let work = |telemetry: &Telemetry| {
        let root = start(&telemetry.root(), "root");
        root.fail("timeout", "errors alone do not count here");
    };
    config.keep_slower_than = Some(Duration::from_secs(3_600));
    assert!(kept(&config, work).is_empty());
    config.keep_slower_than = Some(Duration::ZERO);
    assert_eq!(kept(&config, work), ["root"]);
}

#[test]
fn what_is_sampled_is_exported_at_once_and_once() {
    let mut config = config();
    config.sampler = Sampler::AlwaysOn;
    let names = kept(&config, |telemetry| {
        let root = start(&telemetry.root(), "root");
        let child = start(root.scope(), "child");
        child.fail("timeout", "");
    });
    assert_eq!(names, ["child", "root"]);
}

#[test]
fn beyond_its_memory_the_oldest_trace_is_given_up() {
    let mut config = config();
    config.keep_memory = ByteSize::kib(64);
    let (telemetry, spans, logs) = Telemetry::with_config_for_test(&config);
    let old = start(&telemetry.root(), "old");
    let young = start(&telemetry.root(), "young");
    old.fail("timeout", "");
    young.fail("timeout", "");
    for _ in 0..40 {
        let child = start(old.scope(), "child");
        child.set(KeyValue::new("text", "x".repeat(2_048)));
    }
    drop((old, young));
    let spans = spans.get_finished_spans().unwrap();
    let old = spans.iter().filter(|span| span.name != "young");
    assert!(old.count() <= 40, "all of it found no room");
    assert!(spans.iter().any(|span| span.name == "young"));
    assert_eq!(logs.text().matches("keep_memory").count(), 1);
}

#[test]
fn at_the_end_of_a_service_what_failed_by_then_is_kept() {
    let (telemetry, spans, _logs) = Telemetry::with_config_for_test(&config());
    let (failed, other) = ("failed", "other");
    let roots = [failed, other].map(|name| {
        let root = start(&telemetry.root(), "root");
        let child = start(root.scope(), name);
        if name == failed {
            child.fail("timeout", "");
        }
        root
    });
    telemetry.shutdown(Duration::from_secs(1));
    drop(roots);
    let spans = spans.get_finished_spans().unwrap();
    let names: Vec<_> = spans.iter().map(|span| &*span.name).collect();
    assert_eq!(names, [failed]);
}

#[test]
fn nothing_is_left_of_what_is_decided() {
    let log = Arc::default();
    let tail = Tail::new(&config(), &log).unwrap();
    let (telemetry, spans) = Telemetry::for_test("svc");
    for _ in 0..1_000 {
        start(&telemetry.root(), "root").fail("x", "");
    }
    for span in spans.get_finished_spans().unwrap() {
        tail.started(&span.span_context);
        assert_eq!(tail.ended(span).len(), 1);
    }
    let undecided = tail.lock();
    assert!(undecided.parts.is_empty() && undecided.ages.is_empty());
    assert_eq!((undecided.bytes, undecided.kept.len()), (0, MAX_KEPT));
}
