//! What only processes and servers can go through: to be killed, stopped, started again, and to be several.

mod broker;
mod instances;
mod killed;
mod python;
mod stores;
mod terminated;

use std::time::Duration;

use chimera_tests::{
    Stack,
    contract::{assert_one_trace, drawn},
    process::AGENTS,
    stack::PATIENCE,
    stopped::Stopped,
};
use chimera_traces::tree::{Problem, Trace};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

const QUESTION: &str = "How did the ZEC price trend in January 2019?";

/// A question that was taken.
struct Asked {
    query_id: String,
    trace_id: String,
}

async fn ask_without_waiting(stack: &Stack) -> Asked {
    let question = json!({ "query": QUESTION });
    let accepted = stack.post("/api/queries", &question).await.unwrap();
    let text = |key: &str| accepted[key].as_str().unwrap().to_owned();
    Asked {
        query_id: text("query_id"),
        trace_id: text("trace_id"),
    }
}

impl Asked {
    /// Waits until the question is answered.
    async fn answered(&self, stack: &Stack) -> Value {
        let answer = stack.end_of(&self.query_id).await.unwrap();
        assert_eq!(answer["status"], "completed", "{answer:#}");
        assert_eq!(answer["trace_id"], *self.trace_id);
        answer
    }

    /// The trace of the question, which nothing else than looking at it has left.
    fn only_trace<'a>(&self, stopped: &'a Stopped) -> &'a Trace {
        let others = stopped.traces.iter().filter(|trace| {
            let is_looking = trace
                .spans()
                .iter()
                .any(|span| span.name.starts_with("GET /api/"));
            trace.trace_id() != self.trace_id && !is_looking
        });
        let others: Vec<_> = others.map(drawn).collect();
        assert!(others.is_empty(), "a second trace:\n{}", others.join("\n"));
        stopped.trace(&self.trace_id)
    }

    /// The trace, which has no gap.
    fn whole_trace<'a>(&self, stopped: &'a Stopped) -> &'a Trace {
        let trace = self.only_trace(stopped);
        assert_one_trace(trace);
        trace
    }

    /// The trace of a question on whose way something died. What was open there is missing, and so is a parent of what
    /// had ended below it.
    fn trace_with_gaps<'a>(&self, stopped: &'a Stopped) -> &'a Trace {
        let trace = self.only_trace(stopped);
        let is_gap = |problem: &Problem| match problem {
            Problem::Orphan { .. } => true,
            Problem::Roots { spans } => spans.is_empty(),
            _ => false,
        };
        let mut problems = trace.problems();
        problems.retain(|problem| !is_gap(problem));
        assert!(problems.is_empty(), "{problems:?}\n{}", drawn(trace));
        trace
    }
}

/// Waits until every agent says that `dependency` is `ready`, or is not.
async fn each_agent_says(stack: &Stack, dependency: &str, ready: bool) {
    let until = Instant::now() + PATIENCE;
    for agent in AGENTS {
        let url = format!("http://{}/readyz", stack.address(agent, "health").unwrap());
        loop {
            let response = stack.client().get(&url).send().await.unwrap();
            let status = response.status().as_u16();
            let said: Value = response.json().await.unwrap();
            if said["dependencies"][dependency]["ready"] == ready && said["ready"] == ready {
                assert_eq!(status, if ready { 200 } else { 503 }, "{agent}: {said:#}");
                break;
            }
            assert!(
                Instant::now() < until,
                "{agent} says of {dependency}: {said:#}"
            );
            sleep(Duration::from_millis(50)).await;
        }
    }
}

/// The highest attempt at a message of `agent`.
fn attempts(trace: &Trace, agent: &str) -> u64 {
    let end = format!(":{agent}");
    let of_agent = |name: &str| name.starts_with("process ") && name.ends_with(&end);
    let spans = trace.spans().iter().filter(|span| of_agent(&span.name));
    let attempts = spans.filter_map(|span| span.attributes.get("chimera.attempt")?.as_u64());
    attempts.max().unwrap_or_default()
}
