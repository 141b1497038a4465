//! Whose server it is.

use crate::{origin::Kind, server::Server};

/// A server of somebody's or of the test's own.
#[derive(Debug)]
pub(crate) enum Place {
    /// Somebody's, by its URL.
    Given(String),
    Own(Box<Server>),
}

impl Place {
    pub(crate) fn is_own(&self) -> bool {
        matches!(self, Self::Own(_))
    }

    /// The server of the test's own.
    ///
    /// # Panics
    /// When it is somebody's, with what to do about it.
    pub(crate) fn own(&self, kind: Kind) -> &Server {
        let (name, url) = (kind.name, kind.url);
        match self {
            Self::Own(server) => server,
            Self::Given(_) => panic!(
                "this needs a {name} of the test's own: call `start` instead of `shared`, or unset {url}"
            ),
        }
    }
}
