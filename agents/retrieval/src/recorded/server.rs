//! The body of `chimera sources`: three public services in one local server, answering from a recording.
//!
//! Each service stands under a prefix, so that its base URL is `http://127.0.0.1:PORT/coinmetrics`, `…/coinbase` or
//! `…/zcash`. What the recording does not know is left out of the answers, never made up. Every answer carries
//! [`RECORDED_UNTIL`], from which a client learns that it is recorded, and what "today" is.

mod coin_metrics;
mod coinbase;
mod zcash;

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Router,
    http::{HeaderName, HeaderValue, StatusCode},
    middleware,
    response::Response,
    routing::{any, get},
};
use url::form_urlencoded;

use super::Recording;
use crate::wire::{
    coin_metrics::{ASSET_METRICS, CATALOG_ASSET_METRICS},
    coinbase::PRODUCTS,
};

/// The response header with the recording's last day, for example `2019-03-28`.
pub const RECORDED_UNTIL: HeaderName = HeaderName::from_static("chimera-recorded-until");

/// What each request is answered from.
type Shared = axum::extract::State<Arc<Recording>>;

/// The server that answers for Coin Metrics, Coinbase Exchange and a Zcash node from `recording`.
///
/// | below | what is answered |
/// |---|---|
/// | `/coinmetrics` | `GET /v4/timeseries/asset-metrics`, `GET /v4/catalog-v2/asset-metrics` |
/// | `/coinbase` | `GET /products`, `/products/{id}`, `/products/{id}/ticker`; candles are not recorded: 404 |
/// | `/zcash` | `POST` of JSON-RPC: `getblockcount`, `getblockchaininfo` |
pub fn router(recording: Recording) -> Router {
    let until =
        HeaderValue::from_str(&recording.last_day().to_string()).expect("a day is plain ASCII");
    // Whole paths rather than nested routers, so that a handler sees the path that `next_page_url` has to repeat.
    Router::new()
        .route(
            &format!("/coinmetrics{ASSET_METRICS}"),
            get(coin_metrics::asset_metrics),
        )
        .route(
            &format!("/coinmetrics{CATALOG_ASSET_METRICS}"),
            get(coin_metrics::catalog),
        )
        .route(&format!("/coinbase{PRODUCTS}"), get(coinbase::products))
        .route(
            &format!("/coinbase{PRODUCTS}/{{id}}"),
            get(coinbase::product),
        )
        .route(
            &format!("/coinbase{PRODUCTS}/{{id}}/ticker"),
            get(coinbase::ticker),
        )
        .route("/zcash", any(zcash::call))
        .route("/zcash/", any(zcash::call))
        .fallback(coinbase::not_found)
        .with_state(Arc::new(recording))
        .layer(middleware::map_response(move |response| {
            recorded(response, until.clone())
        }))
}

async fn recorded(mut response: Response, until: HeaderValue) -> Response {
    response.headers_mut().insert(RECORDED_UNTIL, until);
    response
}

/// The parameters of a URL; of several with one name the last.
fn parameters(query: Option<&str>) -> BTreeMap<String, String> {
    form_urlencoded::parse(query.unwrap_or_default().as_bytes())
        .into_owned()
        .collect()
}

/// A decimal number as the services write it: never with an exponent, and exactly the recorded value.
fn decimal(value: f64) -> String {
    value.to_string()
}

/// A refusal with its body.
type Refusal<E> = (StatusCode, axum::Json<E>);

#[cfg(test)]
mod tests;
