//! A source, and how it is asked: not more often than it allows, not at all for a while after it kept failing, and again
//! where that may help.

mod cached;
mod failure;
mod flights;
mod given;
mod limit;

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use chimera_questions::{Day, messages::SourceError};
use chimera_shared::{
    Context, ContextSpan,
    backoff::Backoff,
    config::{SourceConfig, SourceUrl},
    deadline::Deadline,
    http::{
        HttpError, Request, Response,
        breaker::{Breaker, BreakerSettings, State},
        retry::Retry,
    },
    telemetry::{KeyValue, SpanKind, SpanStart, keys},
};
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use url::Url;

use crate::recorded::RECORDED_UNTIL;

use flights::Flights;
use limit::Limit;

pub(crate) use failure::{Failure, number};
pub(crate) use flights::Flight;
pub(crate) use given::{Given, utc_today};

/// How long to wait before a request is sent again where the source does not say; and the longest `Retry-After` that is
/// waited for, because a person is waiting too.
const BACKOFF: Backoff = Backoff {
    base: Duration::from_millis(200),
    max: Duration::from_secs(5),
};

/// How long all of a source's work for one message may take where the message's deadline allows more.
const LONGEST: Duration = Duration::from_secs(20);

/// What a source is called.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Name {
    /// In answers and in the configuration: `coinbase`.
    pub(crate) source: &'static str,
    /// In spans, as the service at the other end: `exchange_api`.
    pub(crate) peer: &'static str,
}

/// One source. Its breaker and its limit are shared by all that ask it.
#[derive(Debug)]
pub(crate) struct Source {
    name: Name,
    base: Option<Url>,
    cache_ttl: Duration,
    timeout: Duration,
    retry: Retry,
    breaker: Breaker,
    breaker_failures: u32,
    limit: Option<Limit>,
    flights: Flights,
    /// The host that it is, or `recorded`: what tells its data from that of another.
    origin: String,
    /// What it last said about being a recording: nothing yet, that it is none, or the recording's last day.
    recording: Mutex<Option<Option<Day>>>,
}

/// The same context with a deadline for its sources, which leaves those who wait for the answer a fifth of the time.
pub(crate) fn bounded(cx: &Context) -> Context {
    let left = cx
        .deadline()
        .map_or(LONGEST, |deadline| deadline.remaining().mul_f64(0.8));
    cx.clone().with_deadline(Deadline::after(left.min(LONGEST)))
}

/// Without the port of the recording, which changes from start to start.
fn origin(url: &SourceUrl) -> String {
    match url {
        SourceUrl::Recorded => "recorded".to_owned(),
        SourceUrl::Http(url) => {
            let (host, port) = url.hosts().into_iter().next().unwrap_or_default();
            port.map_or(host.clone(), |port| format!("{host}:{port}"))
        }
    }
}

fn until(cx: &Context) -> Instant {
    Instant::now() + cx.deadline().map_or(LONGEST, Deadline::remaining)
}

