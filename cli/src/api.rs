//! The HTTP API of `chimera-api`, in this process, in a running `chimera up`, or elsewhere.

use std::{net::SocketAddr, time::Duration};

use chimera_shared::config::RedactedUrl;
use serde_json::{Value, json};

use crate::server::Server;

const NAME: &str = "chimera-api";

/// What an answer may take longer than it was asked to.
const LATE: Duration = Duration::from_secs(10);

/// The HTTP API.
#[derive(Debug)]
pub(crate) struct Api {
    server: Server,
}

impl Api {
    /// The API that listens on `address`, on this machine.
    pub(crate) fn here(address: SocketAddr) -> anyhow::Result<Self> {
        let server = Server::here(NAME, address)?;
        Ok(Self { server })
    }

    /// The API that `api.url` names.
    pub(crate) fn configured(url: &RedactedUrl) -> anyhow::Result<Self> {
        let server = Server::configured(NAME, "api.url", url)?;
        Ok(Self { server })
    }

    /// Asks `question`, waits for its end, `timeout` at most, and returns the query as it stands then.
    pub(crate) async fn ask(&self, question: &str, timeout: Duration) -> anyhow::Result<Value> {
        let wait = timeout.as_secs().max(1);
        let request = self
            .server
            .post("/api/queries")
            .header("prefer", format!("wait={wait}"))
            .json(&json!({ "query": question }));
        let within = Duration::from_secs(wait) + LATE;
        let answer = self.server.send(request, within).await?;
        self.server.json(&answer)
    }
}
