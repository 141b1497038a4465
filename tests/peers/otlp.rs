//! Traces that leave over OTLP arrive in a real Jaeger as they are.

use std::collections::BTreeSet;

use anyhow::Result;
use chimera_shared::config::{Exporter, OtlpProtocol, RedactedUrl};
use chimera_tests::{
    Backends, Stack,
    contract::assert_one_trace,
    outline,
    stack::{PATIENCE, Setup},
};
use chimera_traces::tree::{Span, Trace};
use tokio::time::{Instant, sleep};

use crate::jaeger::Jaeger;

const QUESTION: &str = "How did the ZEC price trend in January 2019?";

const SERVICES: [&str; 4] = [
    "chimera-api",
    "query_agent",
    "data_retrieval_agent",
    "analysis_agent",
];

#[tokio::test(flavor = "multi_thread")]
async fn over_grpc_a_question_is_one_trace_in_jaeger() {
    let jaeger = Jaeger::start().await.unwrap();
    let endpoint = jaeger.otlp_grpc();
    check(&jaeger, &endpoint, OtlpProtocol::Grpc).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http_a_question_is_one_trace_in_jaeger() {
    let jaeger = Jaeger::start().await.unwrap();
    let endpoint = jaeger.otlp_http();
    check(&jaeger, &endpoint, OtlpProtocol::HttpProtobuf)
        .await
        .unwrap();
}

async fn check(jaeger: &Jaeger, endpoint: &str, protocol: OtlpProtocol) -> Result<()> {
    let ours = asked(endpoint.to_owned(), protocol).await?;
    let theirs = arrived(jaeger, &ours).await?;

    assert_eq!(sorted(theirs.spans()), sorted(ours.spans()));
    assert_eq!(outline(&theirs), outline(&ours));
    assert_one_trace(&theirs);
    for service in SERVICES {
        let found = Trace::each_of(jaeger.traces_of(service).await?);
        let ids: Vec<_> = found.iter().map(Trace::trace_id).collect();
        assert_eq!(ids, [ours.trace_id()], "the traces of {service}");
        assert_eq!(found[0].spans().len(), ours.spans().len());
    }
    let known = jaeger.services().await?;
    assert_eq!(
        BTreeSet::from_iter(known.iter().map(String::as_str)),
        BTreeSet::from(SERVICES)
    );
    Ok(())
}

/// The trace of the question as the built-in store has it. It was exported to `endpoint` as well.
async fn asked(endpoint: String, protocol: OtlpProtocol) -> Result<Trace> {
    let endpoint = RedactedUrl::parse(&endpoint, &["http"])?;
    let setup = Setup {
        configure: Some(Box::new(move |config| {
            config.telemetry.exporters = vec![Exporter::Embedded, Exporter::Otlp];
            config.telemetry.otlp.endpoint = Some(endpoint);
            config.telemetry.otlp.protocol = protocol;
        })),
        ..Setup::default()
    };
    let stack = Stack::start_with(Backends::default(), setup).await?;
    let answer = stack.ask(QUESTION).await?;
    assert_eq!(answer["status"], "completed", "{answer:#}");
    let mut stopped = stack.stop().await?;
    assert_eq!(stopped.traces.len(), 1, "one question is one trace");
    Ok(stopped.traces.remove(0))
}

/// The trace in Jaeger, as soon as it has as many spans as ours, or as it is when the patience ends.
async fn arrived(jaeger: &Jaeger, ours: &Trace) -> Result<Trace> {
    let until = Instant::now() + PATIENCE;
    loop {
        let spans = jaeger.trace(ours.trace_id()).await?;
        if spans.len() >= ours.spans().len() || Instant::now() >= until {
            return Ok(Trace::from_spans(spans));
        }
        sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// Spans and their attributes in an order of their own: neither is told by OTLP.
fn sorted(spans: &[Span]) -> Vec<Span> {
    let mut spans = spans.to_vec();
    for span in &mut spans {
        span.attributes.0.sort_by(|one, other| one.0.cmp(&other.0));
    }
    spans.sort_by(|one, other| one.span_id.cmp(&other.span_id));
    spans
}
