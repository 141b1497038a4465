//! What ended before a `kill -9` is there after it.

use std::{
    collections::HashSet,
    fs,
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
use crate::{
    StoreProcessor,
    store::{Engine, chunk::Sorted, tail::Copied},
};

const DIR: &str = "CHIMERA_TEST_KILLED_STORE";
const STEP: &str = "CHIMERA_TEST_KILLED_AFTER";
const SPANS: usize = 200;

/// How far the spans came before the kill.
const STEPS: [&str; 5] = ["ended", "sealed", "half moved", "copied", "moved"];

#[test]
fn ended_spans_survive_a_kill_wherever_they_are() {
    for step in STEPS {
        let dir = tempfile::tempdir().unwrap();
        let trace_id = kill_after(step, dir.path());
        // The first opening moves what is left, and the second finds it moved.
        for opening in 1..=2 {
            let store = Store::open_with(dir.path(), FOR_EVER).unwrap();
            check(&store, trace_id, &format!("{step}, opening {opening}"));
            store.move_tail();
            check(
                &store,
                trace_id,
                &format!("{step}, opening {opening}, moved"),
            );
        }
        let left = fs::read_dir(dir.path().join("tail")).unwrap().count();
        assert_eq!(left, 0, "{step}");
    }
}

fn check(store: &Store, trace_id: TraceId, when: &str) {
    let resources = store.trace(trace_id).unwrap();
    let spans = resources
        .iter()
        .flat_map(|resource| &resource.scope_spans[0].spans);
    let ids: Vec<_> = spans.map(|span| &span.span_id).collect();
    let different: HashSet<_> = ids.iter().collect();
    assert_eq!((ids.len(), different.len()), (SPANS, SPANS), "{when}");
    let found = store.search(&Query::default()).unwrap();
    assert_eq!(found, [trace_id], "{when}");
    assert_eq!(store.services().unwrap(), ["killed"], "{when}");
    assert_eq!(store.operations("killed").len(), SPANS, "{when}");
    assert_eq!(store.health().broken, 0, "{when}");
}

fn kill_after(step: &str, dir: &Path) -> TraceId {
    let mut writer = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::tests::kill::writer", "--nocapture"])
        .env(DIR, dir)
        .env(STEP, step)
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
    TraceId::from_hex(&trace_id).unwrap()
}

fn come_to(step: &str, engine: &Engine) {
    if step == "moved" {
        engine.move_tail().unwrap();
    } else if step != "ended" {
        let sealed = engine.tail.seal().unwrap();
        if step == "copied" {
            engine.take_over(&sealed[0]).unwrap();
        } else if step == "half moved" {
            let segment = Copied::of(&sealed[0]).unwrap();
            let sorted = Sorted::of(&segment, || panic!("nothing is broken"));
            let index = sorted.chunks(|key, chunk| engine.chunks.insert(key.to_bytes(), chunk));
            index.unwrap();
        }
    }
}

/// Not a test of its own: the process that the test above kills.
#[test]
fn writer() {
    #[expect(
        clippy::disallowed_methods,
        reason = "how the test above says what to do"
    )]
    let (Some(dir), Ok(step)) = (std::env::var_os(DIR), std::env::var(STEP)) else {
        return;
    };
    let store = Store::open_with(Path::new(&dir), FOR_EVER).unwrap();
    let provider = SdkTracerProvider::builder()
        .with_resource(
            Resource::builder_empty()
                .with_service_name("killed")
                .build(),
        )
        .with_span_processor(StoreProcessor::new(store.clone()))
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
    come_to(&step, &store.shared.engine);
    println!("\ntrace={}", root_context.trace_id());
    // Waits for the kill; the end of the input is the parent's own end.
    let _ = std::io::stdin().read(&mut [0]);
}
