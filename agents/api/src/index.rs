//! `GET /`: what there is.

use axum::{
    Json,
    http::{HeaderMap, header},
};
use serde::Serialize;

use crate::{NAME, router::ROUTES};

/// A few lines for a person who opens the address.
#[derive(Debug, Serialize)]
pub(crate) struct Index {
    service: &'static str,
    version: &'static str,
    routes: [&'static str; ROUTES.len()],
    example: String,
}

/// What there is, with an example that works as it stands.
pub(crate) async fn index(headers: HeaderMap) -> Json<Index> {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or("127.0.0.1:8080");
    Json(Index {
        service: NAME,
        version: env!("CARGO_PKG_VERSION"),
        routes: ROUTES,
        example: format!(
            "curl -s http://{host}/api/queries -H 'content-type: application/json' -H 'prefer: wait=10' \
             -d '{{\"query\": \"How did the ZEC price trend in January 2019?\"}}'"
        ),
    })
}
