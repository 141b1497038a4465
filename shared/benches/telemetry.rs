//! What tracing costs per hop: inject, extract, a producer and a consumer span with all their attributes, end.
//!
//! `cargo bench -p chimera-shared --bench telemetry`. One thread, best of many rounds.

#![expect(clippy::print_stdout, reason = "figures are what it is for")]

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use chimera_bus::Headers;
use chimera_shared::telemetry::{
    KeyValue, Metrics, Processed, Scope, Span, SpanKind, SpanStart, Telemetry, keys, redact,
};
use opentelemetry::{Context as OtelContext, trace::TraceContextExt as _};

/// Few, so that many rounds pass between two interruptions by other programs.
const HOPS: u32 = 1_000;
const ROUNDS: u32 = 300;

fn main() {
    let on = Telemetry::new("bench", Vec::new());
    let off = Telemetry::off("bench");
    println!("per hop, without exporters, best of {ROUNDS} rounds of {HOPS}:");
    let (nothing, mut headers) = (OtelContext::new(), message_headers());
    print(
        "hop, on (goal 3 µs)",
        measure(|| hop(&on, &nothing, &mut headers)),
    );
    let mut headers = message_headers();
    print(
        "hop, off (goal 100 ns)",
        measure(|| hop(&off, &nothing, &mut headers)),
    );
    headers.set(
        "traceparent",
        "00-12345678901234567890123456789012-1234567890123456-03",
    );
    let foreign = off.propagator().extract_headers(&headers);
    print(
        "hop, off, a context passed on",
        measure(|| hop(&off, &foreign, &mut headers)),
    );
    println!("of which:");
    parts(&on);
    let scope = off.root();
    print(
        "span, off",
        measure(|| drop(black_box(scope.start_with(producer)))),
    );
    print("redacting a KiB made to be slow", redacting());
    let metrics = on.metrics();
    print(
        "metrics of a processed message",
        measure(|| record(metrics)),
    );
}

fn parts(telemetry: &Telemetry) {
    let root = telemetry.root().start(producer());
    let context = root.scope().context();
    let mut headers = message_headers();
    let propagator = telemetry.propagator();
    print(
        "inject",
        measure(|| propagator.inject_headers(context, &mut headers)),
    );
    print(
        "extract",
        measure(|| drop(black_box(propagator.extract_headers(&headers)))),
    );
    let scope = root.scope();
    print(
        "producer span",
        measure(|| drop(black_box(scope.start_with(producer)))),
    );
    let remote = Scope::new(telemetry.clone(), propagator.extract_headers(&headers));
    print(
        "consumer span",
        measure(|| drop(black_box(consume(&remote)))),
    );
    print(
        "its attributes alone",
        measure(|| drop(black_box(consumer(&remote)))),
    );
    let bare = || scope.start(SpanStart::new(SpanKind::Internal, "bare"));
    print("a bare span", measure(|| drop(black_box(bare()))));
}

/// `incoming` is what the hop before this one left in the headers.
fn hop(telemetry: &Telemetry, incoming: &OtelContext, headers: &mut Headers) {
    let producer = Scope::new(telemetry.clone(), incoming.clone()).into_span(|_| producer());
    let propagator = telemetry.propagator();
    propagator.inject_headers(producer.scope().context(), headers);
    let remote = Scope::new(telemetry.clone(), propagator.extract_headers(headers));
    let consumer = remote.into_span(consumer);
    consumer.set(KeyValue::new(keys::CHIMERA_OUTCOME, "ack"));
    drop(black_box((consumer, producer)));
}

fn message_headers() -> Headers {
    let mut headers = Headers::new();
    headers.set("x-attempt", 1);
    headers.set("x-ready-at", 1_700_000_000_000_000);
    headers
}

