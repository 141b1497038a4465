//! Sending again what was not taken, by the rules of OTLP.
//!
//! Source: <https://opentelemetry.io/docs/specs/otlp/#failures>: exponential back-off with jitter, never before the server
//! wants it, and never what the server will not take.

use std::{pin::pin, time::Duration};

use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use super::failure::{Again, Failure};
use crate::backoff::Backoff;

/// The waits between attempts: half a second, doubling.
const BACKOFF: Backoff = Backoff {
    base: Duration::from_millis(500),
    max: Duration::from_secs(5),
};

/// How long one export may take.
#[derive(Debug, Clone)]
pub(super) struct Patience {
    /// All attempts together.
    pub(super) limit: Duration,
    /// The program is ending: each batch has one attempt.
    pub(super) is_ending: CancellationToken,
}

impl Patience {
    /// The same, within `limit` if that is shorter.
    pub(super) fn within(&self, limit: Duration) -> Self {
        Self {
            limit: self.limit.min(limit),
            is_ending: self.is_ending.clone(),
        }
    }

    /// Calls `attempt` until it succeeds, fails for good, or the time is up. The last failure is returned.
    pub(super) async fn persist<T>(
        &self,
        mut attempt: impl AsyncFnMut() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let end = Instant::now() + self.limit;
        let mut last = None;
        for number in 1.. {
            let failure = match timeout_at(end, attempt()).await {
                Ok(Ok(taken)) => return Ok(taken),
                Ok(Err(failure)) => failure,
                // What failed before says more than that the time is up now.
                Err(_) => return Err(last.unwrap_or_else(|| Failure::timeout(self.limit))),
            };
            let jitter = BACKOFF.after(number);
            let wait = match failure.again {
                Again::Never => return Err(failure),
                Again::Later => jitter,
                // A server may ask for more than a duration holds.
                Again::After(wait) => wait.saturating_add(jitter.min(wait)),
            };
            let left = end.saturating_duration_since(Instant::now());
            if self.is_ending.is_cancelled() || wait >= left {
                return Err(failure);
            }
            tokio::select! {
                () = pin!(sleep(wait)) => {}
                () = self.is_ending.cancelled() => return Err(failure),
            }
            last = Some(failure);
        }
        unreachable!("attempts are not counted beyond what there are")
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::{super::failure::Kind, *};

    fn failure(again: Again) -> Failure {
        Failure {
            cause: "no".to_owned(),
            kind: Kind::Backend,
            again,
        }
    }

    fn patience() -> Patience {
        Patience {
            limit: Duration::from_secs(60),
            is_ending: CancellationToken::new(),
        }
    }

    /// How often is tried, and how long that takes, where all attempts fail like this.
    async fn tried(patience: &Patience, again: Again) -> (u32, Duration) {
        let (count, start) = (Cell::new(0), Instant::now());
        let attempt = async || {
            count.set(count.get() + 1);
            Err::<(), _>(failure(again))
        };
        assert_eq!(patience.persist(attempt).await, Err(failure(again)));
        (count.get(), start.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_never_taken_is_sent_once() {
        assert_eq!(tried(&patience(), Again::Never).await.0, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_ends_the_attempts() {
        let (count, took) = tried(&patience(), Again::Later).await;
        assert!(count > 10, "{count}");
        assert!(took <= Duration::from_secs(60), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_server_says_when() {
        let wait = Duration::from_secs(25);
        let (count, took) = tried(&patience(), Again::After(wait)).await;
        assert!((2..=3).contains(&count), "{count}");
        assert!(took >= wait, "{took:?}");
        // Longer than there is time: the batch is given up at once.
        for long in [Duration::from_secs(120), Duration::MAX] {
            let long = Again::After(long);
            assert_eq!(tried(&patience(), long).await, (1, Duration::ZERO));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn at_the_end_there_is_one_attempt() {
        let patience = patience();
        patience.is_ending.cancel();
        assert_eq!(tried(&patience, Again::Later).await, (1, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_without_an_answer_ends_with_the_time() {
        let patience = patience();
        let silent = async || std::future::pending::<Result<(), Failure>>().await;
        let failure = patience.persist(silent).await.unwrap_err();
        assert_eq!(failure.kind, Kind::Timeout);
    }

    #[tokio::test(start_paused = true)]
    async fn success_is_the_end() {
        let count = Cell::new(0);
        let attempt = async || {
            count.set(count.get() + 1);
            if count.get() < 3 {
                return Err(failure(Again::Later));
            }
            Ok(count.get())
        };
        assert_eq!(patience().persist(attempt).await, Ok(3));
    }
}
