//! What the stack's Jaeger has.

use std::collections::BTreeSet;

use anyhow::Result;
use chimera_tests::stack::PATIENCE;
use chimera_traces::tree::{Span, Trace, spans_from_otlp_json};
use reqwest::{Client, StatusCode};
use tokio::time::{Instant, sleep};

use crate::LOOK_EVERY;

/// Jaeger's query API.
pub(crate) struct Jaeger {
    client: Client,
    url: String,
}

impl Jaeger {
    pub(crate) fn new(client: Client, address: &str) -> Self {
        let url = format!("http://{address}/api/v3/traces");
        Self { client, url }
    }

    /// The trace, as soon as it has no gaps and `services` all take part in it, or as it is when the patience ends.
    pub(crate) async fn complete(&self, id: &str, services: &[&str]) -> Result<Trace> {
        let until = Instant::now() + PATIENCE;
        let mut spans_before = 0;
        loop {
            let trace = Trace::from_spans(self.spans(&format!("/{id}"), &[]).await?);
            let there = trace.services();
            let all = services
                .iter()
                .all(|service| there.iter().any(|total| total.service == *service));
            // Leaves come last: no gap can be seen before they are there, so it has to have stopped growing, too.
            let settled = trace.spans().len() == spans_before;
            if (all && settled && trace.problems().is_empty()) || Instant::now() >= until {
                return Ok(trace);
            }
            spans_before = trace.spans().len();
            sleep(LOOK_EVERY).await;
        }
    }

    /// The ids of the traces in which `service` takes part.
    pub(crate) async fn traces_of(&self, service: &str) -> Result<BTreeSet<String>> {
        let query = [
            ("query.service_name", service),
            ("query.start_time_min", "2020-01-01T00:00:00Z"),
            ("query.start_time_max", "2100-01-01T00:00:00Z"),
            ("query.num_traces", "1000"),
        ];
        let spans = self.spans("", &query).await?;
        Ok(spans.into_iter().map(|span| span.trace_id).collect())
    }

    /// The spans that it answers; none for "not found".
    async fn spans(&self, path: &str, query: &[(&str, &str)]) -> Result<Vec<Span>> {
        let request = self.client.get(format!("{}{path}", self.url)).query(query);
        let response = request.send().await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(Vec::new());
        }
        Ok(spans_from_otlp_json(
            &response.error_for_status()?.bytes().await?,
        )?)
    }
}
