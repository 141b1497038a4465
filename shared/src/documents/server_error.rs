//! Why a server of documents failed a call, or did not take one.

use std::{fmt, sync::Arc, time::Duration};

use chimera_bus::tls::CertificateFault;

/// A server of documents could not be reached, refused something, or failed.
///
/// The message says what, where and what to do; it never has a password or a value of a document in it, which is why
/// the server's own words, that may quote both, are not kept.
#[derive(Debug, Clone)]
pub struct ServerError {
    /// `host:port`, several separated by commas.
    pub(super) servers: Arc<str>,
    /// What went wrong.
    pub(super) problem: ServerProblem,
    /// The code that the server answered with, if it did.
    pub(super) code: Option<i32>,
    pub(super) source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

/// What went wrong with a server of documents.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerProblem {
    /// Nobody answers there, or the connection broke. Of a write it is not known whether it was stored.
    Unreachable,
    /// No answer came within the time that an operation may take. Of a write it is not known whether it was stored.
    TimedOut {
        /// How long was waited.
        after: Duration,
    },
    /// The server is busy with itself: it is starting, stopping or electing a primary.
    NotReady,
    /// The server does not know the user, or the password is another.
    Credentials,
    /// The server wants a user, and the URL names none.
    NoCredentials,
    /// The user may not do this in this database.
    NotPermitted {
        /// The database.
        database: String,
    },
    /// The server's certificate is not accepted.
    Certificate(CertificateFault),
    /// The two do not agree on TLS, or only one of them speaks it.
    Tls,
    /// The server is of a version that the driver cannot talk to.
    Incompatible,
    /// The server refused the operation for a reason of its own.
    Refused {
        /// The name of the code: `BadValue`.
        name: String,
    },
    /// What came is not an answer to what was asked.
    Answer,
}

impl ServerError {
    /// Whether the same may go well later without a change of the configuration or of the server's.
    pub fn is_transient(&self) -> bool {
        matches!(
            self.problem,
            ServerProblem::Unreachable | ServerProblem::TimedOut { .. } | ServerProblem::NotReady
        )
    }

    /// Whether the operation itself is to blame, and not the way to the server: it would fail again.
    pub(super) fn is_of_the_operation(&self) -> bool {
        matches!(
            self.problem,
            ServerProblem::Refused { .. } | ServerProblem::Answer
        )
    }

    /// What went wrong.
    pub fn problem(&self) -> &ServerProblem {
        &self.problem
    }

    /// The code that the server answered with, as `db.response.status_code` has it.
    pub fn status_code(&self) -> Option<String> {
        self.code.map(|code| code.to_string())
    }

    /// The kind of error as `error.type` names it.
    pub(super) fn error_type(&self) -> &'static str {
        match self.problem {
            ServerProblem::Unreachable => "unreachable",
            ServerProblem::TimedOut { .. } => "timeout",
            ServerProblem::NotReady => "not_ready",
            ServerProblem::Credentials | ServerProblem::NoCredentials => "unauthenticated",
            ServerProblem::NotPermitted { .. } => "not_permitted",
            ServerProblem::Certificate(_) => "certificate",
            ServerProblem::Tls => "tls",
            ServerProblem::Incompatible => "incompatible",
            ServerProblem::Refused { .. } => "refused",
            ServerProblem::Answer => "invalid_answer",
        }
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = &self.servers;
        match &self.problem {
            ServerProblem::Unreachable => write!(
                f,
                "MongoDB at {at} cannot be reached: start it, or correct `documents.url`"
            ),
            ServerProblem::TimedOut { after } => write!(
                f,
                "MongoDB at {at} did not answer within {}: see what it is busy with, or raise `documents.timeout`",
                humantime::format_duration(*after)
            ),
            ServerProblem::NotReady => write!(
                f,
                "MongoDB at {at} is starting, stopping or electing a primary: wait until it is done"
            ),
            ServerProblem::Credentials => write!(
                f,
                "MongoDB at {at} refuses the user or the password: correct them, or `authSource`, in `documents.url`"
            ),
            ServerProblem::NoCredentials => write!(
                f,
                "MongoDB at {at} wants a user and a password: give them in `documents.url`"
            ),
            ServerProblem::NotPermitted { database } => write!(
                f,
                "MongoDB at {at} does not let this user work in database `{database}`: grant the role `readWrite` on it"
            ),
            ServerProblem::Certificate(fault) => write!(
                f,
                "the certificate of MongoDB at {at} {}",
                fault.explained("documents")
            ),
            ServerProblem::Tls => write!(
                f,
                "MongoDB at {at} and this program do not agree on TLS: see whether the server speaks it, and say so with \
                 `tls=true` or `tls=false` in `documents.url`"
            ),
            ServerProblem::Incompatible => write!(
                f,
                "MongoDB at {at} is of a version that this program cannot talk to: use 4.2 or later"
            ),
            ServerProblem::Refused { name } => {
                let code = self.code.unwrap_or_default();
                write!(
                    f,
                    "MongoDB at {at} refuses the operation with code {code} ({name}): its log says why"
                )
            }
            ServerProblem::Answer => write!(
                f,
                "what answers at {at} is not understood: see whether it is MongoDB, or speaks its protocol"
            ),
        }
    }
}

impl std::error::Error for ServerError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.source {
            Some(source) => Some(&**source),
            None => None,
        }
    }
}
