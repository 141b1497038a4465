//! A service for the W3C Trace Context validation suite: it calls whom it is told to call, with our propagator and our
//! HTTP client, as any agent does.
//!
//! `cargo run --release -p chimera-shared --example w3c_service -- 127.0.0.1:PORT`, then, in the suite
//! (<https://github.com/w3c/trace-context>, folder `test`): `SPEC_LEVEL=2 python test.py http://127.0.0.1:PORT/test`.
//! It says on standard output where it listens; port 0 is a free one. `scripts/test --only w3c` does all of this.

#![expect(
    clippy::print_stdout,
    reason = "whoever starts it reads where it listens"
)]

use std::net::SocketAddr;

use anyhow::Context as _;
use axum::{Json, Router, extract::State, http::HeaderMap, routing::post};
use chimera_shared::{
    http::{Http, HttpSettings, Request, ScopedHttp},
    telemetry::{Scope, SpanKind, SpanStart, Telemetry},
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use url::Url;

/// Whom to call, and what to tell them.
#[derive(Deserialize, Serialize)]
struct Call {
    url: String,
    arguments: Vec<Call>,
}

#[derive(Clone)]
struct Service {
    telemetry: Telemetry,
    http: Http,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let address = std::env::args()
        .nth(1)
        .context("an address is needed, as 127.0.0.1:8080")?;
    let address: SocketAddr = address.parse().context("reading the address")?;
    let service = Service {
        telemetry: Telemetry::new("w3c_service", Vec::new()),
        // The suite calls itself from this host, and looks for a tracestate, which strangers do not get.
        http: Http::new(HttpSettings {
            propagate_to: vec!["127.0.0.1".to_owned()],
            ..HttpSettings::default()
        }),
    };
    let router = Router::new().route("/test", post(test)).with_state(service);
    let listener = TcpListener::bind(address).await.context("listening")?;
    println!("{}", listener.local_addr().context("listening")?);
    axum::serve(listener, router).await.context("serving")
}

async fn test(
    State(service): State<Service>,
    headers: HeaderMap,
    Json(calls): Json<Vec<Call>>,
) -> StatusCode {
    let parent = service.telemetry.propagator().extract_http(&headers);
    let scope = Scope::new(service.telemetry.clone(), parent);
    let span = scope.start(SpanStart::new(SpanKind::Server, "POST /test"));
    let http = service.http.scoped(span.scope());
    for call in calls {
        if let Err(error) = make(&http, call).await {
            span.record_exception("call", error.as_ref());
            return StatusCode::BAD_GATEWAY;
        }
    }
    StatusCode::OK
}

async fn make(http: &ScopedHttp, call: Call) -> anyhow::Result<()> {
    let url = Url::parse(&call.url)?;
    http.send(&Request::post_json(url, &call.arguments)?)
        .await?;
    Ok(())
}
