//! Where the spans of other processes come in: a receiver of OTLP over HTTP that writes into a trace store.

use std::net::SocketAddr;

use anyhow::Result;
use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::StatusCode,
    routing::post,
};
use chimera_traces::Store;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;
use tokio::{
    net::TcpListener,
    task::{AbortHandle, spawn_blocking},
};

/// Listens until it is dropped.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    server: AbortHandle,
}

impl Receiver {
    /// Takes spans for `store` on a free port of this machine.
    ///
    /// # Errors
    /// When no address can be had.
    pub async fn start(store: Store) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let router = Router::new()
            .route("/v1/traces", post(take))
            .layer(DefaultBodyLimit::disable())
            .with_state(store);
        let serving = tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self {
            address,
            server: serving.abort_handle(),
        })
    }

    /// Its base URL, for `OTEL_EXPORTER_OTLP_ENDPOINT` and the like.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
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