fn producer() -> SpanStart {
    SpanStart::new(SpanKind::Producer, "publish chimera.events:market.tick")
        .with(KeyValue::new(keys::MESSAGING_SYSTEM, "rabbitmq"))
        .with(KeyValue::new(keys::MESSAGING_OPERATION_NAME, "publish"))
        .with(KeyValue::new(keys::MESSAGING_OPERATION_TYPE, "send"))
        .with(KeyValue::new(
            keys::MESSAGING_DESTINATION_NAME,
            "chimera.events:market.tick".to_owned(),
        ))
        .with(KeyValue::new(
            keys::MESSAGING_RABBITMQ_DESTINATION_ROUTING_KEY,
            "market.tick".to_owned(),
        ))
        .with(KeyValue::new(
            keys::MESSAGING_MESSAGE_ID,
            "0198c0de-7a11-7000-8000-0123456789ab".to_owned(),
        ))
        .with(KeyValue::new(
            keys::MESSAGING_MESSAGE_CONVERSATION_ID,
            "0198c0de-7a11-7000-8000-ba9876543210".to_owned(),
        ))
        .with(KeyValue::new(keys::MESSAGING_MESSAGE_BODY_SIZE, 64))
}

fn consume(remote: &Scope) -> Span {
    remote.start_with(|| consumer(remote))
}

fn consumer(remote: &Scope) -> SpanStart {
    let creation = remote.context().span().span_context().clone();
    let destination = "chimera.events:market.tick:tick_agent";
    SpanStart::new(SpanKind::Consumer, format!("process {destination}"))
        .with(KeyValue::new(keys::MESSAGING_SYSTEM, "rabbitmq"))
        .with(KeyValue::new(keys::MESSAGING_OPERATION_NAME, "process"))
        .with(KeyValue::new(keys::MESSAGING_OPERATION_TYPE, "process"))
        .with(KeyValue::new(
            keys::MESSAGING_DESTINATION_NAME,
            destination.to_owned(),
        ))
        .with(KeyValue::new(
            keys::MESSAGING_RABBITMQ_DESTINATION_ROUTING_KEY,
            "market.tick".to_owned(),
        ))
        .with(KeyValue::new(
            keys::MESSAGING_RABBITMQ_MESSAGE_DELIVERY_TAG,
            7,
        ))
        .with(KeyValue::new(
            keys::MESSAGING_MESSAGE_ID,
            "0198c0de-7a11-7000-8000-0123456789ab".to_owned(),
        ))
        .with(KeyValue::new(
            keys::MESSAGING_MESSAGE_CONVERSATION_ID,
            "0198c0de-7a11-7000-8000-ba9876543210".to_owned(),
        ))
        .with(KeyValue::new(keys::MESSAGING_MESSAGE_BODY_SIZE, 64))
        .with(KeyValue::new(keys::CHIMERA_ATTEMPT, 1))
        .with(KeyValue::new(keys::CHIMERA_QUEUE_WAIT_MS, 0.25))
        .linked(
            creation,
            vec![KeyValue::new(keys::CHIMERA_LINK, "creation")],
        )
}

fn record(metrics: &Metrics) {
    let _in_flight = metrics.in_flight("tick_agent");
    metrics.consumed(
        "rabbitmq",
        Some(("broker", 5672)),
        "chimera.events:tick:tick_agent",
    );
    metrics.processed(Processed {
        span: None,
        system: "rabbitmq",
        server: Some(("broker", 5672)),
        queue: "tick_agent",
        destination: "chimera.events:tick:tick_agent",
        outcome: "ack",
        error_type: None,
        duration: Duration::from_millis(3),
    });
}

/// Time per KiB, in a text of 128 KiB that is full of values whose end is far away.
fn redacting() -> Duration {
    const KIB: usize = 128;
    let piece = "cookie=REDACTED ";
    let text = piece.repeat(KIB * 1024 / piece.len());
    let rounds = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        black_box(redact::text(black_box(&text)));
        start.elapsed() / KIB as u32
    });
    rounds.min().unwrap_or_default()
}

/// Time per call; the best round is the one that the machine disturbed least.
fn measure(mut work: impl FnMut()) -> Duration {
    let mut round = || {
        let start = Instant::now();
        for _ in 0..HOPS {
            work();
        }
        start.elapsed() / HOPS
    };
    let rounds = (0..ROUNDS).map(|_| round());
    rounds.min().unwrap_or_default()
}

fn print(what: &str, took: Duration) {
    println!("  {what:34} {:>8.0} ns", took.as_secs_f64() * 1e9);
}
