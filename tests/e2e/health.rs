//! What agents say about themselves.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use chimera_shared::HandleError;
use chimera_tests::{Backends, Stack, stack::PATIENCE};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::messages::{KEY, with_worker};

crate::on_each_backend! {
    each_agent_tells_its_health_and_its_metrics,
    replies_and_settlements_are_measured,
}

async fn each_agent_tells_its_health_and_its_metrics(backends: Backends) {
    let stack = Stack::start(backends).await.unwrap();
    let answer = stack.ask("ZEC price").await.unwrap();
    for agent in [
        "chimera-api",
        "query_agent",
        "data_retrieval_agent",
        "analysis_agent",
    ] {
        let address = stack.address(agent, "health").unwrap();
        let get = async |path: &str| {
            stack
                .client()
                .get(format!("http://{address}{path}"))
                .send()
                .await
                .unwrap()
        };
        assert_eq!(get("/healthz").await.status(), 200);
        let ready: Value = get("/readyz").await.json().await.unwrap();
        assert_eq!(ready["ready"], true, "{ready:#}");
        for dependency in ["documents", "cache"] {
            assert_eq!(
                ready["dependencies"][dependency]["ready"], true,
                "{ready:#}"
            );
        }
        let exporter = match backends {
            Backends::Embedded => "embedded",
            Backends::Servers => "otlp",
        };
        let spans = &ready["telemetry"][0];
        assert_eq!(spans["exporter"], exporter, "{ready:#}");
        assert_eq!(spans["failing"], false, "{ready:#}");
        // What goes to a server waits for others.
        let taken = spans["exported"].as_u64().zip(spans["queued"].as_u64());
        let (exported, queued) = taken.unwrap();
        assert!(exported + queued > 0, "{ready:#}");
        let metrics = get("/metrics").await.text().await.unwrap();
        let exported =
            format!("chimera_telemetry_exporter_exported_total{{exporter=\"{exporter}\"");
        assert!(metrics.contains(&exported), "{agent}: {metrics}");
        if agent != "chimera-api" && matches!(backends, Backends::Embedded) {
            let depth = format!("chimera_queue_messages{{messaging_destination_name=\"{agent}\"");
            assert!(
                metrics.contains(&depth),
                "{agent}: {depth} is not in\n{metrics}"
            );
        }
        let expected = if agent == "chimera-api" {
            "http_server_request_duration"
        } else {
            "messaging_process_duration"
        };
        assert!(
            metrics.contains(expected),
            "{agent}: {expected} is not in\n{metrics}"
        );
        if agent == "query_agent" {
            // As the span of the work has it.
            let destination =
                "messaging_destination_name=\"chimera.events:query.request:query_agent\"";
            let of_work = metrics.lines().filter(|line| {
                line.starts_with("messaging_process_duration_seconds_count")
                    || line.starts_with("messaging_client_consumed_messages")
            });
            let has_it = of_work.filter(|line| line.contains(destination));
            assert_eq!(has_it.count(), 2, "{metrics}");
        }
        for id in ["query_id", "trace_id"] {
            assert!(
                !metrics.contains(answer[id].as_str().unwrap()),
                "no id is a label:\n{metrics}"
            );
        }
    }
    stack.stop().await.unwrap();
}

async fn replies_and_settlements_are_measured(backends: Backends) {
    let failed = Arc::new(AtomicBool::new(false));
    let stack = with_worker(backends, move |_, input| {
        let is_first = !failed.swap(true, Relaxed);
        async move {
            match is_first {
                true => Err(HandleError::transient(anyhow::anyhow!("away"))),
                false => Ok(input),
            }
        }
    })
    .await;
    stack.request(KEY, &json!({})).await.unwrap();
    let url = format!(
        "http://{}/metrics",
        stack.address("worker", "health").unwrap()
    );
    // The reply is there before the request is settled.
    let until = Instant::now() + PATIENCE;
    let page = loop {
        let page = stack.client().get(&url).send().await.unwrap();
        let page = page.text().await.unwrap();
        if count(&page, &["ack", "settle"]) == Some(2) {
            break page;
        }
        assert!(Instant::now() < until, "{page}");
        sleep(Duration::from_millis(20)).await;
    };
    for call in [["publish", "send"], ["retry", "settle"]] {
        assert_eq!(count(&page, &call), Some(1), "{call:?} in {page}");
    }
    let mut sent = page
        .lines()
        .filter(|line| line.starts_with("messaging_client_sent_messages_total{"));
    let reply = sent.next().unwrap();
    assert!(
        reply.contains("messaging_destination_name=\"(temporary)\""),
        "{reply}"
    );
    assert!(reply.ends_with(" 1") && sent.next().is_none(), "{page}");
    stack.stop().await.unwrap();
}

/// How many calls of this name and type the page of metrics has the durations of.
fn count(page: &str, [name, kind]: &[&str; 2]) -> Option<u64> {
    let labels = [
        format!("messaging_operation_name=\"{name}\""),
        format!("messaging_operation_type=\"{kind}\""),
    ];
    let mut lines = page
        .lines()
        .filter(|line| line.starts_with("messaging_client_operation_duration_seconds_count{"));
    let line = lines.find(|line| labels.iter().all(|label| line.contains(label)))?;
    line.rsplit(' ').next()?.parse().ok()
}
