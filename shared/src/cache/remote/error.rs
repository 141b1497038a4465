//! What Redis, or the way to it, has against a command.

use std::{error::Error, sync::Arc, time::Duration};

use chimera_bus::tls::{CertificateFault, tls_error};
use redis::ErrorKind;

/// Errors by which Redis says that it will do later what it does not do now.
///
/// Source: <https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors>, and the server's `server.c`.
const PASSING: [&str; 9] = [
    "BUSY",
    "CLUSTERDOWN",
    "LOADING",
    "MASTERDOWN",
    "MISCONF",
    "NOREPLICAS",
    "OOM",
    "READONLY",
    "TRYAGAIN",
];

/// The other codes that are worth a name of their own in metrics.
const LASTING: [&str; 6] = ["ERR", "MOVED", "NOAUTH", "NOPERM", "WRONGPASS", "WRONGTYPE"];

/// How much of what Redis says is repeated, in characters.
const SAID_CHARS: usize = 200;

/// What was at the bottom of a failure.
type Cause = Arc<dyn Error + Send + Sync>;

/// A command got no answer from Redis, or none that it wanted. `server` is host and port.
///
/// It can be cloned because one failed connection is the failure of everybody who waited for it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RedisError {
    /// There is no connection, nor can one be made.
    #[error("cannot connect to Redis at {server}: it must run there, or `cache.url` name another")]
    Unreachable {
        /// Who was asked.
        server: Arc<str>,
        /// What the system said.
        #[source]
        source: Cause,
    },
    /// Nothing came back in time.
    #[error("no answer from Redis at {server} within {}", humantime::format_duration(*after))]
    Timeout {
        /// Who was asked.
        server: Arc<str>,
        /// How long it was waited for.
        after: Duration,
    },
    /// The connection ended before the answer came.
    #[error("the connection to Redis at {server} broke")]
    Interrupted {
        /// Who was asked.
        server: Arc<str>,
        /// What the connection said.
        #[source]
        source: Cause,
    },
    /// The connection ended before the first answer came.
    #[error(
        "{server} hung up at once: if it is a Redis with TLS, `cache.url` must begin with `rediss://`"
    )]
    HungUp {
        /// Who was asked.
        server: Arc<str>,
        /// What the connection said.
        #[source]
        source: Cause,
    },
    /// It wants a password and got none.
    #[error(
        "Redis at {server} wants a password: put it into `cache.url` or into a file that `cache.password_file` names"
    )]
    PasswordWanted {
        /// Who was asked.
        server: Arc<str>,
    },
    /// It knows no such user with this password.
    #[error(
        "Redis at {server} refuses the user name and password of `cache.url` and `cache.password_file`"
    )]
    PasswordWrong {
        /// Who was asked.
        server: Arc<str>,
    },
    /// There is no such database.
    #[error(
        "Redis at {server} has no database {database}: name another at the end of `cache.url`, as in `/0`"
    )]
    Database {
        /// Who was asked.
        server: Arc<str>,
        /// Its number.
        database: i64,
    },
    /// The user may not do this.
    #[error(
        "Redis at {server} does not let this user {command} the key: its ACL needs `~<cache.key_prefix>* +get +set +del +select`"
    )]
    Forbidden {
        /// Who was asked.
        server: Arc<str>,
        /// The command.
        command: &'static str,
    },
    /// It is not who it should be, as far as its certificate goes.
    #[error("the certificate of Redis at {server} {}", .fault.explained("cache"))]
    Certificate {
        /// Who was asked.
        server: Arc<str>,
        /// What is wrong with it.
        fault: CertificateFault,
        /// What TLS said.
        #[source]
        source: Cause,
    },
    /// What is there does not speak TLS as we do.
    #[error(
        "no TLS with {server}: if it is a Redis without TLS, `cache.url` must begin with `redis://`"
    )]
    Tls {
        /// Who was asked.
        server: Arc<str>,
        /// What TLS said.
        #[source]
        source: Cause,
    },
    /// What is there does not speak Redis's protocol.
    #[error("what answers at {server} is not Redis: correct `cache.url`")]
    NotRedis {
        /// Who was asked.
        server: Arc<str>,
    },
    /// It answered with another error.
    #[error("Redis at {server} refuses {command}: {code}{said}")]
    Refused {
        /// Who was asked.
        server: Arc<str>,
        /// The command.
        command: &'static str,
        /// The first word of the error.
        code: String,
        /// The rest of it after a space, without what was sent.
        said: String,
    },
}

/// A command as errors need to know it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) server: &'a Arc<str>,
    pub(super) command: &'static str,
    pub(super) database: i64,
    /// What was granted for it.
    pub(super) within: Duration,
}

