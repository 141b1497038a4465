//! The store over HTTP, in the shapes of Jaeger's API v3.
//!
//! | route | answer |
//! |---|---|
//! | `GET /api/v3/services` | `{"services":["query_agent"]}` |
//! | `GET /api/v3/operations?service=S[&span_kind=consumer]` | `{"operations":[{"name":"…","spanKind":"consumer"}]}` |
//! | `GET /api/v3/traces/{trace_id}` | `{"result":{"resourceSpans":[…]}}` |
//! | `GET /api/v3/traces?query.start_time_min=…&query.start_time_max=…` | the same, of all traces found |
//!
//! The parameters of a search are `query.service_name`, `query.operation_name`, `query.start_time_min` and
//! `query.start_time_max` (RFC 3339, required), `query.duration_min` and `query.duration_max` (`1.5ms`, `1m30s`),
//! `query.num_traces` or `query.search_depth` (1 to 1,500, default 20), and `query.attributes` (a JSON object, or
//! `query.attributes[key]=value`), where `error=true` means failed spans. Each is understood in camel case too. No service
//! is needed. What is not found is 404, what is malformed 400, both as `{"error":{"httpCode":404,"message":"…"}}`.
//!
//! Source: `http_gateway.go` of Jaeger 2.13, compared with its answers. Unlike there, the content type is JSON.

mod answer;
mod parameter;
#[cfg(test)]
mod tests;

use axum::{
    Router,
    extract::{Path, RawQuery, State},
    response::Response,
    routing::get,
};
use opentelemetry::TraceId;
use opentelemetry_proto::tonic::trace::v1::ResourceSpans;

use self::answer::ApiError;
use crate::store::{Query, ReadError, Store};

/// The routes above, answering from `store`.
pub fn router(store: Store) -> Router {
    Router::new()
        .route("/api/v3/services", get(services))
        .route("/api/v3/operations", get(operations))
        .route("/api/v3/traces", get(find_traces))
        .route("/api/v3/traces/{trace_id}", get(get_trace))
        .with_state(store)
}

async fn services(State(store): State<Store>) -> Result<Response, ApiError> {
    blocking(move || Ok(answer::services(&store.services()?))).await
}

async fn operations(
    State(store): State<Store>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let parameters = parameter::pairs(query.as_deref());
    blocking(move || {
        let service = parameter::find(&parameters, &["service"]).unwrap_or_default();
        let kind = parameter::find(&parameters, &["span_kind", "spanKind"]);
        Ok(answer::operations(store.operations(service), kind))
    })
    .await
}

async fn get_trace(
    State(store): State<Store>,
    Path(trace_id): Path<String>,
) -> Result<Response, ApiError> {
    let trace_id = parameter::trace_id(&trace_id)?;
    blocking(move || answer::traces(&store.trace(trace_id)?)).await
}

async fn find_traces(
    State(store): State<Store>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let query = parameter::search(&parameter::pairs(query.as_deref()))?;
    blocking(move || answer::traces(&found(&store, &query)?)).await
}

fn found(store: &Store, query: &Query) -> Result<Vec<ResourceSpans>, ReadError> {
    let of_trace = |trace_id: TraceId| store.trace(trace_id);
    let traces: Result<Vec<_>, _> = store.search(query)?.into_iter().map(of_trace).collect();
    Ok(traces?.concat())
}

/// Reads the store on a thread that may wait for the disk.
async fn blocking(
    read: impl FnOnce() -> Result<Response, ApiError> + Send + 'static,
) -> Result<Response, ApiError> {
    tokio::task::spawn_blocking(read)
        .await
        .unwrap_or_else(|panic| Err(ApiError::Panicked(panic)))
}
