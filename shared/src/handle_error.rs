//! Why a handler could not handle a message, and so what becomes of it.

use std::fmt;

use chimera_bus::{PublishError, RequestError};

use crate::{
    cache::CacheError,
    context::{AskError, SendError},
    documents::DocumentError,
    http::HttpError,
};

/// A handler's failure. Which variant it is decides what happens to the message.
#[derive(Debug)]
pub enum HandleError {
    /// It may go well later: the message is retried with back-off, and dead-lettered after the last attempt.
    Transient(anyhow::Error),
    /// It will never go well: the message is dead-lettered.
    Permanent(anyhow::Error),
    /// The body is not what the handler takes: the message is dead-lettered.
    Undecodable(anyhow::Error),
}

impl HandleError {
    /// A failure that may go well later.
    pub fn transient(cause: impl Into<anyhow::Error>) -> Self {
        Self::Transient(cause.into())
    }

    /// A failure that repeating cannot mend.
    pub fn permanent(cause: impl Into<anyhow::Error>) -> Self {
        Self::Permanent(cause.into())
    }

    /// The kind of failure as `error.type` and `x-error-type` name it.
    pub fn error_type(&self) -> &'static str {
        match self {
            Self::Transient(_) => "transient",
            Self::Permanent(_) => "permanent",
            Self::Undecodable(_) => "undecodable",
        }
    }

    /// What caused it.
    pub fn cause(&self) -> &anyhow::Error {
        match self {
            Self::Transient(cause) | Self::Permanent(cause) | Self::Undecodable(cause) => cause,
        }
    }
}

/// The whole chain of causes, on one line.
impl fmt::Display for HandleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.cause())
    }
}

impl From<anyhow::Error> for HandleError {
    /// An error of unknown kind is taken to be transient: retrying a bounded number of times loses nothing.
    fn from(cause: anyhow::Error) -> Self {
        Self::Transient(cause)
    }
}

impl From<DocumentError> for HandleError {
    fn from(error: DocumentError) -> Self {
        if error.is_transient() {
            Self::transient(error)
        } else {
            Self::permanent(error)
        }
    }
}

impl From<CacheError> for HandleError {
    fn from(error: CacheError) -> Self {
        if error.is_transient() {
            Self::transient(error)
        } else {
            Self::permanent(error)
        }
    }
}

impl From<HttpError> for HandleError {
    fn from(error: HttpError) -> Self {
        if error.is_transient() {
            Self::transient(error)
        } else {
            Self::permanent(error)
        }
    }
}

impl From<SendError> for HandleError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Name(_)
            | SendError::Encode { .. }
            | SendError::Publish(
                PublishError::TooLarge { .. } | PublishError::DelayedEvent { .. },
            ) => Self::permanent(error),
            SendError::Publish(_) => Self::transient(error),
        }
    }
}

impl From<AskError> for HandleError {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Send(error) => error.into(),
            // The agent that was asked has already retried what could be retried.
            AskError::Request(RequestError::Failed { .. }) | AskError::Decode { .. } => {
                Self::permanent(error)
            }
            AskError::Request(_) => Self::transient(error),
        }
    }
}
