//! What InfluxDB, or the way to it, has against a request.

use std::{sync::Arc, time::Duration};

use chimera_bus::tls::{CertificateFault, tls_error};

/// How much of what InfluxDB says is repeated, in characters.
const SAID_CHARS: usize = 200;

/// A request got no answer from InfluxDB, or none that it wanted. `server` is host and port.
#[derive(Debug, Clone, thiserror::Error)]
pub enum InfluxDbError {
    /// There is no connection, nor can one be made.
    #[error(
        "cannot connect to InfluxDB at {server}: it must run there, or `timeseries.url` name another"
    )]
    Unreachable {
        /// Who was asked.
        server: Arc<str>,
        /// What the system said.
        #[source]
        source: Arc<reqwest::Error>,
    },
    /// Nothing came back in time.
    #[error("no answer from InfluxDB at {server} within {}", humantime::format_duration(*after))]
    Timeout {
        /// Who was asked.
        server: Arc<str>,
        /// How long it was waited for.
        after: Duration,
    },
    /// The connection ended before the answer came.
    #[error("the connection to InfluxDB at {server} broke")]
    Interrupted {
        /// Who was asked.
        server: Arc<str>,
        /// What the connection said.
        #[source]
        source: Arc<reqwest::Error>,
    },
    /// It is not who it should be, as far as its certificate goes.
    #[error("the certificate of InfluxDB at {server} {}", .fault.explained("timeseries"))]
    Certificate {
        /// Who was asked.
        server: Arc<str>,
        /// What is wrong with it.
        fault: CertificateFault,
        /// What TLS said.
        #[source]
        source: Arc<reqwest::Error>,
    },
    /// What is there does not speak TLS as we do.
    #[error(
        "no TLS with {server}: if it is an InfluxDB without TLS, `timeseries.url` must begin with `influxdb://`"
    )]
    Tls {
        /// Who was asked.
        server: Arc<str>,
        /// What TLS said.
        #[source]
        source: Arc<reqwest::Error>,
    },
    /// It does not know this user with this password.
    #[error("InfluxDB at {server} refuses the user name and password of `timeseries.url`")]
    Unauthorized {
        /// Who was asked.
        server: Arc<str>,
    },
    /// The user may not do this.
    #[error(
        "InfluxDB at {server} does not let this user {what}: grant it READ and WRITE on the database"
    )]
    Forbidden {
        /// Who was asked.
        server: Arc<str>,
        /// What it wanted.
        what: &'static str,
    },
    /// There is no such database.
    #[error("InfluxDB at {server} has no such database")]
    MissingDatabase {
        /// Who was asked.
        server: Arc<str>,
    },
    /// There is no such database, and it could not be made.
    #[error(
        "InfluxDB at {server} has no database `{database}` and does not let this user make it: create it there"
    )]
    NoDatabase {
        /// Who was asked.
        server: Arc<str>,
        /// Its name.
        database: String,
    },
    /// What is there does not speak InfluxDB's protocol.
    #[error("what answers at {server} is not InfluxDB: correct `timeseries.url`")]
    NotInfluxDb {
        /// Who was asked.
        server: Arc<str>,
    },
    /// The answer is larger than what is read.
    #[error("the answer of InfluxDB at {server} has more than {limit} bytes: ask for less")]
    TooLarge {
        /// Who was asked.
        server: Arc<str>,
        /// What is read at most.
        limit: usize,
    },
    /// It answered with another error.
    #[error("InfluxDB at {server} refuses to {what} with status {status}: {said}")]
    Refused {
        /// Who was asked.
        server: Arc<str>,
        /// What it was to do.
        what: &'static str,
        /// The status of HTTP.
        status: u16,
        /// What it said, cut to a length.
        said: String,
    },
}

impl InfluxDbError {
    /// Whether the same request may go well later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Timeout { .. } | Self::Interrupted { .. } => true,
            Self::Refused { status, .. } => *status >= 500 || matches!(status, 408 | 429),
            Self::Certificate { .. }
            | Self::Tls { .. }
            | Self::Unauthorized { .. }
            | Self::Forbidden { .. }
            | Self::MissingDatabase { .. }
            | Self::NoDatabase { .. }
            | Self::NotInfluxDb { .. }
            | Self::TooLarge { .. } => false,
        }
    }

    /// The kind of error as `error.type` names it.
    pub fn error_type(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "connect",
            Self::Timeout { .. } => "timeout",
            Self::Interrupted { .. } => "interrupted",
            Self::Certificate { .. } => "certificate",
            Self::Tls { .. } => "tls",
            Self::Unauthorized { .. } => "401",
            Self::Forbidden { .. } | Self::NoDatabase { .. } => "403",
            Self::MissingDatabase { .. } => "404",
            Self::NotInfluxDb { .. } => "not_influxdb",
            Self::TooLarge { .. } => "too_large",
            Self::Refused { status: 400, .. } => "400",
            Self::Refused { status: 500, .. } => "500",
            Self::Refused { status: 503, .. } => "503",
            Self::Refused { .. } => "_OTHER",
        }
    }

    /// The status of HTTP that InfluxDB answered with, where it did.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            Self::Unauthorized { .. } => Some(401),
            Self::Forbidden { .. } | Self::NoDatabase { .. } => Some(403),
            Self::MissingDatabase { .. } => Some(404),
            Self::Unreachable { .. }
            | Self::Timeout { .. }
            | Self::Interrupted { .. }
            | Self::Certificate { .. }
            | Self::Tls { .. }
            | Self::NotInfluxDb { .. }
            | Self::TooLarge { .. } => None,
        }
    }

    pub(super) fn is_missing_database(&self) -> bool {
        matches!(self, Self::MissingDatabase { .. })
    }

    /// The same, of the attempt to make `database`.
    pub(super) fn no_database(self, database: &str) -> Self {
        match self {
            Self::Forbidden { server, .. } => Self::NoDatabase {
                server,
                database: database.to_owned(),
            },
            other => other,
        }
    }

    pub(super) fn said(server: &Arc<str>, what: &'static str, status: u16, said: &str) -> Self {
        let server = Arc::clone(server);
        match status {
            401 => Self::Unauthorized { server },
            403 => Self::Forbidden { server, what },
            _ if said.contains("database not found") => Self::MissingDatabase { server },
            _ => Self::Refused {
                server,
                what,
                status,
                said: said.chars().take(SAID_CHARS).collect(),
            },
        }
    }

    pub(super) fn of_request(server: &Arc<str>, after: Duration, error: reqwest::Error) -> Self {
        let server = Arc::clone(server);
        // Its URL says nothing new; user and password stand in a header.
        let source = Arc::new(error.without_url());
        if source.is_timeout() {
            Self::Timeout { server, after }
        } else if let Some(fault) = CertificateFault::of(&*source) {
            Self::Certificate {
                server,
                fault,
                source,
            }
        } else if tls_error(&*source).is_some() {
            Self::Tls { server, source }
        } else if source.is_connect() {
            Self::Unreachable { server, source }
        } else {
            Self::Interrupted { server, source }
        }
    }
}
