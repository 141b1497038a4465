//! What a stack is asked over HTTP.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use chimera_shared::door;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{PATIENCE, Stack};
use crate::{contract::drawn, stopped::traces};

impl Stack {
    /// A URL of the HTTP API.
    pub fn url(&self, path: &str) -> String {
        let address = self.address("chimera-api", "api").expect("the API listens");
        format!("http://{address}{path}")
    }

    /// The HTTP client of the test, which is not traced.
    pub fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// Asks `question` and waits for how it ends.
    pub async fn ask(&self, question: &str) -> Result<Value> {
        self.asking(question).await
    }

    /// The same, as a future that can wait elsewhere.
    pub fn asking(&self, question: &str) -> impl Future<Output = Result<Value>> + Send + use<> {
        let request = self
            .client
            .post(self.url("/api/queries"))
            .header("prefer", "wait=30")
            .json(&json!({ "query": question }));
        async move {
            let response = request.send().await?;
            let status = response.status();
            response
                .json()
                .await
                .with_context(|| format!("reading the answer to a question, {status}"))
        }
    }

    /// Waits until the question with this id has ended, and returns how.
    ///
    /// # Errors
    /// When it has not within [`PATIENCE`].
    pub async fn end_of(&self, query_id: &str) -> Result<Value> {
        let until = Instant::now() + PATIENCE;
        loop {
            let query = self.get(&format!("/api/queries/{query_id}")).await;
            let status = query
                .as_ref()
                .ok()
                .and_then(|query| query["status"].as_str());
            if !matches!(status, None | Some("pending" | "processing")) {
                return query;
            }
            ensure!(
                Instant::now() < until,
                "the question has not ended within {PATIENCE:?}: {query:?}\n{}",
                self.drawn()?
            );
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// All traces as text: what has ended so far.
    fn drawn(&self) -> Result<String> {
        let traces = traces(&self.store)?;
        Ok(traces.iter().map(drawn).collect())
    }

    /// Gets JSON from the HTTP API.
    pub async fn get(&self, path: &str) -> Result<Value> {
        Ok(self.client.get(self.url(path)).send().await?.json().await?)
    }

    /// Posts JSON to the HTTP API.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        Ok(self
            .client
            .post(self.url(path))
            .json(body)
            .send()
            .await?
            .json()
            .await?)
    }

    /// Publishes an event as `chimera publish` does.
    pub async fn publish(&self, routing_key: &str, body: &Value) -> Result<Value> {
        self.command("/api/bus/messages", routing_key, body).await
    }

    /// Makes a request as `chimera request` does.
    pub async fn request(&self, routing_key: &str, body: &Value) -> Result<Value> {
        Ok(self.command("/api/bus/requests", routing_key, body).await?["reply"].take())
    }

    async fn command(&self, path: &str, routing_key: &str, body: &Value) -> Result<Value> {
        let address = self
            .running
            .address(door::SERVICE, door::PURPOSE)
            .context("the door is shut")?;
        let outgoing = json!({ "routing_key": routing_key, "body": body });
        let response = self
            .client
            .post(format!("http://{address}{path}"))
            .json(&outgoing)
            .send()
            .await?;
        Ok(response.error_for_status()?.json().await?)
    }
}

/// A client for this machine.
pub(super) fn client() -> Result<reqwest::Client> {
    chimera_shared::tls::install_crypto_provider();
    Ok(reqwest::Client::builder().no_proxy().build()?)
}
