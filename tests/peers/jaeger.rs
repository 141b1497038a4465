//! A real Jaeger, for one test.

use std::{
    env, fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use chimera_servers::Program;
use chimera_tests::stack::PATIENCE;
use chimera_traces::tree::{Span, spans_from_otlp_json};
use reqwest::{Client, StatusCode};
use serde_json::Value;
use tokio::time::{Instant, sleep};

/// Names the program; `scripts/test` finds or builds one.
const PROGRAM: &str = "CHIMERA_TEST_JAEGER";

/// Names a built Jaeger UI, a directory or an archive of one, for a program that was built without.
const UI: &str = "CHIMERA_TEST_JAEGER_UI";

const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A port that was free can be taken by the time Jaeger asks for it.
const STARTS: usize = 3;

/// Jaeger with its traces in memory, on free ports of this machine; it ends when this is dropped.
pub(crate) struct Jaeger {
    program: Program,
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
    pub(crate) async fn start() -> Result<Self> {
        let program = Program::find(PROGRAM, "jaeger")
            .with_context(|| format!("set {PROGRAM} to a Jaeger 2 program, or run scripts/test"))?;
        let mut last = None;
        for _ in 0..STARTS {
            match Self::spawn(&program)?.ready().await {
                Ok(jaeger) => return Ok(jaeger),
                Err(error) => last = Some(error),
            }
        }
        Err(last.context("it was never started")?)
    }

    fn spawn(program: &Path) -> Result<Self> {
        let [query, grpc, otlp_grpc, otlp_http] = free_ports()?;
        let config = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/jaeger/jaeger.yaml");
        let ui = given_ui();
        let run = |directory: &Path| {
            let mut command = Command::new(program);
            command
                .args(["--config", config])
                .env(
                    "JAEGER_UI",
                    ui.map_or_else(PathBuf::new, |ui| unpacked(ui, directory)),
                )
                .env("JAEGER_QUERY_PORT", query.to_string())
                .env("JAEGER_GRPC_PORT", grpc.to_string())
                .env("JAEGER_OTLP_GRPC_PORT", otlp_grpc.to_string())
                .env("JAEGER_OTLP_HTTP_PORT", otlp_http.to_string());
            command
        };
        chimera_shared::tls::install_crypto_provider();
        Ok(Self {
            program: Program::start("jaeger", run),
            client: Client::builder().no_proxy().build()?,
            query,
            otlp_grpc,
            otlp_http,
        })
    }

    async fn ready(mut self) -> Result<Self> {
        let until = Instant::now() + PATIENCE;
        while self.services().await.is_err() {
            if let Some(status) = self.program.ended() {
                bail!(
                    "jaeger ended while it started, {status}; {}",
                    self.program.said_last()
                );
            }
            ensure!(
                Instant::now() < until,
                "jaeger does not answer within {PATIENCE:?}; {}",
                self.program.said_last()
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

    /// Where it answers queries, and shows its pages.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.query)
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
        // Otherwise Jaeger writes what it thinks of a trace that is not whole yet into the very trace that it keeps.
        let raw = [("raw_traces", "true")];
        let body = self.get(&format!("/api/v3/traces/{id}"), &raw).await?;
        Ok(body.map_or(Ok(Vec::new()), |body| spans_from_otlp_json(&body))?)
    }

    /// The spans of the traces in which `service` took part.
    pub(crate) async fn traces_of(&self, service: &str) -> Result<Vec<Span>> {
        let query = [
            ("query.service_name", service),
            ("query.start_time_min", "2020-01-01T00:00:00Z"),
            ("query.start_time_max", "2100-01-01T00:00:00Z"),
            ("query.num_traces", "100"),
            ("query.raw_traces", "true"),
        ];
        let body = self.get("/api/v3/traces", &query).await?;
        Ok(body.map_or(Ok(Vec::new()), |body| spans_from_otlp_json(&body))?)
    }

    /// What its own pages get at `path`, below `data`.
    pub(crate) async fn page_data(&self, path: &str, query: &[(&str, &str)]) -> Result<Value> {
        let body = self.get(path, query).await?.context("not found")?;
        let mut body: Value = serde_json::from_slice(&body)?;
        ensure!(body["errors"].is_null(), "{path}: {}", body["errors"]);
        Ok(body["data"].take())
    }

    /// What it answers; `None` for "not found".
    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Option<Vec<u8>>> {
        let response = self.client.get(self.url(path)).query(query).send().await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        Ok(Some(response.error_for_status()?.bytes().await?.to_vec()))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "it names files of the test's, and is no setting of ours"
)]
fn given_ui() -> Option<PathBuf> {
    env::var_os(UI)
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
}

/// The directory of the UI: itself, or what is in the archive.
fn unpacked(ui: PathBuf, directory: &Path) -> PathBuf {
    if ui.is_dir() {
        return ui;
    }
    let target = directory.join("ui");
    fs::create_dir(&target).expect("there is room for a directory");
    let mut tar = Command::new("tar");
    let unpacked = tar.arg("-xf").arg(&ui).arg("-C").arg(&target).status();
    assert!(
        unpacked.is_ok_and(|status| status.success()),
        "{UI} is {}, and tar cannot unpack that",
        ui.display()
    );
    target
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