impl Source {
    /// A source as `config` has it; `recording` is where the recording is served, for a source that is to use it.
    pub(crate) fn new(name: Name, config: &SourceConfig, recording: &str) -> Self {
        let base = match &config.url {
            SourceUrl::Recorded => Url::parse(&format!("{recording}/{}", name.source)),
            SourceUrl::Http(url) => Url::parse(url.expose()),
        };
        Self {
            name,
            base: base.ok(),
            cache_ttl: config.cache_ttl,
            timeout: config.timeout,
            retry: Retry {
                attempts: config.max_attempts.get(),
                backoff: BACKOFF,
            },
            breaker: Breaker::new(
                name.source,
                BreakerSettings {
                    failures: config.breaker_failures.get(),
                    cool_down: config.breaker_cooldown,
                },
            ),
            breaker_failures: config.breaker_failures.get(),
            limit: config.rate_limit().map(Limit::per_second),
            flights: Flights::default(),
            origin: origin(&config.url),
            recording: Mutex::new(None),
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name.source
    }

    /// The host that it is, or `recorded`.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// How long an answer of it is used again.
    pub(crate) fn cache_ttl(&self) -> Duration {
        self.cache_ttl
    }

    /// What it last said about being a recording: `None` when it said nothing yet, `Some(None)` when it is none.
    pub(crate) fn last_recorded_until(&self) -> Option<Option<Day>> {
        *self
            .recording
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn note_recording(&self, recorded_until: Option<Day>) {
        let mut recording = self
            .recording
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *recording = Some(recorded_until);
    }

    /// The same source, asked with a name and a password.
    pub(crate) fn with_credentials(mut self, user: &str, password: Option<&str>) -> Self {
        if let Some(base) = &mut self.base {
            // Refused only where there is no host, and a source's URL has one. The client makes a header of it, and
            // neither spans nor errors show it.
            let _ = base.set_username(user);
            let _ = base.set_password(password);
        }
        self
    }

    /// The URL of what stands at `path` below the source's base.
    pub(crate) fn url(&self, path: &str) -> Result<Url, Failure> {
        let mut url = self.base.clone().ok_or(Failure::Address {
            source_name: self.name.source,
        })?;
        let path = format!("{}{path}", url.path().trim_end_matches('/'));
        url.set_path(&path);
        Ok(url)
    }

    /// Opens the span in which the source is asked.
    pub(crate) fn span(&self, cx: &Context, name: &'static str) -> ContextSpan {
        let start = SpanStart::new(SpanKind::Internal, name)
            .with(KeyValue::new(keys::SERVICE_PEER_NAME, self.name.peer))
            .with(KeyValue::new(keys::PEER_SERVICE, self.name.peer));
        cx.start(start)
    }

    /// Waits until nobody else asks for `key`, by `cx`'s deadline at the latest.
    pub(crate) async fn flight(&self, cx: &Context, key: &str) -> Result<Flight<'_>, Failure> {
        let flight = tokio::time::timeout_at(until(cx), self.flights.board(key)).await;
        flight.map_err(|_| Failure::OutOfTime)
    }

    /// Sends a request until it is answered, by `cx`'s deadline at the latest, and reads the answer as JSON.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        cx: &Context,
        request: Request,
    ) -> Result<Given<T>, Failure> {
        let request = request.timeout(self.timeout).peer(self.name.peer);
        let until = until(cx);
        self.check_breaker()?;
        self.take_turn(until).await?;
        let (http, request) = (cx.http(), &request);
        let http = &http;
        let within = until.saturating_duration_since(Instant::now());
        let sending = self.retry.run(Some(within), |resend_count| async move {
            if resend_count > 0 {
                self.turn().await;
            }
            http.resend(request, resend_count).await
        });
        let response = self.breaker.run(sending).await;
        let response = response.map_err(|error| self.failure(error))?;
        self.read(&response)
    }

    /// What stands in an answer for what this source could not give.
    pub(crate) fn error(&self, wanted: String, failure: &Failure) -> SourceError {
        let (source, message) = (self.name.source, failure.message());
        tracing::warn!(source, wanted, error = message, "a source failed");
        SourceError {
            source: source.to_owned(),
            wanted,
            message,
        }
    }

    fn read<T: DeserializeOwned>(&self, response: &Response) -> Result<Given<T>, Failure> {
        let recorded_until = response
            .headers()
            .get(RECORDED_UNTIL)
            .and_then(|day| day.to_str().ok()?.parse().ok());
        self.note_recording(recorded_until);
        let value = response.json();
        Ok(Given {
            value: value.map_err(|error| Failure::read(response, error))?,
            recorded_until,
            cached: false,
        })
    }

    /// Fails at once while the breaker is open, so that nobody waits for a turn that would not be used.
    fn check_breaker(&self) -> Result<(), Failure> {
        match self.breaker.state() {
            State::Open { until } if until > Instant::now() => {
                Err(self.resting(until - Instant::now()))
            }
            State::Open { .. } | State::HalfOpen | State::Closed { .. } => Ok(()),
        }
    }

    /// Waits for a turn, and for nothing when there is no time left, so that this is not held against the source.
    async fn take_turn(&self, until: Instant) -> Result<(), Failure> {
        if until <= Instant::now() {
            return Err(Failure::OutOfTime);
        }
        let turn = tokio::time::timeout_at(until, self.turn()).await;
        turn.map_err(|_| Failure::Busy)
    }

    async fn turn(&self) {
        // A recording needs no sparing.
        let is_recording = self.last_recorded_until().flatten().is_some();
        match &self.limit {
            Some(limit) if !is_recording => limit.turn().await,
            Some(_) | None => {}
        }
    }

    fn failure(&self, error: HttpError) -> Failure {
        match error {
            HttpError::CircuitOpen { retry_in, .. } => self.resting(retry_in),
            error => Failure::from(error),
        }
    }

    fn resting(&self, retry_in: Duration) -> Failure {
        let (source_name, failures) = (self.name.source, self.breaker_failures);
        if retry_in.is_zero() {
            return Failure::OnTrial {
                source_name,
                failures,
            };
        }
        Failure::Resting {
            source_name,
            failures,
            retry_in,
        }
    }
}
