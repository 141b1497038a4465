//! Why a source gave nothing, in words for the person who asked.

use std::{borrow::Cow, error::Error, iter, time::Duration};

use chimera_shared::http::{HttpError, Response};
use jiff::{SignedDuration, Timestamp, Unit};

/// How much of what a source says is repeated, in characters.
const SAID_CHARS: usize = 200;

/// A source gave nothing. The texts name hosts at most, never URLs, which may hold a secret.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Its configured URL cannot be used.
    #[error("its URL cannot be used: `sources.{source_name}.url` must name one host")]
    Address {
        /// Its name in the configuration.
        source_name: &'static str,
    },
    /// It would have to be asked more often than it allows.
    #[error("it may not be asked that often, and there was no turn left in time")]
    Busy,
    /// There was no time left to ask it.
    #[error("there was no time left to ask it")]
    OutOfTime,
    /// Its breaker is open, and somebody else is trying whether it works again.
    #[error("{source_name} failed {failures} times in a row, and is just being tried again")]
    OnTrial {
        /// Its name.
        source_name: &'static str,
        /// What opened the breaker.
        failures: u32,
    },
    /// Its breaker is open.
    #[error("{source_name} is not being asked until {}, because it failed {failures} times in a row", clock_time(*retry_in))]
    Resting {
        /// Its name.
        source_name: &'static str,
        /// What opened the breaker.
        failures: u32,
        /// How long it is still left alone.
        retry_in: Duration,
    },
    /// It does not have what is wanted.
    #[error("{0}")]
    Absent(String),
    /// It said why it does not answer.
    #[error("it answered with status {status}: {said}")]
    Refused {
        /// The status of its answer.
        status: u16,
        /// What it said, cut to a length.
        said: String,
    },
    /// It answered with a page for people.
    #[error("it answered with a web page instead of JSON")]
    WebPage,
    /// One of its values cannot be what it should.
    #[error("its value `{value}` of {wanted} is not {expected}")]
    Value {
        /// What it is a value of: a metric and a day, a price.
        wanted: String,
        /// The value.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
    /// It cannot be reached, or answered with an error.
    #[error(transparent)]
    Http(#[from] HttpError),
}

impl Failure {
    /// A value that cannot be what it should.
    pub(crate) fn value(wanted: impl Into<String>, value: &str, expected: &'static str) -> Self {
        Self::Value {
            wanted: wanted.into(),
            value: shortened(value),
            expected,
        }
    }

    /// The answer was not the JSON it should be.
    pub(super) fn read(response: &Response, error: HttpError) -> Self {
        let begins = response
            .body()
            .iter()
            .find(|byte| !byte.is_ascii_whitespace());
        match begins {
            Some(b'<') => Self::WebPage,
            Some(_) | None => Self::Http(error),
        }
    }

    /// The kind of failure as `error.type` names it.
    pub(crate) fn error_type(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Http(error) => return error.error_type(),
            Self::Refused { status, .. } => return Cow::Owned(status.to_string()),
            Self::Address { .. } => "invalid_url",
            Self::Busy => "rate_limited",
            Self::OutOfTime => "out_of_time",
            Self::Resting { .. } | Self::OnTrial { .. } => "circuit_open",
            Self::Absent(_) => "absent",
            Self::WebPage => "web_page",
            Self::Value { .. } => "invalid_value",
        })
    }

    /// What happened, and what was at the bottom of it.
    pub(crate) fn message(&self) -> String {
        let causes = iter::successors(self.source(), |cause| (*cause).source());
        match causes.last() {
            Some(cause) => format!("{self}: {cause}"),
            None => self.to_string(),
        }
    }

    /// The status of the answer, where that is the failure.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Http(HttpError::Status { status, .. }) | Self::Refused { status, .. } => {
                Some(*status)
            }
            _ => None,
        }
    }

    /// The same in the source's own words, where `read` finds some in the body of its answer.
    pub(crate) fn in_words(self, read: impl FnOnce(&[u8]) -> Option<String>) -> Self {
        match self {
            Self::Http(HttpError::Status {
                status, ref body, ..
            }) => match read(body) {
                Some(said) => Self::Refused {
                    status,
                    said: shortened(&said),
                },
                None => self,
            },
            other => other,
        }
    }
}

/// A decimal number as sources write it: finite, nothing else.
pub(crate) fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// What a source said, cut to a length.
fn shortened(said: &str) -> String {
    let mut characters = said.chars();
    let mut short: String = characters.by_ref().take(SAID_CHARS).collect();
    if characters.next().is_some() {
        short.push('…');
    }
    short
}

fn clock_time(ahead: Duration) -> String {
    let ahead = SignedDuration::try_from(ahead).unwrap_or(SignedDuration::MAX);
    let then = Timestamp::now()
        .checked_add(ahead)
        .unwrap_or(Timestamp::MAX);
    // Up, so that whoever comes back then is not too early.
    let then = then.round(
        jiff::TimestampRound::new()
            .smallest(Unit::Second)
            .mode(jiff::RoundMode::Ceil),
    );
    then.map_or_else(
        |_| "later".to_owned(),
        |then| then.strftime("%F %T UTC").to_string(),
    )
}
