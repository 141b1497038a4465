//! `cargo bench -p chimera-traces`: what a span costs, and how long a search, a trace and an opening take.
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::time::{Duration, Instant};

use chimera_traces::{
    Store, StoreProcessor,
    store::{Query, Retention},
    tree::{Trace, spans_from_otlp},
};
use opentelemetry::{
    Context, KeyValue,
    trace::{Span as _, SpanKind, Status, TraceContextExt as _, Tracer as _, TracerProvider as _},
};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};

const SPANS: u64 = 100_000;
const SPANS_PER_TRACE: u64 = 20;
const OPERATIONS: u64 = 25;

fn main() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = Store::open_with(dir.path(), Retention::default()).expect("an empty directory");
    write(&store);
    write_from_threads(&store);
    processor_time();
    search(&store);
    trace(&store);
    println!("{:?}", store.health());
    drop(store);
    let start = Instant::now();
    let store = Store::open(dir.path()).expect("the same directory");
    println!(
        "open again:                   {:>8.2} ms ({:?})",
        ms(start),
        store.services().expect("a readable store")
    );
}

fn provider(store: Option<&Store>, service: &'static str) -> SdkTracerProvider {
    let resource = Resource::builder_empty().with_service_name(service).build();
    let builder = SdkTracerProvider::builder().with_resource(resource);
    match store {
        Some(store) => builder
            .with_span_processor(StoreProcessor::new(store.clone()))
            .build(),
        // Something has to listen, or the SDK does not record.
        None => builder.with_simple_exporter(Discard).build(),
    }
}

#[derive(Debug)]
struct Discard;

impl opentelemetry_sdk::trace::SpanExporter for Discard {
    async fn export(
        &self,
        _: Vec<opentelemetry_sdk::trace::SpanData>,
    ) -> opentelemetry_sdk::error::OTelSdkResult {
        Ok(())
    }
}

/// Traces of 20 spans with the attributes of a consumer span; one in a hundred failed.
fn make(provider: &SdkTracerProvider, spans: u64) -> Vec<Duration> {
    let tracer = provider.tracer("bench");
    let mut ending = Vec::new();
    for first in (0..spans).step_by(usize::try_from(SPANS_PER_TRACE).expect("20")) {
        let root = tracer.start("POST /api/queries");
        let parent = Context::new().with_remote_span_context(root.span_context().clone());
        for number in 1..SPANS_PER_TRACE {
            let builder = tracer
                .span_builder(format!(
                    "process chimera.events:agent{}.request:agent",
                    number % OPERATIONS
                ))
                .with_kind(SpanKind::Consumer)
                .with_attributes(attributes(first + number));
            let mut span = tracer.build_with_context(builder, &parent);
            if (first + number) % 100 == 7 {
                span.set_status(Status::error("timeout"));
            }
            let start = Instant::now();
            span.end();
            ending.push(start.elapsed());
        }
        drop(root);
    }
    ending
}

fn attributes(number: u64) -> [KeyValue; 10] {
    [
        KeyValue::new("messaging.system", "chimera"),
        KeyValue::new("messaging.operation.name", "process"),
        KeyValue::new("messaging.operation.type", "process"),
        KeyValue::new(
            "messaging.destination.name",
            "chimera.events:agent.request:agent",
        ),
        KeyValue::new(
            "messaging.rabbitmq.destination.routing_key",
            "agent.request",
        ),
        KeyValue::new(
            "messaging.rabbitmq.message.delivery_tag",
            i64::try_from(number).expect("small"),
        ),
        KeyValue::new(
            "messaging.message.id",
            "01932c8a-7c1e-7b7e-8b7e-0123456789ab",
        ),
        KeyValue::new(
            "messaging.message.conversation_id",
            "01932c8a-7c1e-7b7e-8b7e-0123456789ab",
        ),
        KeyValue::new("chimera.attempt", 1),
        KeyValue::new("chimera.queue.wait_ms", 0.21),
    ]
}

fn write(store: &Store) {
    let (discarded, stored) = (provider(None, "bench"), provider(Some(store), "bench"));
    make(&discarded, 10_000);
    let start = Instant::now();
    make(&discarded, SPANS);
    let without = start.elapsed();
    let start = Instant::now();
    let mut ending = make(&stored, SPANS);
    let with = start.elapsed();
    let per_span = |time: Duration| time.as_nanos() / u128::from(SPANS);
    ending.sort_unstable();
    let at = |per_mille: usize| ending[ending.len() * per_mille / 1_000].as_nanos();
    println!("span end into the store, p50: {:>8} ns", at(500));
    println!("                         p99: {:>8} ns", at(990));
    println!("                       p99.9: {:>8} ns", at(999));
    println!(
        "                         max: {:>8} ns",
        ending[ending.len() - 1].as_nanos()
    );
    println!("span in all, discarded:       {:>8} ns", per_span(without));
    println!("span in all, stored:          {:>8} ns", per_span(with));
}

