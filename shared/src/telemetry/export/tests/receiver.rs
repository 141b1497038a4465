//! A small OTLP receiver, by either protocol.

use std::sync::{Arc, Mutex};

use axum::{Router, body::Bytes, extract::State, routing::post};
use http::HeaderMap;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
    trace_service_server::{TraceService, TraceServiceServer},
};
use prost::Message as _;
use tokio::{net::TcpListener, task::AbortHandle};
use tonic::{Request, Response, Status, codec::CompressionEncoding};

use crate::config::OtlpProtocol;

/// What came in.
#[derive(Debug, Clone, Default)]
pub(super) struct Received {
    pub(super) spans: usize,
    pub(super) services: Vec<String>,
    pub(super) compressed: bool,
}

#[derive(Debug, Clone, Default)]
struct Inbox(Arc<Mutex<Received>>);

/// Stops when it is dropped.
pub(super) struct Receiver {
    pub(super) url: String,
    inbox: Inbox,
    server: AbortHandle,
}

pub(super) async fn start(protocol: OtlpProtocol) -> Receiver {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let inbox = Inbox::default();
    let server = match protocol {
        OtlpProtocol::HttpProtobuf | OtlpProtocol::HttpJson => {
            let app = Router::new()
                .route("/v1/traces", post(take_http))
                .with_state(inbox.clone());
            tokio::spawn(async move { axum::serve(listener, app).await.unwrap() }).abort_handle()
        }
        OtlpProtocol::Grpc => {
            let service =
                TraceServiceServer::new(inbox.clone()).accept_compressed(CompressionEncoding::Gzip);
            let incoming = tonic::transport::server::TcpIncoming::from(listener);
            let server = tonic::transport::Server::builder().add_service(service);
            tokio::spawn(async move { server.serve_with_incoming(incoming).await.unwrap() })
                .abort_handle()
        }
    };
    Receiver { url, inbox, server }
}

impl Receiver {
    pub(super) fn received(&self) -> Received {
        self.inbox.0.lock().unwrap().clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Inbox {
    fn take(&self, request: &ExportTraceServiceRequest, compressed: bool) {
        let mut received = self.0.lock().unwrap();
        received.compressed = compressed;
        for resource in &request.resource_spans {
            let spans = resource.scope_spans.iter().map(|scope| scope.spans.len());
            received.spans += spans.sum::<usize>();
            let attributes = resource
                .resource
                .iter()
                .flat_map(|resource| &resource.attributes);
            let name = attributes
                .filter(|attribute| attribute.key == "service.name")
                .map(|attribute| format!("{:?}", attribute.value));
            received
                .services
                .extend(name.map(|name| name.split('"').nth(1).unwrap().to_owned()));
        }
    }
}

async fn take_http(State(inbox): State<Inbox>, headers: HeaderMap, body: Bytes) {
    assert_eq!(headers["content-type"], "application/x-protobuf");
    let compressed = headers
        .get("content-encoding")
        .is_some_and(|value| value == "gzip");
    let body = if compressed {
        gunzip(&body)
    } else {
        body.to_vec()
    };
    inbox.take(
        &ExportTraceServiceRequest::decode(body.as_slice()).unwrap(),
        compressed,
    );
}

fn gunzip(body: &[u8]) -> Vec<u8> {
    use std::io::Read as _;
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(body)
        .read_to_end(&mut plain)
        .unwrap();
    plain
}

#[tonic::async_trait]
impl TraceService for Inbox {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let compressed = request
            .metadata()
            .get("grpc-encoding")
            .is_some_and(|value| value == "gzip");
        self.take(request.get_ref(), compressed);
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}
