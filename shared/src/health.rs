//! What an agent says about itself: `/healthz` and `/readyz`.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use chimera_bus::State as SubscriptionState;
use http::StatusCode;
use serde::Serialize;
use tokio::sync::watch;

/// What the health routes look at.
#[derive(Debug, Clone)]
pub(crate) struct Health(Arc<Watched>);

#[derive(Debug)]
struct Watched {
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
    pub(crate) fn new(subscriptions: BTreeMap<String, watch::Receiver<SubscriptionState>>) -> Self {
        Self(Arc::new(Watched { subscriptions }))
    }

    /// The routes.
    pub(crate) fn router(self) -> Router {
        Router::new()
            .route("/healthz", get(|| async { "ok\n" }))
            .route("/readyz", get(readyz))
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
