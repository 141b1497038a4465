//! Leaving alone for a while what keeps failing.

use std::{
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::HttpError;

/// When a [`Breaker`] opens, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerSettings {
    /// How many failures in a row open it.
    pub failures: u32,
    /// How long it then lets nothing through before it tries again.
    pub cool_down: Duration,
}

/// A circuit breaker for one peer. A cheap clone; all clones are the same breaker.
///
/// After some failures in a row it is open and lets nothing through. After its cool-down one call is let through as a
/// trial: if that succeeds the breaker is closed again, else it stays open for another cool-down. Only errors that are
/// [transient](HttpError::is_transient) are failures: an answer like 404 says that the peer is well.
#[derive(Debug, Clone)]
pub struct Breaker(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    peer: String,
    settings: BreakerSettings,
    circuit: Mutex<Circuit>,
}

#[derive(Debug)]
struct Circuit {
    state: State,
    /// How often the state changed: what was let through in an earlier state says nothing about this one.
    generation: u64,
}

/// What a breaker does with the next call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It lets it through.
    Closed {
        /// How many failures there were in a row.
        failures: u32,
    },
    /// It refuses it until then, and then lets it through as a trial.
    Open {
        /// When it tries again.
        until: Instant,
    },
    /// It refuses it, because a trial is under way.
    HalfOpen,
}

impl Breaker {
    /// A closed breaker for `peer`, which is a name for people.
    pub fn new(peer: impl Into<String>, settings: BreakerSettings) -> Self {
        let circuit = Circuit {
            state: State::Closed { failures: 0 },
            generation: 0,
        };
        Self(Arc::new(Inner {
            peer: peer.into(),
            settings,
            circuit: Mutex::new(circuit),
        }))
    }

    /// What it does with the next call.
    pub fn state(&self) -> State {
        self.circuit().state
    }

    /// Runs `call` unless the breaker is open, and learns from its outcome.
    ///
    /// # Errors
    /// [`HttpError::CircuitOpen`] when it was not run; else those of `call`.
    ///
    /// # Cancel safety
    /// A call that is dropped counts neither as success nor as failure; if it was the trial, the next call is.
    pub async fn run<T>(
        &self,
        call: impl Future<Output = Result<T, HttpError>>,
    ) -> Result<T, HttpError> {
        let permit = self.permit()?;
        let result = call.await;
        permit.settle(!matches!(&result, Err(error) if error.is_transient()));
        result
    }

    fn permit(&self) -> Result<Permit<'_>, HttpError> {
        let mut circuit = self.circuit();
        let refuse = |retry_in| {
            Err(HttpError::CircuitOpen {
                peer: self.0.peer.clone(),
                retry_in,
            })
        };
        match circuit.state {
            State::Closed { .. } => {}
            State::HalfOpen => return refuse(Duration::ZERO),
            State::Open { until } => {
                let retry_in = until.saturating_duration_since(Instant::now());
                if !retry_in.is_zero() {
                    return refuse(retry_in);
                }
                circuit.enter(State::HalfOpen);
            }
        }
        Ok(Permit {
            breaker: self,
            generation: circuit.generation,
        })
    }

    fn circuit(&self) -> MutexGuard<'_, Circuit> {
        let circuit = self.0.circuit.lock();
        circuit.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Circuit {
    fn enter(&mut self, state: State) {
        self.state = state;
        self.generation += 1;
    }
}

/// A call that was let through.
struct Permit<'a> {
    breaker: &'a Breaker,
    generation: u64,
}

