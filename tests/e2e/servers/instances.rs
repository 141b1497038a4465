//! Several instances of each agent.

use std::collections::BTreeSet;

use chimera_tests::{Backends, Stack, contract::assert_one_trace, process::AGENTS};
use futures_util::future::try_join_all;

use super::{QUESTION, attempts};

const QUESTIONS: usize = 12;

async fn share_the_work(instances: usize) {
    let mut stack = Stack::start(Backends::Servers).await.unwrap();
    for _ in 1..instances {
        stack.start_processes(AGENTS).await.unwrap();
    }
    let answers = try_join_all((0..QUESTIONS).map(|_| stack.ask(QUESTION)))
        .await
        .unwrap();
    for answer in &answers {
        assert_eq!(answer["status"], "completed", "{answer:#}");
    }
    let mut handled = Vec::new();
    for address in stack.addresses("query_agent", "health") {
        let metrics = stack.client().get(format!("http://{address}/metrics"));
        handled.push(questions_in(
            &metrics.send().await.unwrap().text().await.unwrap(),
        ));
    }
    let stopped = stack.stop().await.unwrap();

    assert_eq!(handled.len(), instances);
    assert!(
        handled.iter().all(|handled| *handled > 0),
        "one of them had nothing to do: {handled:?}"
    );
    assert_eq!(handled.iter().sum::<usize>(), QUESTIONS, "{handled:?}");
    let ids: BTreeSet<_> = answers
        .iter()
        .map(|answer| answer["trace_id"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), QUESTIONS);
    assert_eq!(stopped.traces.len(), QUESTIONS);
    for trace in &stopped.traces {
        assert_one_trace(trace);
        assert_eq!(attempts(trace, "query_agent"), 1);
    }
}

/// How many questions an agent has handled, by its metrics.
fn questions_in(metrics: &str) -> usize {
    let counts = metrics.lines().filter(|line| {
        line.starts_with("messaging_process_duration_seconds_count")
            && line.contains("\"query_agent\"")
    });
    let counts = counts.filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok());
    counts.sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_of_each_agent_share_the_work() {
    share_the_work(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_of_each_agent_share_the_work() {
    share_the_work(3).await;
}
