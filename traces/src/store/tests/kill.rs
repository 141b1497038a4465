//! What ended before a `kill -9` is there after it.

use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Command, Stdio},
};

use opentelemetry::{
    TraceId,
    trace::{Span as _, SpanKind, Tracer as _, TracerProvider as _},
};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};

use super::{FOR_EVER, Query, Store};
use crate::StoreProcessor;

const DIR: &str = "CHIMERA_TEST_KILLED_STORE";
const SPANS: usize = 200;

#[test]
fn ended_spans_survive_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::tests::kill::writer", "--nocapture"])
        .env(DIR, dir.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines();
    let trace_id = lines
        .find_map(|line| Some(line.unwrap().split_once("trace=")?.1.to_owned()))
        .unwrap();
    writer.kill().unwrap();
    writer.wait().unwrap();

    let store = Store::open_with(dir.path(), FOR_EVER).unwrap();
    let trace_id = TraceId::from_hex(&trace_id).unwrap();
    let resources = store.trace(trace_id).unwrap();
    let spans: usize = resources
        .iter()
        .map(|resource| resource.scope_spans[0].spans.len())
        .sum();
    assert_eq!(spans, SPANS);
    assert_eq!(store.search(&Query::default()).unwrap(), [trace_id]);
    assert_eq!(store.services().unwrap(), ["killed"]);
}

/// Not a test of its own: the process that the test above kills.
#[test]
fn writer() {
    #[expect(
        clippy::disallowed_methods,
        reason = "how the test above hands over its directory"
    )]
    let Some(dir) = std::env::var_os(DIR) else {
        return;
    };
    let store = Store::open_with(Path::new(&dir), FOR_EVER).unwrap();
    let provider = SdkTracerProvider::builder()
        .with_resource(
            Resource::builder_empty()
                .with_service_name("killed")
                .build(),
        )
        .with_span_processor(StoreProcessor::new(store))
        .build();
    let tracer = provider.tracer("test");
    let mut root = tracer.start("root");
    let root_context = root.span_context().clone();
    let parent = opentelemetry::Context::new();
    let parent = opentelemetry::trace::TraceContextExt::with_remote_span_context(
        &parent,
        root_context.clone(),
    );
    for number in 1..SPANS {
        let builder = tracer
            .span_builder(format!("span {number}"))
            .with_kind(SpanKind::Client);
        tracer.build_with_context(builder, &parent).end();
    }
    root.end();
    println!("\ntrace={}", root_context.trace_id());
    // Waits for the kill; the end of the input is the parent's own end.
    let _ = std::io::stdin().read(&mut [0]);
}
