//! Traces that leave over OTLP arrive in a real Jaeger as they are.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use chimera_shared::config::{Exporter, OtlpProtocol, RedactedUrl};
use chimera_tests::{
    Backends, Stack,
    contract::assert_one_trace,
    outline,
    stack::{PATIENCE, Setup},
};
use chimera_traces::tree::{Span, Trace};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::jaeger::Jaeger;

const QUESTION: &str = "How did the ZEC price trend in January 2019?";

pub(crate) const SERVICES: [&str; 4] = [
    "chimera-api",
    "query_agent",
    "data_retrieval_agent",
    "analysis_agent",
];

/// Who sends messages to whom; the answers to requests are the senders' own spans.
const CALLS: [(&str, &str); 4] = [
    ("chimera-api", "query_agent"),
    ("query_agent", "chimera-api"),
    ("query_agent", "data_retrieval_agent"),
    ("query_agent", "analysis_agent"),
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
    let ours = asked(endpoint, protocol).await?;
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
    assert_known(jaeger, &ours).await
}

/// Jaeger knows our services and no others, which of them calls which, and nothing to warn of.
async fn assert_known(jaeger: &Jaeger, ours: &Trace) -> Result<()> {
    let mut known = jaeger.services().await?;
    known.sort();
    let mut services = SERVICES;
    services.sort_unstable();
    assert_eq!(known, services);
    let named: Vec<String> = serde_json::from_value(jaeger.page_data("/api/services", &[]).await?)?;
    assert_eq!(BTreeSet::from_iter(named), BTreeSet::from_iter(known));

    let end = (ours.end_ns() / 1_000_000 + 1).to_string();
    let query = [("endTs", end.as_str()), ("lookback", "3600000")];
    let calls = jaeger.page_data("/api/dependencies", &query).await?;
    let calls = calls.as_array().context("a list of calls")?;
    let between = calls.iter().filter_map(|call| {
        let (parent, child) = (call["parent"].as_str()?, call["child"].as_str()?);
        (parent != child).then_some((parent, child))
    });
    assert_eq!(BTreeSet::from_iter(between), BTreeSet::from(CALLS));

    let path = format!("/api/traces/{}", ours.trace_id());
    let trace = jaeger.page_data(&path, &[]).await?;
    for span in trace[0]["spans"].as_array().context("a list of spans")? {
        let warnings = span["warnings"].as_array().into_iter().flatten();
        let unexpected: Vec<_> = warnings
            .filter(|warning| !is_about_a_queue(span, warning))
            .collect();
        assert!(unexpected.is_empty(), "{unexpected:?} in {span:#}");
    }
    Ok(())
}

/// Jaeger takes a consumer that began after its producer was over for one whose clock is wrong. It knows no queues, and
/// tells no host from another unless each says its address in an attribute of Jaeger's own.
fn is_about_a_queue(span: &Value, warning: &Value) -> bool {
    let name = span["operationName"].as_str().unwrap_or_default();
    let warning = warning.as_str().unwrap_or_default();
    name.starts_with("process ") && warning.starts_with("clock skew adjustment disabled")
}

/// The trace of the question as the built-in store has it. It was exported to `endpoint` as well.
pub(crate) async fn asked(endpoint: &str, protocol: OtlpProtocol) -> Result<Trace> {
    let setup = exporting_to(endpoint, protocol)?;
    let stack = Stack::start_with(Backends::default(), setup).await?;
    let answer = stack.ask(QUESTION).await?;
    assert_eq!(answer["status"], "completed", "{answer:#}");
    let mut stopped = stack.stop().await?;
    assert_eq!(stopped.traces.len(), 1, "one question is one trace");
    Ok(stopped.traces.remove(0))
}

/// A stack that keeps its spans itself, and sends them to `endpoint` as well.
pub(crate) fn exporting_to(endpoint: &str, protocol: OtlpProtocol) -> Result<Setup> {
    let endpoint = RedactedUrl::parse(endpoint, &["http"])?;
    Ok(Setup {
        configure: Some(Box::new(move |config| {
            config.telemetry.exporters = vec![Exporter::Embedded, Exporter::Otlp];
            config.telemetry.otlp.endpoint = Some(endpoint);
            config.telemetry.otlp.protocol = protocol;
        })),
        ..Setup::default()
    })
}

/// The trace in Jaeger, as soon as it has as many spans as ours, or as it is when the patience ends.
pub(crate) async fn arrived(jaeger: &Jaeger, ours: &Trace) -> Result<Trace> {
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