impl RedisError {
    /// Whether the same command may go well later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::Timeout { .. }
            | Self::Interrupted { .. }
            | Self::HungUp { .. } => true,
            Self::Refused { code, said, .. } => {
                PASSING.contains(&code.as_str()) || said.contains("max number of clients")
            }
            Self::PasswordWanted { .. }
            | Self::PasswordWrong { .. }
            | Self::Database { .. }
            | Self::Forbidden { .. }
            | Self::Certificate { .. }
            | Self::Tls { .. }
            | Self::NotRedis { .. } => false,
        }
    }

    /// The kind of error as `error.type` names it: the code that Redis answered with, or a word.
    pub fn error_type(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "connect",
            Self::Timeout { .. } => "timeout",
            Self::Interrupted { .. } | Self::HungUp { .. } => "interrupted",
            Self::Certificate { .. } => "certificate",
            Self::Tls { .. } => "tls",
            Self::NotRedis { .. } => "not_redis",
            Self::PasswordWanted { .. } => "NOAUTH",
            Self::PasswordWrong { .. } => "WRONGPASS",
            Self::Forbidden { .. } => "NOPERM",
            Self::Database { .. } => "ERR",
            Self::Refused { code, .. } => {
                let mut known = PASSING.into_iter().chain(LASTING);
                known.find(|known| known == code).unwrap_or("_OTHER")
            }
        }
    }

    /// The first word of the error that Redis answered with, where it did.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => Some(code),
            Self::PasswordWanted { .. }
            | Self::PasswordWrong { .. }
            | Self::Forbidden { .. }
            | Self::Database { .. } => Some(self.error_type()),
            Self::Unreachable { .. }
            | Self::Timeout { .. }
            | Self::Interrupted { .. }
            | Self::HungUp { .. }
            | Self::Certificate { .. }
            | Self::Tls { .. }
            | Self::NotRedis { .. } => None,
        }
    }

    /// Whether a new connection may do better: this one is broken, or leads to a server that is no longer the right one.
    pub(super) fn wants_new_connection(&self) -> bool {
        match self {
            Self::Refused { code, .. } => matches!(code.as_str(), "READONLY" | "MASTERDOWN"),
            Self::Forbidden { .. } | Self::Database { .. } => false,
            Self::Unreachable { .. }
            | Self::Timeout { .. }
            | Self::Interrupted { .. }
            | Self::HungUp { .. }
            | Self::PasswordWanted { .. }
            | Self::PasswordWrong { .. }
            | Self::Certificate { .. }
            | Self::Tls { .. }
            | Self::NotRedis { .. } => true,
        }
    }

    /// What failed at a command on a connection.
    pub(super) fn of_command(asked: Asked<'_>, source: redis::RedisError) -> Self {
        let server = Arc::clone(asked.server);
        match source.code() {
            Some(code) => Self::of_answer(asked, code, source.detail().unwrap_or_default()),
            None if source.kind() == ErrorKind::Parse => Self::NotRedis { server },
            None if source.is_timeout() => Self::Timeout {
                server,
                after: asked.within,
            },
            None => Self::Interrupted {
                server,
                source: cause(source),
            },
        }
    }

    /// What failed at making a connection.
    pub(super) fn of_connecting(
        server: &Arc<str>,
        within: Duration,
        source: redis::RedisError,
    ) -> Self {
        let server = Arc::clone(server);
        if source.is_timeout() {
            return Self::Timeout {
                server,
                after: within,
            };
        }
        let source = cause(source);
        match CertificateFault::of(&*source) {
            Some(fault) => Self::Certificate {
                server,
                fault,
                source,
            },
            None if tls_error(&*source).is_some() => Self::Tls { server, source },
            None => Self::Unreachable { server, source },
        }
    }

    fn of_answer(asked: Asked<'_>, code: &str, said: &str) -> Self {
        let server = Arc::clone(asked.server);
        match (code, asked.command) {
            ("NOAUTH", _) => Self::PasswordWanted { server },
            ("WRONGPASS", _) => Self::PasswordWrong { server },
            ("NOPERM", command) => Self::Forbidden { server, command },
            ("ERR", "SELECT") => Self::Database {
                server,
                database: asked.database,
            },
            (_, command) => Self::Refused {
                server,
                command,
                code: shortened(code),
                said: said_without_arguments(command, said),
            },
        }
    }
}

/// What Redis said, after a space, without what it repeats of the command: that may be a password, or somebody's data.
fn said_without_arguments(command: &str, said: &str) -> String {
    let said = said.split(", with args").next().unwrap_or_default();
    if command == "AUTH" || said.is_empty() {
        return String::new();
    }
    format!(" {}", shortened(said))
}

fn shortened(text: &str) -> String {
    text.chars().take(SAID_CHARS).collect()
}

/// What the client wraps, which it would say a second time.
fn cause(error: redis::RedisError) -> Cause {
    let wrapped = error.source().and_then(<dyn Error>::downcast_ref::<Cause>);
    wrapped.cloned().unwrap_or_else(|| Arc::new(error))
}

#[cfg(test)]
mod tests;
