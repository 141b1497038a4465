//! A running gateway, and what a client does with it.

use std::sync::Arc;

use chimera_shared::{
    Platform,
    config::{ApiConfig, Config},
    platform::Running,
};
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Semaphore;

use crate::query_agent;

/// A gateway on a platform of its own.
pub(crate) struct Gateway {
    running: Running,
    client: Client,
    /// The steps that the query agent may still go; see [`query_agent::agent`].
    steps: Arc<Semaphore>,
    _directory: TempDir,
}

/// The status and the JSON of a response.
pub(crate) type Answer = (StatusCode, Value);

impl Gateway {
    /// With the query agent of the tests.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// The same, configured.
    pub(crate) async fn start_with(configure: impl FnOnce(&mut ApiConfig)) -> Self {
        let steps = Arc::new(Semaphore::new(0));
        let agent = query_agent::agent(Arc::clone(&steps));
        Self::start_agents(configure, steps, Some(agent)).await
    }

    /// Without a query agent.
    pub(crate) async fn start_alone() -> Self {
        Self::start_agents(|_| {}, Arc::new(Semaphore::new(0)), None).await
    }

    async fn start_agents(
        configure: impl FnOnce(&mut ApiConfig),
        steps: Arc<Semaphore>,
        other: Option<chimera_shared::BaseAgent>,
    ) -> Self {
        // Another test of this process may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let directory = tempfile::tempdir().unwrap();
        let mut config = Config::for_test(directory.path());
        configure(&mut config.api);
        let agents = other
            .into_iter()
            .chain([chimera_api::agent(&config.api)])
            .collect();
        let platform = Platform::open(config, "a test").await.unwrap();
        let running = platform.start(agents).await.unwrap();
        Self {
            running,
            client: Client::new(),
            steps,
            _directory: directory,
        }
    }

    /// Lets the query agent go on by `steps`.
    pub(crate) fn step(&self, steps: usize) {
        self.steps.add_permits(steps);
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let address = self.running.address(chimera_api::NAME, "api").unwrap();
        self.client
            .request(method, format!("http://{address}{path}"))
    }

    /// A question, not sent yet.
    pub(crate) fn question(&self, question: &str) -> RequestBuilder {
        self.request(Method::POST, "/api/queries")
            .json(&json!({ "query": question }))
    }

    /// Asks, and returns the id of the query.
    pub(crate) async fn ask(&self, question: &str) -> String {
        let (status, accepted) = answer(self.question(question)).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{accepted}");
        text(&accepted["query_id"]).to_owned()
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path)).await
    }

    pub(crate) async fn query(&self, id: &str) -> Value {
        let (status, query) = self.get(&format!("/api/queries/{id}")).await;
        assert_eq!(status, StatusCode::OK, "{query}");
        query
    }

    pub(crate) async fn cancel(&self, id: &str) -> Answer {
        answer(self.request(Method::DELETE, &format!("/api/queries/{id}"))).await
    }

    /// Follows the query to its end, and returns how it ended.
    pub(crate) async fn end_of(&self, id: &str) -> Value {
        self.events(id).await.pop().unwrap().1
    }

    /// The events of a query, to its end.
    pub(crate) async fn events(&self, id: &str) -> Vec<(String, Value)> {
        let response = self
            .request(Method::GET, &format!("/api/queries/{id}/events"))
            .send()
            .await
            .unwrap();
        events_of(&response.text().await.unwrap())
    }

    /// Stops everything; open requests are waited for.
    pub(crate) async fn stop(self) {
        self.running.stop().await;
    }
}

pub(crate) async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    (response.status(), response.json().await.unwrap())
}

pub(crate) fn text(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is not a string"))
}

/// The names and the data of server-sent events; comments are left out.
pub(crate) fn events_of(stream: &str) -> Vec<(String, Value)> {
    let field = |event: &str, name: &str| {
        event
            .lines()
            .find_map(|line| line.strip_prefix(name).map(str::to_owned))
    };
    stream
        .split("\n\n")
        .filter_map(|event| {
            let data = field(event, "data: ")?;
            Some((
                field(event, "event: ")?,
                serde_json::from_str(&data).unwrap(),
            ))
        })
        .collect()
}
