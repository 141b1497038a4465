//! Waiting until a trace is whole: its spans come from several processes, each in its own time.

use std::time::Duration;

use chimera_shared::telemetry::keys;
use chimera_traces::tree::{Kind, Span, Trace};
use opentelemetry::TraceId;
use tokio::time::{Instant, sleep};

use super::source::{NoStore, TraceSource};

/// How often a growing trace is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The spans of a trace once it has stopped growing, or as they are when the source's patience has ended.
pub(crate) async fn whole(source: &TraceSource, id: TraceId) -> anyhow::Result<Vec<Span>> {
    let until = Instant::now() + source.lag();
    let mut seen = 0;
    loop {
        let spans = match source.trace(id).await {
            Err(error) if error.is::<NoStore>() => return Ok(Vec::new()),
            fetched => fetched?.unwrap_or_default(),
        };
        if (spans.len() == seen && is_whole(&spans)) || Instant::now() >= until {
            return Ok(spans);
        }
        seen = spans.len();
        sleep(LOOK_EVERY).await;
    }
}

/// Whether nothing seems to be missing: there is a root, every parent is there, and who was sent a message has handled it.
///
/// The last is how spans of other processes are missed: what is beside or below those that are here tells nothing of them.
pub(crate) fn is_whole(spans: &[Span]) -> bool {
    if spans.is_empty() {
        return false;
    }
    let trace = Trace::from_spans(spans.to_vec());
    let is_handled = |sender: usize| {
        let mut children = trace.children(sender).iter();
        children.any(|child| trace.spans()[*child].kind == Kind::Consumer)
    };
    let senders = trace.spans().iter().enumerate();
    trace.problems().is_empty()
        && senders
            .filter(|(_, span)| is_sent_to_an_agent(span))
            .all(|(index, _)| is_handled(index))
}

/// Whether a span stands for a message that some agent handles: an event that a queue took, or an answered request.
fn is_sent_to_an_agent(span: &Span) -> bool {
    let is_true = |key: &str| span.attributes.get(key) == Some(&true.into());
    let operation = span.attributes.text(keys::MESSAGING_OPERATION_NAME);
    let is_reply = is_true(keys::MESSAGING_DESTINATION_TEMPORARY);
    matches!(operation, Some("publish" | "request"))
        && !is_reply
        && !is_true(keys::CHIMERA_UNROUTED)
        && !span.is_error()
}

#[cfg(test)]
mod tests {
    use chimera_traces::tree::spans_from_otlp_json;

    use super::*;

    /// A question's trace as a `chimera up` recorded it.
    const QUESTION: &[u8] = include_bytes!("../../../traces/fixtures/question.json");

    fn of(services: &[&str]) -> Vec<Span> {
        let mut spans = spans_from_otlp_json(QUESTION).unwrap();
        spans.retain(|span| services.contains(&span.service.as_str()));
        spans
    }

    #[test]
    fn a_trace_is_whole_when_every_process_has_sent_its_spans() {
        fn check(services: &[&str], expected: bool) {
            assert_eq!(is_whole(&of(services)), expected, "{services:?}");
        }
        let all = [
            "chimera-api",
            "query_agent",
            "data_retrieval_agent",
            "analysis_agent",
        ];
        check(&all, true);
        check(&[], false);
        check(&all[..1], false);
        check(&all[..2], false);
        check(&all[..3], false);
        check(&all[1..], false);
    }
}
