//! What a connection to RabbitMQ needs to know.

use std::{fmt, path::PathBuf, time::Duration};

use super::address;

/// Where RabbitMQ is, and how patient to be with it.
#[derive(Clone)]
pub struct Options {
    /// `amqp(s)://user:password@host1:port,host2:port/vhost?heartbeat=seconds`: one host, or several of one cluster,
    /// which are tried in turn. User, password and vhost are percent-encoded; without a vhost, or with an empty one, it
    /// is `/`.
    pub urls: String,
    /// Who connects, as the management page shows it: `query_agent`.
    pub name: String,
    /// Certificates (PEM) that `amqps` trusts besides the system's.
    pub ca: Option<PathBuf>,
    /// How long one host may take to accept a connection.
    pub connect_timeout: Duration,
    /// How long a publish or a subscription waits for the broker, outages included, before it fails.
    pub patience: Duration,
    /// How attempts to connect again are spaced.
    pub retry: Retry,
}

/// Exponential back-off between attempts: doubling from `first` to at most `longest`, each less a random part of up to a
/// half, so that agents do not come back all at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// The pause after the first failure.
    pub first: Duration,
    /// The longest pause.
    pub longest: Duration,
}

impl Options {
    /// Options with the defaults: 5 s for a host, 60 s of patience, pauses from 100 ms to 5 s.
    pub fn new(urls: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            urls: urls.into(),
            name: name.into(),
            ca: None,
            connect_timeout: Duration::from_secs(5),
            patience: Duration::from_secs(60),
            retry: Retry {
                first: Duration::from_millis(100),
                longest: Duration::from_secs(5),
            },
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("urls", &address::redacted(&self.urls))
            .field("name", &self.name)
            .field("ca", &self.ca)
            .field("connect_timeout", &self.connect_timeout)
            .field("patience", &self.patience)
            .field("retry", &self.retry)
            .finish()
    }
}

impl Retry {
    /// The pause after `failures` failures in a row.
    pub(super) fn pause(&self, failures: u32) -> Duration {
        let doubled = self
            .first
            .saturating_mul(1 << failures.saturating_sub(1).min(16));
        let whole = doubled.min(self.longest);
        // The random bits of a UUID: no random number generator is needed for a spread.
        let random = uuid::Uuid::now_v7().as_u128() as u32;
        whole.mul_f64(1.0 - 0.5 * f64::from(random) / f64::from(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_not_shown() {
        let options = Options::new("amqp://user:hush@host/v", "agent");
        assert!(!format!("{options:?}").contains("hush"));
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let retry = Options::new("", "").retry;
        for (failures, whole_ms) in [
            (1, 100),
            (2, 200),
            (5, 1_600),
            (7, 5_000),
            (u32::MAX, 5_000),
        ] {
            let (whole, pause) = (Duration::from_millis(whole_ms), retry.pause(failures));
            assert!(
                pause <= whole && pause >= whole / 2,
                "{failures}: {pause:?}"
            );
        }
    }
}