impl Permit<'_> {
    fn settle(self, succeeded: bool) {
        let settings = self.breaker.0.settings;
        let mut circuit = self.breaker.circuit();
        if circuit.generation != self.generation {
            return;
        }
        let open = State::Open {
            until: Instant::now() + settings.cool_down,
        };
        match (circuit.state, succeeded) {
            (State::Closed { .. }, true) => circuit.state = State::Closed { failures: 0 },
            (State::Closed { failures }, false) if failures + 1 < settings.failures => {
                circuit.state = State::Closed {
                    failures: failures + 1,
                };
            }
            (_, true) => circuit.enter(State::Closed { failures: 0 }),
            (_, false) => circuit.enter(open),
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut circuit = self.breaker.circuit();
        // A trial that was dropped without an outcome: the next call is the trial.
        if circuit.generation == self.generation && circuit.state == State::HalfOpen {
            let until = Instant::now();
            circuit.enter(State::Open { until });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COOL_DOWN: Duration = Duration::from_secs(30);

    fn breaker() -> Breaker {
        Breaker::new(
            "exchange_api",
            BreakerSettings {
                failures: 3,
                cool_down: COOL_DOWN,
            },
        )
    }

    fn failure() -> HttpError {
        HttpError::Timeout {
            host: "api.example.org:443".to_owned(),
            after: Duration::from_secs(1),
        }
    }

    async fn fail(breaker: &Breaker) -> HttpError {
        breaker
            .run(async { Err::<(), _>(failure()) })
            .await
            .unwrap_err()
    }

    async fn succeed(breaker: &Breaker) -> Result<(), HttpError> {
        breaker.run(async { Ok(()) }).await
    }

    #[tokio::test(start_paused = true)]
    async fn failures_in_a_row_open_it_for_its_cool_down() {
        let breaker = breaker();
        for _ in 0..5 {
            fail(&breaker).await;
            fail(&breaker).await;
            succeed(&breaker).await.unwrap();
        }
        for _ in 0..3 {
            assert_eq!(fail(&breaker).await.error_type(), "timeout");
        }
        let refused = succeed(&breaker).await.unwrap_err();
        assert!(
            matches!(&refused, HttpError::CircuitOpen { peer, retry_in } if peer == "exchange_api" && *retry_in == COOL_DOWN),
            "{refused:?}"
        );
        tokio::time::advance(COOL_DOWN - Duration::from_millis(1)).await;
        assert!(succeed(&breaker).await.is_err());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(fail(&breaker).await.error_type(), "timeout");
        assert_eq!(fail(&breaker).await.error_type(), "circuit_open");
        tokio::time::advance(COOL_DOWN).await;
        succeed(&breaker).await.unwrap();
        assert_eq!(breaker.state(), State::Closed { failures: 0 });
    }

    #[tokio::test(start_paused = true)]
    async fn one_call_is_the_trial() {
        let breaker = breaker();
        for _ in 0..3 {
            fail(&breaker).await;
        }
        tokio::time::advance(COOL_DOWN).await;
        let mut trial = Box::pin(breaker.run(std::future::pending::<Result<(), HttpError>>()));
        assert!(futures_util::poll!(&mut trial).is_pending());
        assert_eq!(breaker.state(), State::HalfOpen);
        assert_eq!(fail(&breaker).await.error_type(), "circuit_open");
        // Given up, it leaves its place to the next.
        drop(trial);
        succeed(&breaker).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_no_failure_closes_it_and_a_late_one_changes_nothing() {
        let breaker = breaker();
        let (answer, late) = tokio::sync::oneshot::channel::<()>();
        let mut slow = Box::pin(breaker.run(async {
            late.await.expect("it is answered");
            Ok(())
        }));
        assert!(futures_util::poll!(&mut slow).is_pending());
        for _ in 0..3 {
            fail(&breaker).await;
        }
        answer.send(()).unwrap();
        slow.await.unwrap();
        assert!(matches!(breaker.state(), State::Open { .. }));
        tokio::time::advance(COOL_DOWN).await;
        let not_found = HttpError::Status {
            host: "api.example.org:443".to_owned(),
            status: 404,
            retry_after: None,
            body: bytes::Bytes::new(),
        };
        breaker
            .run(async { Err::<(), _>(not_found) })
            .await
            .unwrap_err();
        assert_eq!(breaker.state(), State::Closed { failures: 0 });
    }
}
