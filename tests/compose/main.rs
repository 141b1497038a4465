//! The full stack as `docker-compose.yml` has it, in containers: asked, scaled, killed, restarted and stopped.
//!
//! `scripts/compose-test` finds or brings what this needs and says how Compose is called.

mod jaeger;
mod project;

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context as _, Result, ensure};
use chimera_tests::{contract::assert_one_trace, fact, stack::PATIENCE};
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::{jaeger::Jaeger, project::Project};

const QUESTION: &str = "How did the ZEC price trend in January 2019?";

const SERVICES: [&str; 4] = [
    "chimera-api",
    "query_agent",
    "data_retrieval_agent",
    "analysis_agent",
];

const LOOK_EVERY: Duration = Duration::from_millis(100);

/// One test, because a stack takes half a minute to start, and each step wants the one before to be over.
#[tokio::test(flavor = "multi_thread")]
async fn the_full_stack_answers_and_recovers() {
    let project = Project::new().unwrap();
    project.up().unwrap();
    check(&project).await.unwrap();
    project.check_shutdown().unwrap();
}

async fn check(project: &Project) -> Result<()> {
    let stack = Stack::of(project)?;

    let answer = stack.ask(QUESTION).await?;
    check_answer(&answer);
    stack.check_trace(&answer).await?;

    project.scale()?;
    stack.check_consumers("query_agent", 3).await?;
    for answer in try_join_all((0..12).map(|_| stack.ask(QUESTION))).await? {
        check_answer(&answer);
    }

    stack.check_agent_killed_in_mid_question().await?;

    project.compose(&["restart", "rabbitmq"])?;
    let answer = stack.ask(QUESTION).await?;
    check_answer(&answer);
    stack.check_trace(&answer).await
}

fn check_answer(answer: &Value) {
    assert_eq!(answer["status"], "completed", "{answer:#}");
    let change = fact(answer, "change_pct");
    assert!((change - -11.713_627_503).abs() < 1e-6, "{change}");
}

/// What a user of the stack reaches.
struct Stack<'a> {
    project: &'a Project,
    client: reqwest::Client,
    api: String,
    jaeger: Jaeger,
}

impl<'a> Stack<'a> {
    fn of(project: &'a Project) -> Result<Self> {
        chimera_shared::tls::install_crypto_provider();
        let client = reqwest::Client::builder().no_proxy().build()?;
        let jaeger = Jaeger::new(client.clone(), &project.published("jaeger", 16686)?);
        Ok(Self {
            api: format!("http://{}/api/queries", project.published("api", 8080)?),
            project,
            client,
            jaeger,
        })
    }

    /// Asks, and waits for the end of the question.
    async fn ask(&self, question: &str) -> Result<Value> {
        let request = self.client.post(&self.api).header("prefer", "wait=60");
        let response = request.json(&json!({ "query": question })).send().await?;
        let status = response.status();
        let text = response.text().await?;
        serde_json::from_str(&text).with_context(|| format!("{status}: {text}"))
    }

    /// The question with this id as it stands.
    async fn query(&self, id: &str) -> Result<Value> {
        let response = self.client.get(format!("{}/{id}", self.api)).send().await?;
        Ok(response.error_for_status()?.json().await?)
    }

    /// The question's trace in Jaeger is whole, and found under each of the services.
    async fn check_trace(&self, answer: &Value) -> Result<()> {
        let id = answer["trace_id"].as_str().context("there is no trace")?;
        let trace = self.jaeger.complete(id, &SERVICES).await?;
        assert_one_trace(&trace);
        let services = trace.services();
        assert_eq!(
            BTreeSet::from_iter(services.iter().map(|total| total.service.as_str())),
            BTreeSet::from(SERVICES)
        );
        for service in SERVICES {
            let found = self.jaeger.traces_of(service).await?;
            ensure!(found.contains(id), "{service} does not have trace {id}");
        }
        Ok(())
    }

    /// As many consumers share the work of `queue`.
    async fn check_consumers(&self, queue: &str, expected: usize) -> Result<()> {
        let line = format!("{queue}\t{expected}");
        eventually(|| async {
            let list = ["rabbitmqctl", "-q", "list_queues", "name", "consumers"];
            let queues = self.project.in_container("rabbitmq", &list)?;
            ensure!(queues.lines().any(|one| one == line), "{queues}");
            Ok(())
        })
        .await
    }

    /// A question that waits for its source when its agent is killed is answered by the agent that comes after.
    async fn check_agent_killed_in_mid_question(&self) -> Result<()> {
        self.project.compose(&["pause", "sources"])?;
        let request = self.client.post(&self.api);
        // Not asked before, so that the cache does not know it.
        let question = json!({ "query": "How did the BTC price trend in March 2017?" });
        let asked: Value = request.json(&question).send().await?.json().await?;
        let id = asked["query_id"].as_str().context("there is no id")?;
        eventually(|| async {
            let query = self.query(id).await?;
            ensure!(query["stage"] == "retrieval", "{query:#}");
            Ok(())
        })
        .await?;
        self.project.compose(&["kill", "data_retrieval_agent"])?;
        self.project.compose(&["unpause", "sources"])?;
        // What was killed by hand is not started again by the engine. The source has to be healthy first: it was not,
        // while it was paused.
        eventually(|| async { self.project.scale() }).await?;
        eventually(|| async {
            let query = self.query(id).await?;
            ensure!(query["status"] == "completed", "{query:#}");
            ensure!(query["trace_id"] == asked["trace_id"], "{query:#}");
            Ok(())
        })
        .await
    }
}

/// Tries until it holds; what was wrong the last time is the error.
///
/// # Errors
/// When it does not hold within [`PATIENCE`].
async fn eventually<F: Future<Output = Result<()>>>(holds: impl Fn() -> F) -> Result<()> {
    let until = Instant::now() + PATIENCE;
    loop {
        match holds().await {
            Err(error) if Instant::now() >= until => {
                return Err(error.context(format!("it does not hold within {PATIENCE:?}")));
            }
            Err(_) => sleep(LOOK_EVERY).await,
            Ok(()) => return Ok(()),
        }
    }
}
