//! `GET /`: what there is.

use axum::{Json, http::HeaderMap, http::header};
use serde_json::{Value, json};

use crate::{NAME, router::ROUTES};

/// A few lines for a person who opens the address in a browser.
pub(crate) async fn index(headers: HeaderMap) -> Json<Value> {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or("127.0.0.1:8080");
    Json(json!({
        "service": NAME,
        "version": env!("CARGO_PKG_VERSION"),
        "routes": ROUTES,
        "example": format!(
            "curl -s http://{host}/api/queries -H 'content-type: application/json' -H 'prefer: wait=10' \
             -d '{{\"query\": \"How did the ZEC price trend in January 2019?\"}}'"
        ),
        "_links": { "self": { "href": "/" }, "queries": { "href": "/api/queries" } },
    }))
}
