//! What can be wrong with a configuration, and where a value came from.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::telemetry::redact;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// A line of a file, counted from 1.
    File {
        /// The file, as it was named.
        path: PathBuf,
        /// The line.
        line: usize,
    },
    /// A whole file, as it was named.
    WholeFile(PathBuf),
    /// An environment variable.
    Variable(String),
    /// A flag of the command line, as `--data-dir`.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("the default"),
            Self::File { path, line } => write!(f, "{} line {line}", path.display()),
            Self::WholeFile(path) => write!(f, "{}", path.display()),
            Self::Variable(name) => write!(f, "the environment variable {name}"),
            Self::Flag(name) => write!(f, "the flag {name}"),
        }
    }
}

/// What is wrong with one value. No text of it holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// There is no such key.
    #[error("there is no such key, the nearest is `{nearest}`")]
    UnknownKey {
        /// The valid key that looks most like it.
        nearest: String,
    },
    /// The value is of another type.
    #[error("expected {expected}, found {found}")]
    WrongType {
        /// What may stand here.
        expected: String,
        /// The type that was found.
        found: &'static str,
    },
    /// The value is of the right type, but not to be understood.
    #[error("expected {expected}, found {found}")]
    Malformed {
        /// What may stand here.
        expected: String,
        /// The text, quoted, unless it might hold a secret.
        found: String,
    },
    /// The value is none of those that are allowed.
    #[error("{found} is none of {allowed}{}", nearest.map(|nearest| format!("; the nearest is `{nearest}`")).unwrap_or_default())]
    UnknownChoice {
        /// The text, quoted, unless it might hold a secret.
        found: String,
        /// All that are allowed.
        allowed: String,
        /// The one that looks much like it, if one does.
        nearest: Option<&'static str>,
    },
    /// The value is too small or too large.
    #[error("{found} is out of range, allowed is {low} to {high}")]
    OutOfRange {
        /// The value.
        found: String,
        /// The least allowed.
        low: String,
        /// The greatest allowed.
        high: String,
    },
    /// The URL cannot be used; it is not repeated, for it may hold a password.
    #[error("expected {expected}: {reason}")]
    Url {
        /// What may stand here.
        expected: String,
        /// What is wrong with it.
        reason: UrlProblem,
    },
    /// The value contradicts another key.
    #[error("{rule} (`{other}` is {value}, from {origin})")]
    Conflict {
        /// What must hold.
        rule: &'static str,
        /// The other key.
        other: &'static str,
        /// Its value.
        value: String,
        /// Where that comes from.
        origin: Origin,
    },
    /// The value breaks a rule, which is told.
    #[error("{0}")]
    Rule(&'static str),
    /// The file is not TOML.
    #[error("{0}")]
    Syntax(String),
    /// The file that holds the value cannot be used.
    #[error("`{}`: {reason}", path.display())]
    InFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The text is not UTF-8.
    #[error("the text is not valid UTF-8")]
    NotUtf8,
    /// The file cannot be read.
    #[error("{}", unreadable(*.0))]
    Unreadable(io::ErrorKind),
}

fn unreadable(kind: io::ErrorKind) -> String {
    match kind {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::IsADirectory => "is a directory, not a file".to_owned(),
        _ => format!("cannot be read: {kind}"),
    }
}

/// Why a URL is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlProblem {
    /// Another scheme than those of this part.
    #[error("the scheme `{0}` is not one of these")]
    Scheme(String),
    /// No `scheme:` at its beginning.
    #[error("it has no scheme")]
    NoScheme,
    /// Several hosts where there can be one.
    #[error("it names several hosts")]
    SeveralHosts,
    /// No `//host`.
    #[error("it names no host")]
    NoHost,
    /// An `@` behind the host: most likely part of a password.
    #[error("`@`, `/`, `?`, `#` and `:` in a user name or password must be percent-encoded")]
    Unencoded,
    /// A password is given twice.
    #[error("it has a password already")]
    HasPassword,
    /// A password is given, but nobody whose it is.
    #[error("it names no user")]
    NoUser,
    /// What the URL standard says.
    #[error("{0}")]
    Malformed(#[from] url::ParseError),
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The key in full, unless the whole file is meant.
    pub key: Option<String>,
    /// Where it was said.
    pub origin: Origin,
    /// What is wrong with it.
    pub problem: Problem,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            Some(key) => write!(f, "{key} ({}): {}", self.origin, self.problem),
            None => write!(f, "{}: {}", self.origin, self.problem),
        }
    }
}

/// All that is wrong with a configuration, one line each. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(pub(super) Vec<ConfigError>);

impl ConfigErrors {
    /// Each error, in the order of their sources.
    pub fn iter(&self) -> impl Iterator<Item = &ConfigError> {
        self.0.iter()
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            let line_break = if index == 0 { "" } else { "\n" };
            write!(f, "{line_break}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// `text` in quotes, if it is short and cannot hold the password of a URL; else how long it is.
pub(super) fn quoted(text: &str) -> String {
    let length = text.chars().count();
    let is_secret = redact::text(text) != text;
    if is_secret || text.contains('@') || length > 60 {
        format!("a text of {length} characters")
    } else {
        format!("{text:?}")
    }
}
