//! What an agent says about itself: `/healthz`, `/readyz` and `/metrics`.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use chimera_bus::State as SubscriptionState;
use http::{StatusCode, header};
use serde::Serialize;
use tokio::sync::watch;

use crate::telemetry::Metrics;

/// What the health routes look at.
#[derive(Debug, Clone)]
pub(crate) struct Health(Arc<Watched>);

#[derive(Debug)]
struct Watched {
    metrics: Metrics,
    subscriptions: BTreeMap<String, watch::Receiver<SubscriptionState>>,
}

/// The body of `/readyz`.
#[derive(Debug, Serialize)]
struct Readiness {
    ready: bool,
    dependencies: BTreeMap<String, Dependency>,
}

#[derive(Debug, Serialize)]
struct Dependency {
    ready: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Health {
    pub(crate) fn new(
        metrics: Metrics,
        subscriptions: BTreeMap<String, watch::Receiver<SubscriptionState>>,
    ) -> Self {
        Self(Arc::new(Watched {
            metrics,
            subscriptions,
        }))
    }

    /// The routes.
    pub(crate) fn router(self) -> Router {
        Router::new()
            .route("/healthz", get(|| async { "ok\n" }))
            .route("/readyz", get(readyz))
            .route("/metrics", get(metrics))
            .with_state(self)
    }

    fn readiness(&self) -> Readiness {
        let queue = |(name, state): (&String, &watch::Receiver<SubscriptionState>)| {
            let reason = match &*state.borrow() {
                SubscriptionState::Consuming => None,
                SubscriptionState::Interrupted { reason } => Some(reason.clone()),
            };
            (
                format!("bus.{name}"),
                Dependency {
                    ready: reason.is_none(),
                    reason,
                },
            )
        };
        let dependencies: BTreeMap<_, _> = self.0.subscriptions.iter().map(queue).collect();
        Readiness {
            ready: dependencies.values().all(|dependency| dependency.ready),
            dependencies,
        }
    }
}

async fn readyz(State(health): State<Health>) -> Response {
    let readiness = health.readiness();
    let status = if readiness.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(readiness)).into_response()
}

async fn metrics(State(health): State<Health>) -> Response {
    const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
    (
        [(header::CONTENT_TYPE, TEXT)],
        health.0.metrics.prometheus(),
    )
        .into_response()
}
