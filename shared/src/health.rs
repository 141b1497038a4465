//! What an agent says about itself: `/healthz`, `/readyz` and `/metrics`.

use std::{collections::BTreeMap, error::Error, sync::Arc};

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

use crate::{agent::Services, telemetry::ExporterHealth};

/// What each queue's subscription says of itself, by the kind of queue.
pub(crate) type Subscriptions = BTreeMap<&'static str, watch::Receiver<SubscriptionState>>;

/// What the health routes look at.
#[derive(Debug, Clone)]
pub(crate) struct Health(Arc<Watched>);

#[derive(Debug)]
struct Watched {
    services: Arc<Services>,
    subscriptions: Subscriptions,
}

/// The body of `/readyz`.
#[derive(Debug, Serialize)]
struct Readiness {
    /// Whether every dependency is. Telemetry is none: an agent works without it.
    ready: bool,
    dependencies: BTreeMap<String, Dependency>,
    telemetry: Vec<Exporter>,
}

#[derive(Debug, Serialize)]
struct Dependency {
    ready: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// How an exporter fares; see [`ExporterHealth`].
#[derive(Debug, Serialize)]
struct Exporter {
    exporter: &'static str,
    failing: bool,
    queued: u64,
    exported: u64,
    dropped: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
}

impl Health {
    pub(crate) fn new(services: Arc<Services>, subscriptions: Subscriptions) -> Self {
        Self(Arc::new(Watched {
            services,
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

    async fn readiness(&self) -> Readiness {
        let services = &self.0.services;
        let mut dependencies: BTreeMap<String, Dependency> = self
            .0
            .subscriptions
            .iter()
            .map(|(kind, state)| (format!("bus.{kind}"), Dependency::of_queue(&state.borrow())))
            .collect();
        let documents = Dependency::of(services.documents.check().await);
        let cache = Dependency::of(services.cache.check().await);
        dependencies.extend([
            ("documents".to_owned(), documents),
            ("cache".to_owned(), cache),
        ]);
        Readiness {
            ready: dependencies.values().all(|dependency| dependency.ready),
            dependencies,
            telemetry: services
                .telemetry
                .exporters()
                .into_iter()
                .map(Exporter::from)
                .collect(),
        }
    }
}

impl Dependency {
    fn of<E: Error + Send + Sync + 'static>(checked: Result<(), E>) -> Self {
        let reason = checked
            .err()
            .map(|error| format!("{:#}", anyhow::Error::new(error)));
        Self {
            ready: reason.is_none(),
            reason,
        }
    }

    fn of_queue(state: &SubscriptionState) -> Self {
        match state {
            SubscriptionState::Consuming => Self {
                ready: true,
                reason: None,
            },
            SubscriptionState::Interrupted { reason } => Self {
                ready: false,
                reason: Some(reason.clone()),
            },
        }
    }
}

impl From<ExporterHealth> for Exporter {
    fn from(health: ExporterHealth) -> Self {
        let ExporterHealth {
            exporter,
            queued,
            exported,
            dropped,
            is_failing,
            last_error,
        } = health;
        Self {
            exporter,
            failing: is_failing,
            queued,
            exported,
            dropped,
            last_error,
        }
    }
}

async fn readyz(State(health): State<Health>) -> Response {
    let readiness = health.readiness().await;
    let status = if readiness.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(readiness)).into_response()
}

async fn metrics(State(health): State<Health>) -> Response {
    const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
    let metrics = health.0.services.telemetry.prometheus();
    ([(header::CONTENT_TYPE, TEXT)], metrics).into_response()
}
