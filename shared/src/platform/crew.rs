//! The tasks of a process, who listens where, and how all of it is stopped together.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use axum::Router;
use tokio::{net::TcpListener, task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;
use tracing::{Dispatch, instrument::WithSubscriber as _};

use crate::{
    edge,
    platform::{InFlight, local::Local},
    telemetry::{Telemetry, TelemetryError},
};

/// How long telemetry may take to export what is left, where the grace period is not shorter.
const FLUSH_LIMIT: Duration = Duration::from_secs(5);

/// Where something listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The agent, or the part of the platform.
    pub service: String,
    /// What is served there: `api` for an agent's own routes, `health` for its health routes, or as it was named.
    pub purpose: &'static str,
    /// The address, with the port the system chose where 0 was asked for.
    pub address: SocketAddr,
}

/// Everything that runs in a process.
#[derive(Debug, Default)]
pub(super) struct Crew {
    pub(super) addresses: Vec<Address>,
    telemetries: BTreeMap<String, Telemetry>,
    /// In the order they were started; each may need those before it.
    stages: Vec<Stage>,
    /// What all stages may need until they have ended.
    background: Stage,
    give_up: CancellationToken,
    pub(super) in_flight: InFlight,
}

/// Tasks that are stopped together.
#[derive(Debug, Default)]
struct Stage {
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

/// How a task learns that it is to end.
#[derive(Debug, Clone)]
pub(crate) struct Stop {
    /// Take no more work, and finish what is there.
    pub(crate) finish: CancellationToken,
    /// The grace period is over: end now.
    pub(crate) give_up: CancellationToken,
    /// Where it counts the messages that it works on.
    pub(crate) in_flight: InFlight,
}

impl Stage {
    async fn end(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

impl Crew {
    /// The telemetry of `service`, the same each time.
    pub(super) fn telemetry(
        &mut self,
        local: &Local,
        service: &str,
    ) -> Result<Telemetry, TelemetryError> {
        if let Some(telemetry) = self.telemetries.get(service) {
            return Ok(telemetry.clone());
        }
        let telemetry = local.telemetry(service)?;
        self.telemetries
            .insert(service.to_owned(), telemetry.clone());
        Ok(telemetry)
    }

    /// Serves `router` on `listener` as `purpose` of `service`, until every agent has stopped.
    pub(super) fn serve(
        &mut self,
        place: (&str, &'static str),
        listener: TcpListener,
        router: Router,
    ) {
        let stop = self.stop_of(&self.background);
        let serving = self.listening(place, listener, router, stop);
        self.background.tasks.spawn(serving);
    }

    /// Runs what `task` makes until every agent has stopped.
    pub(super) fn attend<F>(&mut self, task: impl FnOnce(Stop) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let task = task(self.stop_of(&self.background));
        self.background.tasks.spawn(task);
    }

    /// Begins a stage; it will be stopped before those that are there.
    pub(super) fn add_stage(&mut self) -> Stop {
        let stage = Stage::default();
        let stop = self.stop_of(&stage);
        self.stages.push(stage);
        stop
    }

    /// Runs `task` in the stage that was begun last.
    pub(super) fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        let stage = self.stages.last_mut().unwrap_or(&mut self.background);
        stage.tasks.spawn(task);
    }

    /// Writes down where `listener` listens, and returns what serves it.
    pub(super) fn listening(
        &mut self,
        place: (&str, &'static str),
        listener: TcpListener,
        router: Router,
        stop: Stop,
    ) -> impl Future<Output = ()> + Send + use<> {
        let (service, purpose) = (place.0.to_owned(), place.1);
        let dispatch = self.telemetries.get(place.0).map(Telemetry::dispatch);
        let dispatch = dispatch.cloned().unwrap_or_else(Dispatch::none);
        // A listener that is bound has an address; one without could not be reached by anybody anyway.
        if let Ok(address) = listener.local_addr() {
            self.addresses.push(Address {
                service: service.clone(),
                purpose,
                address,
            });
        }
        let serving = async move {
            tokio::select! {
                served = edge::serve(listener, router, stop.finish) => if let Err(error) = served {
                    tracing::error!(service, %error, "listening ended");
                },
                () = stop.give_up.cancelled() => {
                    tracing::warn!(service, "the grace period is over, open requests are cut");
                }
            }
        };
        serving.with_subscriber(dispatch)
    }

    /// Ends the stages, the last one first, within `grace`, then what is in the background. What telemetry has left then
    /// gets `grace` once more, and no longer than [`FLUSH_LIMIT`].
    pub(super) async fn end(self, grace: Duration) {
        let give_up = self.give_up;
        let mut limit = JoinSet::new();
        limit.spawn(async move {
            sleep(grace).await;
            give_up.cancel();
        });
        for stage in self.stages.into_iter().rev() {
            stage.end().await;
        }
        self.background.end().await;
        limit.abort_all();
        let limit = grace.min(FLUSH_LIMIT);
        let mut flushing = JoinSet::new();
        for telemetry in self.telemetries.into_values() {
            // Exporters flush on threads of their own, and this waits for them.
            flushing.spawn_blocking(move || telemetry.shutdown(limit));
        }
        while flushing.join_next().await.is_some() {}
    }

    fn stop_of(&self, stage: &Stage) -> Stop {
        Stop {
            finish: stage.stop.clone(),
            give_up: self.give_up.clone(),
            in_flight: self.in_flight.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use opentelemetry::Context as OtelContext;
    use opentelemetry_sdk::{
        error::OTelSdkResult,
        trace::{Span, SpanData, SpanProcessor},
    };

    use super::*;

    /// Keeps how long it may take at the end.
    #[derive(Debug, Clone, Default)]
    struct Limits(Arc<Mutex<Vec<Duration>>>);

    impl SpanProcessor for Limits {
        fn on_start(&self, _span: &mut Span, _context: &OtelContext) {}

        fn on_end(&self, _span: SpanData) {}

        fn force_flush(&self) -> OTelSdkResult {
            Ok(())
        }

        fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
            self.0.lock().unwrap().push(timeout);
            Ok(())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn telemetry_ends_within_the_grace_period() {
        async fn check(grace: Duration, longest: Duration) {
            let limits = Limits::default();
            let telemetry = Telemetry::new("svc", vec![Box::new(limits.clone())]);
            let mut crew = Crew::default();
            crew.telemetries.insert("svc".to_owned(), telemetry);
            crew.end(grace).await;
            let given = limits.0.lock().unwrap().clone();
            assert_eq!(given.len(), 1);
            assert!(given[0] <= longest, "{given:?} of {longest:?}");
        }
        let second = Duration::from_secs(1);
        check(Duration::ZERO, Duration::ZERO).await;
        check(second, second).await;
        check(60 * second, FLUSH_LIMIT).await;
    }
}
