//! A small OTLP receiver, by each protocol, for each signal, that answers as it is told.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Bytes, extract::State, response::IntoResponse, routing::post};
use http::{HeaderMap, StatusCode, Uri, header};
use opentelemetry_proto::tonic::collector::{
    logs::v1::{
        ExportLogsServiceRequest, ExportLogsServiceResponse,
        logs_service_server::{LogsService, LogsServiceServer},
    },
    metrics::v1::{
        ExportMetricsServiceRequest, ExportMetricsServiceResponse,
        metrics_service_server::{MetricsService, MetricsServiceServer},
    },
    trace::v1::{
        ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
};
use prost::Message;
use serde::de::DeserializeOwned;
use tokio::{net::TcpListener, task::AbortHandle};
use tonic::{Code, Request, Response, Status, codec::CompressionEncoding};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::config::OtlpProtocol;

/// What came in, over all requests.
#[derive(Debug, Clone, Default)]
pub(in crate::telemetry) struct Received {
    pub(in crate::telemetry) traces: Vec<ExportTraceServiceRequest>,
    pub(in crate::telemetry) metrics: Vec<ExportMetricsServiceRequest>,
    pub(in crate::telemetry) logs: Vec<ExportLogsServiceRequest>,
    /// One for each request, also of those that were refused.
    pub(in crate::telemetry) headers: Vec<HeaderMap>,
}

/// How one request is answered; when no answer is left, all is taken.
#[derive(Debug, Clone)]
pub(in crate::telemetry) enum Reply {
    Take,
    /// Takes all but so many, and says why.
    Partly(i64, &'static str),
    Http(u16, Option<&'static str>, &'static str),
    Grpc(Code, Option<Duration>),
    Never,
}

#[derive(Debug, Clone, Default)]
struct Inbox(Arc<Mutex<(Received, VecDeque<Reply>)>>);

/// Stops when it is dropped.
pub(in crate::telemetry) struct Receiver {
    pub(in crate::telemetry) url: String,
    inbox: Inbox,
    server: AbortHandle,
}

pub(in crate::telemetry) async fn start(protocol: OtlpProtocol) -> Receiver {
    start_with(protocol, []).await
}

/// One that answers with `replies` first.
pub(in crate::telemetry) async fn start_with(
    protocol: OtlpProtocol,
    replies: impl IntoIterator<Item = Reply>,
) -> Receiver {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let inbox = Inbox::default();
    inbox.0.lock().unwrap().1.extend(replies);
    let server = match protocol {
        OtlpProtocol::HttpProtobuf | OtlpProtocol::HttpJson => {
            let app = Router::new()
                .route("/v1/{signal}", post(take_http))
                .with_state(inbox.clone());
            tokio::spawn(async move { axum::serve(listener, app).await.unwrap() }).abort_handle()
        }
        OtlpProtocol::Grpc => {
            let gzip = CompressionEncoding::Gzip;
            let incoming = tonic::transport::server::TcpIncoming::from(listener);
            let server = tonic::transport::Server::builder()
                .add_service(TraceServiceServer::new(inbox.clone()).accept_compressed(gzip))
                .add_service(MetricsServiceServer::new(inbox.clone()).accept_compressed(gzip))
                .add_service(LogsServiceServer::new(inbox.clone()).accept_compressed(gzip));
            tokio::spawn(async move { server.serve_with_incoming(incoming).await.unwrap() })
                .abort_handle()
        }
    };
    Receiver { url, inbox, server }
}

/// A service of gRPC that takes every span.
pub(super) fn trace_service() -> TraceServiceServer<impl TraceService> {
    TraceServiceServer::new(Inbox::default())
}

impl Receiver {
    pub(in crate::telemetry) fn received(&self) -> Received {
        self.inbox.0.lock().unwrap().0.clone()
    }
}

impl Received {
    pub(in crate::telemetry) fn span_count(&self) -> usize {
        let resources = self
            .traces
            .iter()
            .flat_map(|request| &request.resource_spans);
        let scopes = resources.flat_map(|resource| &resource.scope_spans);
        scopes.map(|scope| scope.spans.len()).sum()
    }

    pub(in crate::telemetry) fn is_packed(&self) -> bool {
        let names = ["content-encoding", "grpc-encoding"];
        let is_gzip = |headers: &HeaderMap| {
            names
                .iter()
                .any(|name| headers.get(*name).is_some_and(|value| value == "gzip"))
        };
        self.headers.iter().all(is_gzip)
    }

    /// `service.name` of each resource of spans.
    pub(in crate::telemetry) fn services(&self) -> Vec<String> {
        let resources = self
            .traces
            .iter()
            .flat_map(|request| &request.resource_spans);
        let attributes = resources
            .filter_map(|resource| resource.resource.as_ref())
            .flat_map(|resource| &resource.attributes);
        let names = attributes.filter(|attribute| attribute.key == "service.name");
        names
            .map(|name| {
                format!("{:?}", name.value)
                    .split('"')
                    .nth(1)
                    .unwrap()
                    .to_owned()
            })
            .collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Inbox {
    /// Notes a request, and says how to answer it.
    fn reply(&self, headers: HeaderMap) -> Reply {
        let mut inbox = self.0.lock().unwrap();
        inbox.0.headers.push(headers);
        inbox.1.pop_front().unwrap_or(Reply::Take)
    }

    fn keep(&self, keep: impl FnOnce(&mut Received)) {
        keep(&mut self.0.lock().unwrap().0);
    }
}

async fn take_http(
    State(inbox): State<Inbox>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> axum::response::Response {
    let is_json = headers["content-type"] == "application/json";
    assert!(is_json || headers["content-type"] == "application/x-protobuf");
    let is_packed = headers
        .get("content-encoding")
        .is_some_and(|value| value == "gzip");
    let body = if is_packed {
        gunzip(&body)
    } else {
        body.to_vec()
    };
    let partial = match inbox.reply(headers) {
        Reply::Take => None,
        Reply::Partly(rejected_spans, why) => Some(ExportTracePartialSuccess {
            rejected_spans,
            error_message: why.to_owned(),
        }),
        Reply::Http(status, retry_after, text) => {
            let status = StatusCode::from_u16(status).unwrap();
            let retry_after = retry_after.map(|value| [(header::RETRY_AFTER, value)]);
            return match retry_after {
                Some(headers) => (status, headers, text).into_response(),
                None => (status, text).into_response(),
            };
        }
        Reply::Grpc(..) => unreachable!("an answer of gRPC's for HTTP"),
        Reply::Never => std::future::pending().await,
    };
    match uri.path() {
        "/v1/traces" => inbox.keep(|received| received.traces.push(decode(&body, is_json))),
        "/v1/metrics" => inbox.keep(|received| received.metrics.push(decode(&body, is_json))),
        "/v1/logs" => inbox.keep(|received| received.logs.push(decode(&body, is_json))),
        other => panic!("posted to {other}"),
    }
    let response = ExportTraceServiceResponse {
        partial_success: partial,
    };
    if is_json {
        serde_json::to_vec(&response).unwrap().into_response()
    } else {
        response.encode_to_vec().into_response()
    }
}

fn decode<M: Message + Default + DeserializeOwned>(body: &[u8], is_json: bool) -> M {
    if is_json {
        serde_json::from_slice(body).unwrap()
    } else {
        M::decode(body).unwrap()
    }
}

fn gunzip(body: &[u8]) -> Vec<u8> {
    use std::io::Read as _;
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(body)
        .read_to_end(&mut plain)
        .unwrap();
    plain
}

impl Inbox {
    /// What is rejected, or the status that ends the call.
    async fn take_grpc<T>(
        &self,
        request: Request<T>,
        keep: impl FnOnce(&mut Received, T),
    ) -> Result<Option<(i64, String)>, Status> {
        let headers = request.metadata().clone().into_headers();
        let rejected = match self.reply(headers) {
            Reply::Take => None,
            Reply::Partly(rejected, why) => Some((rejected, why.to_owned())),
            Reply::Grpc(code, None) => return Err(Status::new(code, "as it was told")),
            Reply::Grpc(code, Some(wait)) => {
                let details = ErrorDetails::with_retry_info(Some(wait));
                return Err(Status::with_error_details(code, "as it was told", details));
            }
            Reply::Http(..) => unreachable!("an answer of HTTP's for gRPC"),
            Reply::Never => std::future::pending().await,
        };
        self.keep(|received| keep(received, request.into_inner()));
        Ok(rejected)
    }
}

#[tonic::async_trait]
impl TraceService for Inbox {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let keep = |received: &mut Received, request| received.traces.push(request);
        let rejected = self.take_grpc(request, keep).await?;
        let partial_success =
            rejected.map(
                |(rejected_spans, error_message)| ExportTracePartialSuccess {
                    rejected_spans,
                    error_message,
                },
            );
        Ok(Response::new(ExportTraceServiceResponse {
            partial_success,
        }))
    }
}

#[tonic::async_trait]
impl MetricsService for Inbox {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        let keep = |received: &mut Received, request| received.metrics.push(request);
        self.take_grpc(request, keep).await?;
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl LogsService for Inbox {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        let keep = |received: &mut Received, request| received.logs.push(request);
        self.take_grpc(request, keep).await?;
        Ok(Response::new(ExportLogsServiceResponse::default()))
    }
}
