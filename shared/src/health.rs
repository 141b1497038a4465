//! What an agent says about itself: `/healthz`, `/readyz` and `/metrics`.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use chimera_bus::{State as SubscriptionState, amqp::Connectivity};
use http::{HeaderMap, StatusCode, header};
use serde::Serialize;
use tokio::sync::watch;

use crate::{
    platform::{Checks, Dependency, Waits},
    telemetry::{ExporterHealth, MetricsFormat, Telemetry},
};

/// What each queue's subscription says of itself, by the kind of queue.
pub(crate) type Subscriptions = BTreeMap<&'static str, watch::Receiver<SubscriptionState>>;

/// What a running agent needs, and whether it has it.
#[derive(Debug)]
pub(crate) struct Needs {
    /// Where the broker is, and whether it is connected; the embedded bus always is.
    pub(crate) broker: Option<(String, watch::Receiver<Connectivity>)>,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) checks: Checks,
}

/// What the health routes look at.
#[derive(Debug, Clone)]
pub(crate) struct Health(Arc<Watched>);

#[derive(Debug)]
struct Watched {
    telemetry: Telemetry,
    /// What is waited for before the agent runs.
    waits: Waits,
    /// What it needs once it runs.
    running: OnceLock<Needs>,
}

/// The body of `/readyz`.
#[derive(Debug, Serialize)]
struct Readiness {
    /// Whether every dependency is. Telemetry is none: an agent works without it.
    ready: bool,
    dependencies: BTreeMap<String, Dependency>,
    telemetry: Vec<Exporter>,
}

/// How an exporter fares; see [`ExporterHealth`].
#[derive(Debug, Serialize)]
struct Exporter {
    exporter: &'static str,
    signal: &'static str,
    target: String,
    failing: bool,
    queued: u64,
    exported: u64,
    dropped: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

impl Health {
    /// The health of an agent that does not run yet.
    pub(crate) fn new(telemetry: Telemetry, waits: Waits) -> Self {
        Self(Arc::new(Watched {
            telemetry,
            waits,
            running: OnceLock::new(),
        }))
    }

    /// The agent runs from now on; this is what it needs.
    pub(crate) fn running(&self, needs: Needs) {
        // An agent is started once; a second time would change nothing.
        let _ = self.0.running.set(needs);
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
        let (is_running, dependencies) = match self.0.running.get() {
            None => (false, self.0.waits.dependencies()),
            Some(needs) => (true, needs.dependencies().await),
        };
        Readiness {
            ready: is_running && dependencies.values().all(|dependency| dependency.ready),
            dependencies,
            telemetry: self
                .0
                .telemetry
                .exporters()
                .into_iter()
                .map(Exporter::from)
                .collect(),
        }
    }
}

impl Needs {
    async fn dependencies(&self) -> BTreeMap<String, Dependency> {
        let queues = self
            .subscriptions
            .iter()
            .map(|(kind, state)| (format!("bus.{kind}"), of_queue(&state.borrow())));
        let broker = self
            .broker
            .iter()
            .map(|(server, state)| ("bus".to_owned(), of_broker(server, &state.borrow())));
        let mut dependencies: BTreeMap<String, Dependency> = queues.chain(broker).collect();
        let seen = self.checks.seen().await;
        let parts = seen
            .iter()
            .map(|(part, seen)| ((*part).to_owned(), seen.clone()));
        dependencies.extend(parts);
        dependencies
    }
}

fn of_broker(server: &str, state: &Connectivity) -> Dependency {
    let reason = match state {
        Connectivity::Connected => None,
        Connectivity::Blocked { reason } => Some(format!("it takes no messages: {reason}")),
        Connectivity::Disconnected { why } => Some(why.clone()),
    };
    Dependency {
        ready: reason.is_none(),
        server: Some(server.to_owned()),
        reason,
    }
}

fn of_queue(state: &SubscriptionState) -> Dependency {
    let reason = match state {
        SubscriptionState::Consuming { .. } => None,
        SubscriptionState::Interrupted { reason, .. } => Some(reason.clone()),
    };
    Dependency {
        ready: reason.is_none(),
        server: None,
        reason,
    }
}

impl From<ExporterHealth> for Exporter {
    fn from(health: ExporterHealth) -> Self {
        let ExporterHealth {
            exporter,
            signal,
            target,
            queued,
            exported,
            dropped,
            is_failing,
            last_error,
            advice,
        } = health;
        Self {
            exporter,
            signal,
            target,
            failing: is_failing,
            queued,
            exported,
            dropped,
            last_error,
            advice,
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

/// In the format that the client prefers.
async fn metrics(State(health): State<Health>, headers: HeaderMap) -> Response {
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok());
    let format = MetricsFormat::accepted(accept.unwrap_or_default());
    let page = health.0.telemetry.metrics_page(format);
    ([(header::CONTENT_TYPE, format.content_type())], page).into_response()
}