fn write_from_threads(store: &Store) {
    let providers = ["t0", "t1", "t2", "t3"].map(|service| provider(Some(store), service));
    let start = Instant::now();
    std::thread::scope(|scope| {
        for provider in &providers {
            scope.spawn(move || make(provider, SPANS / 4));
        }
    });
    let rate = SPANS as f64 / start.elapsed().as_secs_f64();
    println!("four threads at once:         {rate:>8.0} spans/s");
}

/// What a span costs in all, also on the threads that sort it in later, beyond its making.
fn processor_time() {
    let make_by_two = |store: Option<&Store>| {
        let providers = ["t0", "t1"].map(|service| provider(store, service));
        std::thread::scope(|scope| {
            for provider in &providers {
                scope.spawn(move || make(provider, SPANS * 2));
            }
        });
    };
    let before = processor_ticks();
    make_by_two(None);
    let discarded = processor_ticks() - before;
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = Store::open(dir.path()).expect("an empty directory");
    let before = processor_ticks();
    make_by_two(Some(&store));
    let dropped = store.health().dropped;
    // What is still to be done with what was written is done here.
    drop(store);
    let stored = processor_ticks() - before;
    let nanos = |ticks: u64| ticks * NANOS_PER_TICK / (SPANS * 4);
    println!("CPU of a span, discarded:     {:>8} ns", nanos(discarded));
    println!(
        "CPU of a span, stored:        {:>8} ns ({dropped} dropped)",
        nanos(stored)
    );
}

/// Linux says so to programs, whatever its own clock is.
const NANOS_PER_TICK: u64 = 10_000_000;

/// The processor time of this process, its own and the system's for it.
fn processor_ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("it is Linux");
    let (_, after_name) = stat.rsplit_once(')').expect("the name is in brackets");
    let fields = after_name.split_whitespace().skip(11).take(2);
    fields
        .map(|ticks| ticks.parse::<u64>().expect("a number"))
        .sum()
}

fn search(store: &Store) {
    let base = Query::default;
    let cases = [
        ("newest 20", base()),
        (
            "service",
            Query {
                service: Some("bench".into()),
                ..base()
            },
        ),
        (
            "errors",
            Query {
                errors_only: true,
                ..base()
            },
        ),
        (
            "operation",
            Query {
                operation: Some("POST /api/queries".into()),
                ..base()
            },
        ),
        (
            "attribute",
            Query {
                attributes: vec![(
                    "messaging.rabbitmq.message.delivery_tag".into(),
                    "777".into(),
                )],
                ..base()
            },
        ),
        (
            "nothing matches",
            Query {
                duration_min: Duration::from_secs(3600),
                ..base()
            },
        ),
    ];
    for (name, query) in cases {
        let start = Instant::now();
        let found = store.search(&query).expect("a readable store");
        let spans: usize = found
            .iter()
            .map(|id| store.trace(*id).expect("a readable store").len())
            .sum();
        println!(
            "search page, {name:<16} {:>8.2} ms ({} traces, {spans} resources)",
            ms(start),
            found.len()
        );
    }
}

fn trace(store: &Store) {
    let provider = provider(Some(store), "bench");
    let tracer = provider.tracer("bench");
    let root = tracer.start("root");
    let trace_id = root.span_context().trace_id();
    let parent = Context::new().with_remote_span_context(root.span_context().clone());
    for number in 1..1_000 {
        let builder = tracer
            .span_builder(format!("span {number}"))
            .with_attributes(attributes(number));
        tracer.build_with_context(builder, &parent).end();
    }
    drop(root);
    let start = Instant::now();
    let spans = store.trace(trace_id).expect("a readable store");
    println!("trace of 1,000 spans, read:   {:>8.2} ms", ms(start));
    let trace = Trace::from_spans(spans_from_otlp(&spans));
    println!(
        "trace of 1,000 spans, tree:   {:>8.2} ms ({} rows)",
        ms(start),
        trace.rows().len()
    );
}

fn ms(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}
