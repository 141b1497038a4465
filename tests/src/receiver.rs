//! Where the spans of other processes come in: a receiver of OTLP over HTTP that writes into a trace store. Log records are
//! kept as they come.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Result;
use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::StatusCode,
    routing::post,
};
use chimera_traces::Store;
use opentelemetry_proto::tonic::{
    collector::{logs::v1::ExportLogsServiceRequest, trace::v1::ExportTraceServiceRequest},
    logs::v1::ResourceLogs,
};
use prost::Message as _;
use tokio::{
    net::TcpListener,
    task::{AbortHandle, spawn_blocking},
};

/// Listens until it is dropped.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    logs: Logs,
    server: AbortHandle,
}

type Logs = Arc<Mutex<Vec<ResourceLogs>>>;

impl Receiver {
    /// Takes spans for `store` on a free port of this machine.
    ///
    /// # Errors
    /// When no address can be had.
    pub async fn start(store: Store) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let logs = Logs::default();
        let router = Router::new()
            .route("/v1/traces", post(take))
            .with_state(store)
            .route("/v1/logs", post(take_logs))
            .with_state(Arc::clone(&logs))
            .layer(DefaultBodyLimit::disable());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self {
            address,
            logs,
            server: serving.abort_handle(),
        })
    }

    /// Its base URL, for `OTEL_EXPORTER_OTLP_ENDPOINT` and the like.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The log records that came in so far, by resource.
    pub fn logs(&self) -> Vec<ResourceLogs> {
        self.logs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn take_logs(State(logs): State<Logs>, body: Bytes) -> StatusCode {
    let Ok(request) = ExportLogsServiceRequest::decode(body) else {
        return StatusCode::BAD_REQUEST;
    };
    let mut logs = logs.lock().unwrap_or_else(PoisonError::into_inner);
    logs.extend(request.resource_logs);
    StatusCode::OK
}

/// It answers when the spans are in the store, so that who flushed knows that they can be found.
async fn take(State(store): State<Store>, body: Bytes) -> StatusCode {
    let Ok(request) = ExportTraceServiceRequest::decode(body) else {
        return StatusCode::BAD_REQUEST;
    };
    let written = spawn_blocking(move || store.write(&request.resource_spans)).await;
    match written {
        Ok(outcome) if outcome.failed == 0 => StatusCode::OK,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}
