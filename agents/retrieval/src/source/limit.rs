//! Sparing a source: requests a second at most.

use std::{num::NonZeroU32, time::Duration};

use governor::{
    DefaultDirectRateLimiter, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
};
use tokio::sync::Semaphore;

/// As good as never, and small enough for the arithmetic of quotas.
const LONGEST_PERIOD: Duration = Duration::from_secs(24 * 60 * 60);

/// Turns, evenly spaced. Several at once would be allowed by some sources, but a limit that is given per window of time
/// (ten in six seconds) is only sure to be kept without bursts.
#[derive(Debug)]
pub(super) struct Limit {
    limiter: DefaultDirectRateLimiter,
    clock: DefaultClock,
    /// Whoever waits for the next turn; the others stand in line behind.
    next: Semaphore,
}

impl Limit {
    /// `rate` turns a second; it is above 0.
    pub(super) fn per_second(rate: f64) -> Self {
        let period = Duration::try_from_secs_f64(rate.recip()).unwrap_or(LONGEST_PERIOD);
        let period = period.clamp(Duration::from_nanos(1), LONGEST_PERIOD);
        let quota = Quota::with_period(period).expect("the period is not zero");
        Self {
            limiter: RateLimiter::direct(quota.allow_burst(NonZeroU32::MIN)),
            clock: DefaultClock::default(),
            next: Semaphore::new(1),
        }
    }

    /// Waits for a turn, in the order of those who came.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the line; no turn is used up.
    pub(super) async fn turn(&self) {
        let _next = self.next.acquire().await.expect("the line is never closed");
        while let Err(early) = self.limiter.check() {
            tokio::time::sleep(early.wait_time_from(self.clock.now())).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn one_turn_at_a_time_and_then_a_wait() {
        let limit = Limit::per_second(1e-3);
        assert!(limit.turn().now_or_never().is_some());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        runtime.unwrap().block_on(async {
            let mut second = Box::pin(limit.turn());
            assert!(futures_util::poll!(&mut second).is_pending());
            assert!(futures_util::poll!(Box::pin(limit.turn())).is_pending());
        });
    }

    #[test]
    fn any_rate_makes_a_limit() {
        for rate in [f64::MIN_POSITIVE, 1e-300, 0.5, 1.6, 1e6, f64::MAX] {
            assert!(
                Limit::per_second(rate).turn().now_or_never().is_some(),
                "{rate}"
            );
        }
    }
}
