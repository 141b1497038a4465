//! A real Jaeger, for one test.

use std::{
    env,
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use chimera_tests::stack::PATIENCE;
use chimera_traces::tree::{Span, spans_from_otlp_json};
use reqwest::{Client, StatusCode};
use serde_json::Value;
use tokio::time::{Instant, sleep};

/// Names the program; `scripts/test` finds or builds one.
const PROGRAM: &str = "CHIMERA_TEST_JAEGER";

const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A port that was free can be taken by the time Jaeger asks for it.
const STARTS: usize = 3;

/// Jaeger with its traces in memory, on free ports of this machine; it ends when this is dropped.
pub(crate) struct Jaeger {
    child: Child,
    client: Client,
    query: u16,
    otlp_grpc: u16,
    otlp_http: u16,
}

impl Jaeger {
    /// Starts the program that the environment names, and returns when it answers.
    ///
    /// # Errors
    /// When there is none, or it does not answer within [`PATIENCE`].
    #[expect(
        clippy::disallowed_methods,
        reason = "it names a program of the test's, and is no setting of ours"
    )]
    pub(crate) async fn start() -> Result<Self> {
        let program = env::var_os(PROGRAM)
            .with_context(|| format!("set {PROGRAM} to a Jaeger 2 program, or run scripts/test"))?;
        let mut last = None;
        for _ in 0..STARTS {
            let jaeger = Self::spawn(Path::new(&program))?;
            match jaeger.ready().await {
                Ok(jaeger) => return Ok(jaeger),
                Err(error) => last = Some(error),
            }
        }
        Err(last.context("it was never started")?)
    }

    fn spawn(program: &Path) -> Result<Self> {
        let [query, grpc, otlp_grpc, otlp_http] = free_ports()?;
        let config = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/jaeger/jaeger.yaml");
        let child = Command::new(program)
            .args(["--config", config])
            .env("JAEGER_QUERY_PORT", query.to_string())
            .env("JAEGER_GRPC_PORT", grpc.to_string())
            .env("JAEGER_OTLP_GRPC_PORT", otlp_grpc.to_string())
            .env("JAEGER_OTLP_HTTP_PORT", otlp_http.to_string())
            .stdin(Stdio::null())
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        chimera_shared::tls::install_crypto_provider();
        Ok(Self {
            child,
            client: Client::builder().no_proxy().build()?,
            query,
            otlp_grpc,
            otlp_http,
        })
    }

    async fn ready(mut self) -> Result<Self> {
        let until = Instant::now() + PATIENCE;
        while self.services().await.is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!("jaeger ended while it started: {status}");
            }
            ensure!(
                Instant::now() < until,
                "jaeger does not answer within {PATIENCE:?}"
            );
            sleep(LOOK_EVERY).await;
        }
        Ok(self)
    }

    /// Where it takes OTLP over gRPC.
    pub(crate) fn otlp_grpc(&self) -> String {
        format!("http://127.0.0.1:{}", self.otlp_grpc)
    }

    /// Where it takes OTLP over HTTP.
    pub(crate) fn otlp_http(&self) -> String {
        format!("http://127.0.0.1:{}", self.otlp_http)
    }

    /// The services it knows.
    pub(crate) async fn services(&self) -> Result<Vec<String>> {
        let body = self
            .get("/api/v3/services", &[])
            .await?
            .context("no such route")?;
        let body: Value = serde_json::from_slice(&body)?;
        let services = body["services"].as_array().into_iter().flatten();
        Ok(services
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect())
    }

    /// The spans of a trace; none while it has no such trace.
    pub(crate) async fn trace(&self, id: &str) -> Result<Vec<Span>> {
        let body = self.get(&format!("/api/v3/traces/{id}"), &[]).await?;
        Ok(body.map_or(Ok(Vec::new()), |body| spans_from_otlp_json(&body))?)
    }

    /// The spans of the traces in which `service` took part.
    pub(crate) async fn traces_of(&self, service: &str) -> Result<Vec<Span>> {
        let query = [
            ("query.service_name", service),
            ("query.start_time_min", "2020-01-01T00:00:00Z"),
            ("query.start_time_max", "2100-01-01T00:00:00Z"),
            ("query.num_traces", "100"),
        ];
        let body = self.get("/api/v3/traces", &query).await?;
        Ok(body.map_or(Ok(Vec::new()), |body| spans_from_otlp_json(&body))?)
    }

    /// What it answers; `None` for "not found".
    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Option<Vec<u8>>> {
        let url = format!("http://127.0.0.1:{}{path}", self.query);
        let response = self.client.get(url).query(query).send().await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        Ok(Some(response.error_for_status()?.bytes().await?.to_vec()))
    }
}

impl Drop for Jaeger {
    fn drop(&mut self) {
        // It may have ended by itself already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Held all at once, so that they differ.
fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let held = [(); N].map(|()| TcpListener::bind("127.0.0.1:0"));
    let mut ports = [0; N];
    for (port, listener) in ports.iter_mut().zip(held) {
        *port = listener?.local_addr()?.port();
    }
    Ok(ports)
}
