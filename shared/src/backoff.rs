//! Exponential back-off with full jitter.

use std::time::Duration;

use rand::RngExt as _;

/// How long to wait between attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The longest wait before the second attempt; each further attempt doubles it.
    pub base: Duration,
    /// The longest wait of all.
    pub max: Duration,
}

impl Backoff {
    /// A random wait before the attempt that follows attempt number `attempt` (from 1): between nothing and the
    /// bound of that attempt, so that those who failed together do not come back together.
    ///
    /// Source: "full jitter", <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>.
    pub fn after(&self, attempt: u32) -> Duration {
        self.bound(attempt).mul_f64(rand::rng().random::<f64>())
    }

    /// The longest wait after attempt number `attempt`.
    pub fn bound(&self, attempt: u32) -> Duration {
        let doublings = attempt.saturating_sub(1).min(31);
        self.base.saturating_mul(1 << doublings).min(self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_doubles_until_its_maximum() {
        let backoff = Backoff {
            base: Duration::from_millis(200),
            max: Duration::from_secs(30),
        };
        let bounds =
            [1, 2, 3, 8, 9, 4_000_000_000].map(|attempt| backoff.bound(attempt).as_millis());
        assert_eq!(bounds, [200, 400, 800, 25_600, 30_000, 30_000]);
        assert!((0..1_000).all(|_| backoff.after(3) <= backoff.bound(3)));
    }
}
