//! Whose a store is, and what can be done to one of the test's own.

use std::path::Path;

use crate::{
    answer::Greeting,
    origin::{Kind, Origin},
    server::{Launch, Server},
};

/// A store that a test uses: somebody's, or one of its own.
#[derive(Debug)]
pub struct Place {
    kind: Kind,
    whose: Whose,
}

#[derive(Debug)]
enum Whose {
    /// Somebody's, by its URL.
    Given(String),
    Own(Box<Server>),
}

/// A server that is stopped, started and paused by tests.
///
/// # Panics
/// Each but [`Store::is_own`], when the server is somebody's, with what to do about it.
pub trait Store {
    /// Whose it is.
    fn place(&self) -> &Place;

    /// Whether it was started by the test. Somebody else's cannot be stopped.
    fn is_own(&self) -> bool {
        matches!(self.place().whose, Whose::Own(_))
    }

    /// Asks it to end, and returns when it has. Nothing happens when it does not run.
    fn stop(&self) {
        self.place().server().stop();
    }

    /// Ends it like a loss of power would. Nothing happens when it does not run.
    fn kill(&self) {
        self.place().server().kill();
    }

    /// Starts it on the same port with the same data, and returns when it answers.
    fn start_again(&self) {
        self.place().server().start_again();
    }

    /// Stops its clock: it neither answers nor closes its connections, like a server behind a broken network.
    fn pause(&self) {
        self.place().server().pause();
    }

    /// Ends a pause.
    fn resume(&self) {
        self.place().server().resume();
    }
}

impl Place {
    /// Somebody's server, if the environment names one.
    pub(crate) fn given(kind: Kind) -> Option<Self> {
        let whose = Whose::Given(kind.given_url()?);
        Some(Self { kind, whose })
    }

    /// A server of the test's own: what `launch` says, and what it says beside that.
    pub(crate) fn start<T>(
        kind: Kind,
        greeting: Greeting,
        launch: impl Fn(&Origin, &Path) -> (Launch, T),
    ) -> (Self, T) {
        let origin = kind.origin();
        let (server, beside) =
            Server::start(kind, greeting, |directory| launch(&origin, directory));
        let whose = Whose::Own(Box::new(server));
        (Self { kind, whose }, beside)
    }

    /// Its URL: somebody's, or `own` with the port of the test's own server on this machine.
    pub(crate) fn url(&self, own: impl FnOnce(u16) -> String) -> String {
        match &self.whose {
            Whose::Given(url) => url.clone(),
            Whose::Own(server) => own(server.port()),
        }
    }

    fn server(&self) -> &Server {
        let Kind { name, url, .. } = self.kind;
        match &self.whose {
            Whose::Own(server) => server,
            Whose::Given(_) => panic!(
                "this needs a {name} of the test's own: call `start` instead of `shared`, or unset {url}"
            ),
        }
    }
}
