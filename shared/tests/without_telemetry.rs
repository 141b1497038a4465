//! A program that is built without the feature `telemetry`: `cargo test -p chimera-shared --no-default-features --test
//! without_telemetry`.

#![cfg(not(feature = "telemetry"))]

use chimera_bus::Headers;
use chimera_shared::{
    config::{Config, Exporter},
    telemetry::{KeyValue, Scope, Setup, Siblings, SpanKind, SpanStart, Telemetry},
};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03";

#[test]
fn contexts_are_passed_on_and_nothing_is_made() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut config = Config::for_test(directory.path());
    config.telemetry.exporters = vec![Exporter::Memory];
    let telemetry = Telemetry::build(
        "service",
        Setup {
            telemetry: &config.telemetry,
            log: &config.log,
            version: None,
            store: None,
            siblings: Siblings::default(),
        },
    )
    .expect("there is nothing that could fail");
    assert!(!telemetry.is_on());

    let mut headers = Headers::new();
    headers.set("traceparent", PARENT);
    headers.set("tracestate", "b=2,a=1");
    headers.set("baggage", "user=7");
    let came = headers.clone();
    let propagator = telemetry.propagator();
    let scope = Scope::new(telemetry.clone(), propagator.extract_headers(&headers));
    let span = scope.start(SpanStart::new(SpanKind::Consumer, "process"));
    span.set(KeyValue::new("key", "value"));
    span.fail("error", "it broke");
    assert!(!span.is_recording());
    propagator.inject_headers(span.scope().context(), &mut headers);
    assert_eq!(headers, came);
    span.end();

    assert_eq!(telemetry.open_spans(), 0);
    assert!(telemetry.memory().is_none());
    assert_eq!(telemetry.prometheus(), "");
}
