//! What the driver's errors mean.

use std::{error::Error as StdError, io, sync::Arc, time::Duration};

use chimera_bus::tls::{CertificateFault, tls_error};
use mongodb::error::{Error, ErrorKind, RETRYABLE_WRITE_ERROR, WriteFailure};

use super::{
    super::{
        DocumentError,
        server_error::{ServerError, ServerProblem},
    },
    watch::Watch,
};

/// Codes of servers. Source: <https://www.mongodb.com/docs/manual/reference/error-codes/>.
const DUPLICATE_KEY: i32 = 11000;
const UNAUTHORIZED: i32 = 13;
const MAX_TIME_EXPIRED: i32 = 50;
const CREDENTIALS: [i32; 2] = [11, 18];
/// A document would be larger than the server takes.
const TOO_LARGE: [i32; 4] = [10334, 17280, 17419, 17420];
/// The server is starting, stopping or electing, lost its peers, or two writes met.
const NOT_READY: [i32; 19] = [
    6, 7, 64, 89, 91, 100, 112, 134, 189, 262, 317, 358, 9001, 10058, 10107, 11600, 11602, 13435,
    13436,
];
/// The server does not have the command, or not this option of it.
const NOT_SUPPORTED: [i32; 5] = [59, 67, 72, 115, 238];

/// What every message about a failure says of where and for whom.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) watch: Watch,
    pub(super) database: String,
    pub(super) has_credentials: bool,
    /// How long an operation may take.
    pub(super) timeout: Duration,
}

impl Target {
    /// What failed an operation on `collection`.
    pub(super) fn operation_failed(&self, collection: &str, error: &Error) -> DocumentError {
        match code(error) {
            Some((DUPLICATE_KEY, _)) => DocumentError::Duplicate {
                collection: collection.to_owned(),
            },
            Some((code, _)) if TOO_LARGE.contains(&code) => DocumentError::Outgrown {
                collection: collection.to_owned(),
            },
            _ if matches!(*error.kind, ErrorKind::Shutdown) => DocumentError::Closed,
            _ => self.failed(error).into(),
        }
    }

    /// The operation took longer than `after`.
    pub(super) fn timed_out(&self, after: Duration) -> ServerError {
        // What the monitors saw says more than that time went by.
        let seen = self
            .watch
            .last_failure()
            .map(|failure| self.failed(&failure));
        seen.unwrap_or_else(|| self.error(ServerProblem::TimedOut { after }))
    }

    /// The code that the server answered with when an operation failed so.
    pub(super) fn status_code(error: &DocumentError) -> Option<String> {
        match error {
            DocumentError::Duplicate { .. } => Some(DUPLICATE_KEY.to_string()),
            DocumentError::Server(error) => error.status_code(),
            _ => None,
        }
    }

    /// What the server, or the way to it, failed with.
    pub(super) fn failed(&self, error: &Error) -> ServerError {
        if let Some((code, name)) = code(error) {
            return ServerError {
                code: Some(code),
                ..self.error(self.refusal(error, code, name))
            };
        }
        match &*error.kind {
            ErrorKind::Io(source) => self.broken(source),
            ErrorKind::ServerSelection { .. } | ErrorKind::ConnectionPoolCleared { .. } => {
                match self.watch.last_failure() {
                    Some(failure) if !is_indirect(&failure) => self.failed(&failure),
                    _ => self.error(ServerProblem::Unreachable),
                }
            }
            ErrorKind::DnsResolve { message, .. } => ServerError {
                source: Some(Arc::new(io::Error::other(message.clone()))),
                ..self.error(ServerProblem::Unreachable)
            },
            ErrorKind::Authentication { .. } => match error.source().and_then(driver_error) {
                Some(below) if matches!(*below.kind, ErrorKind::Io(_)) => self.failed(below),
                _ => self.error(ServerProblem::Credentials),
            },
            ErrorKind::InvalidTlsConfig { .. } => self.error(ServerProblem::Tls),
            ErrorKind::IncompatibleServer { .. } => self.error(ServerProblem::Incompatible),
            _ => self.error(ServerProblem::Answer),
        }
    }

    fn refusal(&self, error: &Error, code: i32, name: String) -> ServerProblem {
        match code {
            UNAUTHORIZED if !self.has_credentials => ServerProblem::NoCredentials,
            UNAUTHORIZED => ServerProblem::NotPermitted {
                database: self.database.clone(),
            },
            MAX_TIME_EXPIRED => ServerProblem::TimedOut {
                after: self.timeout,
            },
            _ if CREDENTIALS.contains(&code) => ServerProblem::Credentials,
            _ if NOT_READY.contains(&code) || error.contains_label(RETRYABLE_WRITE_ERROR) => {
                ServerProblem::NotReady
            }
            _ => ServerProblem::Refused { name },
        }
    }

    /// The connection broke, or did not come about.
    fn broken(&self, source: &Arc<io::Error>) -> ServerError {
        let problem = match CertificateFault::of(&**source) {
            Some(fault) => ServerProblem::Certificate(fault),
            None if tls_error(&**source).is_some() => ServerProblem::Tls,
            None => ServerProblem::Unreachable,
        };
        ServerError {
            source: Some(Arc::new(Arc::clone(source))),
            ..self.error(problem)
        }
    }

    fn error(&self, problem: ServerProblem) -> ServerError {
        ServerError {
            servers: self.watch.servers(),
            problem,
            code: None,
            source: None,
        }
    }
}

/// Whether the id is taken.
pub(super) fn is_duplicate(error: &Error) -> bool {
    code(error).is_some_and(|(code, _)| code == DUPLICATE_KEY)
}

/// Whether the server said that it does not have what was asked for, or that this user may not have it.
pub(super) fn is_declined(error: &Error) -> bool {
    code(error).is_some_and(|(code, _)| NOT_SUPPORTED.contains(&code) || code == UNAUTHORIZED)
}

/// The code that the server answered with and its name.
pub(super) fn code(error: &Error) -> Option<(i32, String)> {
    match &*error.kind {
        ErrorKind::Command(error) => Some((error.code, named(&error.code_name))),
        ErrorKind::Write(WriteFailure::WriteError(error)) => {
            let name = error.code_name.as_deref().unwrap_or_default();
            Some((error.code, named(name)))
        }
        ErrorKind::Write(WriteFailure::WriteConcernError(error)) => {
            Some((error.code, named(&error.code_name)))
        }
        _ => error.source().and_then(driver_error).and_then(code),
    }
}

/// Names of codes are words; anything else is not a name.
fn named(name: &str) -> String {
    let is_name = !name.is_empty() && name.len() <= 80 && name.chars().all(char::is_alphanumeric);
    if is_name { name } else { "unnamed" }.to_owned()
}

/// Whether it only says that another failed before.
fn is_indirect(error: &Error) -> bool {
    matches!(
        *error.kind,
        ErrorKind::ServerSelection { .. } | ErrorKind::ConnectionPoolCleared { .. }
    )
}

fn driver_error<'a>(source: &'a (dyn StdError + 'static)) -> Option<&'a Error> {
    source.downcast_ref()
}
