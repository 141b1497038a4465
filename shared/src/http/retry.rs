//! Trying again what failed for a while.

use std::{
    future::Future,
    time::{Duration, SystemTime},
};

use http::{HeaderMap, header};
use tokio::time::Instant;

use super::HttpError;
use crate::backoff::Backoff;

/// How often and when a request is tried again.
///
/// Only for requests that may be done twice: a time-out does not tell whether the server did its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// How many attempts at most, the first included.
    pub attempts: u32,
    /// How long to wait between them, where the server does not say.
    pub backoff: Backoff,
}

impl Retry {
    /// Runs `attempt` until it succeeds, fails for good, or attempts or time run out.
    ///
    /// `attempt` is given how often the request was sent before, for [`ScopedHttp::resend`]. `Retry-After` is honoured;
    /// when it asks for more than `within` leaves, or for more than the longest wait, nothing more is tried.
    ///
    /// [`ScopedHttp::resend`]: super::ScopedHttp::resend
    ///
    /// # Errors
    /// The last attempt's; [`HttpError::OutOfTime`] when an attempt was under way when the time was up.
    pub async fn run<T, F: Future<Output = Result<T, HttpError>>>(
        &self,
        within: Option<Duration>,
        mut attempt: impl FnMut(u32) -> F,
    ) -> Result<T, HttpError> {
        let deadline = within.map(|within| Instant::now() + within);
        for resend_count in 0.. {
            let error = match bounded(deadline, attempt(resend_count)).await {
                Some(Ok(value)) => return Ok(value),
                Some(Err(error)) => error,
                None => return Err(out_of_time(within)),
            };
            let wait = self.wait(resend_count, &error);
            let again_at = wait.map(|wait| Instant::now() + wait);
            match again_at {
                Some(again_at) if deadline.is_none_or(|deadline| again_at < deadline) => {
                    tokio::time::sleep_until(again_at).await;
                }
                _ => return Err(error),
            }
        }
        unreachable!("the attempts are counted by the same type that bounds them")
    }

    /// How long to wait after `error` ended the attempt before which `resend_count` were made; `None` to give up.
    fn wait(&self, resend_count: u32, error: &HttpError) -> Option<Duration> {
        let made = resend_count.saturating_add(1);
        if made >= self.attempts || !error.is_transient() {
            return None;
        }
        // Added, so that those who were told the same do not come back together.
        let wait = self.backoff.after(made);
        match error.retry_after() {
            Some(asked) if asked > self.backoff.max => None,
            Some(asked) => Some(asked + wait),
            None => Some(wait),
        }
    }
}

/// The outcome of `work`, unless the deadline comes first.
async fn bounded<T>(deadline: Option<Instant>, work: impl Future<Output = T>) -> Option<T> {
    match deadline {
        Some(deadline) => tokio::time::timeout_at(deadline, work).await.ok(),
        None => Some(work.await),
    }
}

fn out_of_time(within: Option<Duration>) -> HttpError {
    HttpError::OutOfTime {
        within: within.unwrap_or_default(),
    }
}

/// What `Retry-After` asks for: seconds, or a date that is compared with the server's own clock where it tells it.
///
/// Source: <https://www.rfc-editor.org/rfc/rfc9110#name-retry-after>.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let asked = text(header::RETRY_AFTER)?;
    if let Ok(seconds) = asked.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = httpdate::parse_http_date(asked).ok()?;
    let now = text(header::DATE).and_then(|date| httpdate::parse_http_date(date).ok());
    let wait = until.duration_since(now.unwrap_or_else(SystemTime::now));
    Some(wait.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    const RETRY: Retry = Retry {
        attempts: 4,
        backoff: Backoff {
            base: Duration::from_millis(200),
            max: Duration::from_secs(30),
        },
    };

    fn status(status: u16, retry_after: Option<u64>) -> HttpError {
        HttpError::Status {
            host: "api.example.org:443".to_owned(),
            status,
            retry_after: retry_after.map(Duration::from_secs),
            body: Bytes::new(),
        }
    }

    /// How many attempts are made when all fail alike, and how long that takes.
    async fn attempts(within: Option<Duration>, error: fn() -> HttpError) -> (u32, Duration) {
        let started = Instant::now();
        let mut made = 0;
        let result: Result<(), _> = RETRY
            .run(within, |resend_count| {
                assert_eq!(resend_count, made);
                made += 1;
                async move { Err(error()) }
            })
            .await;
        assert_eq!(result.unwrap_err().error_type(), error().error_type());
        (made, started.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_pass_is_tried_again_within_its_bounds() {
        let (made, took) = attempts(None, || status(503, None)).await;
        assert_eq!(made, 4);
        assert!(
            took <= Duration::from_millis(200 + 400 + 800 + 3),
            "{took:?}"
        );
        let (made, took) = attempts(None, || status(429, Some(2))).await;
        assert_eq!(made, 4);
        assert!(took >= Duration::from_secs(6), "{took:?}");
        let minute = Some(Duration::from_secs(60));
        for (within, error, expected) in [
            (None, (|| status(404, None)) as fn() -> HttpError, 1),
            (None, || status(501, None), 1),
            (None, || status(429, Some(31)), 1),
            (minute, || status(429, Some(29)), 3),
            (Some(Duration::from_secs(2)), || status(429, Some(2)), 1),
        ] {
            let (made, _) = attempts(within, error).await;
            assert_eq!(made, expected, "{}", error());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_success_ends_it() {
        let result = RETRY
            .run(None, |resend_count| async move {
                if resend_count < 2 {
                    Err(status(500, None))
                } else {
                    Ok(resend_count)
                }
            })
            .await;
        assert_eq!(result.unwrap(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_ends_with_the_callers_time() {
        let started = Instant::now();
        let within = Duration::from_secs(3);
        let result: Result<(), _> = RETRY
            .run(Some(within), |_| {
                std::future::pending::<Result<(), HttpError>>()
            })
            .await;
        assert!(matches!(result, Err(HttpError::OutOfTime { .. })));
        assert_eq!(started.elapsed(), within);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let check = |value: &str, date: Option<&str>, expected: Option<u64>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, value.parse().unwrap());
            if let Some(date) = date {
                headers.insert(header::DATE, date.parse().unwrap());
            }
            assert_eq!(
                retry_after(&headers),
                expected.map(Duration::from_secs),
                "{value}"
            );
        };
        check("120", None, Some(120));
        check(" 0 ", None, Some(0));
        check("-1", None, None);
        check("soon", None, None);
        check("1.5", None, None);
        let date = Some("Thu, 28 Mar 2019 12:00:00 GMT");
        check("Thu, 28 Mar 2019 12:00:30 GMT", date, Some(30));
        check("Thu, 28 Mar 2019 11:00:00 GMT", date, Some(0));
        check("Thu, 28 Mar 2019 12:00:00 GMT", None, Some(0));
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }
}
