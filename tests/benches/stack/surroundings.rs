//! What agents have around them besides their servers: the recorded sources, and somebody who takes their spans.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    routing::post,
};
use chimera_retrieval::recorded::{self, Recording};
use tokio::{net::TcpListener, task::AbortHandle};

/// An HTTP server of this process. It ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    serving: AbortHandle,
}

impl Server {
    async fn start(router: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("there is a free port");
        let address = listener.local_addr().expect("it listens");
        let serving = tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            address,
            serving: serving.abort_handle(),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// The recording that comes with the program.
pub(crate) async fn recorded_sources() -> Server {
    Server::start(recorded::router(Recording::bundled())).await
}

/// A receiver of OTLP that counts bytes and keeps nothing.
#[derive(Debug)]
pub(crate) struct Sink {
    server: Server,
    bytes: Arc<AtomicU64>,
}

impl Sink {
    pub(crate) async fn start() -> Self {
        let bytes = Arc::new(AtomicU64::new(0));
        let router = Router::new()
            .route("/v1/traces", post(take))
            .layer(DefaultBodyLimit::disable())
            .with_state(Arc::clone(&bytes));
        Self {
            server: Server::start(router).await,
            bytes,
        }
    }

    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    /// What has come so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

async fn take(State(bytes): State<Arc<AtomicU64>>, body: Bytes) {
    bytes.fetch_add(body.len() as u64, Ordering::Relaxed);
}
