//! RabbitMQ, 3.10 and later.

mod ctl;
mod run;
mod setup;

use std::sync::{Mutex, OnceLock};

use crate::{answer::Greeting, origin::Kind, server::Server};

pub use setup::RabbitMqSetup;

use self::{ctl::Ctl, run::Ports};

const KIND: Kind = Kind {
    name: "RabbitMQ",
    variable: "RABBITMQ",
    url: "CHIMERA_TEST_AMQP_URL",
    program: "rabbitmq-server",
};

/// The header of AMQP 0-9-1. Who speaks it starts a method frame on channel 0; who speaks another version says which.
const GREETING: Greeting = Greeting {
    says: b"AMQP\x00\x00\x09\x01",
    is_answer: |answer| answer.starts_with(b"\x01\x00\x00"),
};

/// Making a virtual host costs a start of `rabbitmqctl`, most of a second; making some more of them at once, little.
const VHOSTS_AT_ONCE: usize = 8;

/// A RabbitMQ broker.
#[derive(Debug)]
pub struct RabbitMq {
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// Somebody's, by its URL.
    Given(String),
    Own(Box<Own>),
}

#[derive(Debug)]
struct Own {
    server: Server,
    ports: Ports,
    password: String,
    ctl: Ctl,
    /// Virtual hosts that nobody has been given.
    unused: Mutex<Vec<String>>,
}

impl RabbitMq {
    /// The one broker of this test program: that of `CHIMERA_TEST_AMQP_URL` if it is set, else one that is started on first
    /// use and ends with the process.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<RabbitMq> = OnceLock::new();
        SHARED.get_or_init(|| {
            KIND.given_url().map_or_else(Self::start, |url| Self {
                place: Place::Given(url),
            })
        })
    }

    /// A broker of one's own. It ends when it is dropped.
    pub fn start() -> Self {
        Self::start_with(RabbitMqSetup::default())
    }

    /// A broker of one's own, set up as wanted.
    #[expect(clippy::needless_pass_by_value, reason = "it is made for this call")]
    pub fn start_with(setup: RabbitMqSetup) -> Self {
        let origin = KIND.origin();
        let password = format!("{:016x}", crate::ports::random());
        let (server, (ports, ctl)) = Server::start(KIND, GREETING, |directory| {
            run::prepare(&origin, directory, &setup, &password)
        });
        let own = Own {
            server,
            ports,
            password,
            ctl,
            unused: Mutex::default(),
        };
        own.wait_for_all_listeners();
        Self {
            place: Place::Own(Box::new(own)),
        }
    }

    /// Whether it was started by the test. Somebody else's cannot be stopped, and has no `rabbitmqctl`.
    pub fn is_own(&self) -> bool {
        matches!(self.place, Place::Own(_))
    }

    /// Its URL with the virtual host `/`: `amqp://user:password@127.0.0.1:port/%2f`.
    pub fn url(&self) -> String {
        match &self.place {
            Place::Given(url) => url.clone(),
            Place::Own(own) => own.url("%2f"),
        }
    }

    /// Where it takes connections with TLS, when it was set up with certificates.
    pub fn amqps_port(&self) -> Option<u16> {
        self.own().ports.amqps
    }

    /// Where the management plugin serves its page and its API, when it was asked for.
    pub fn management_port(&self) -> Option<u16> {
        self.own().ports.management
    }

    /// The URL of a virtual host that nobody else uses. Somebody's broker, which only has the one of its URL, returns that.
    pub fn new_vhost(&self) -> String {
        let Place::Own(own) = &self.place else {
            return self.url();
        };
        let mut unused = own.unused.lock().expect("no holder of it panics");
        if unused.is_empty() {
            unused.extend(own.ctl.new_vhosts(run::USER, VHOSTS_AT_ONCE));
        }
        own.url(&unused.pop().expect("some were made"))
    }

    /// Asks it to end, and returns when it has. Nothing happens when it does not run.
    pub fn stop(&self) {
        self.own().server.stop();
    }

    /// Ends it like a loss of power would. Nothing happens when it does not run.
    pub fn kill(&self) {
        self.own().server.kill();
    }

    /// Starts it on the same ports with the same data, and returns when it answers.
    pub fn start_again(&self) {
        self.own().server.start_again();
        self.own().wait_for_all_listeners();
    }

    /// Stops its clock: it neither answers nor closes its connections, like a broker behind a broken network.
    pub fn pause(&self) {
        self.own().server.pause();
    }

    /// Ends a pause.
    pub fn resume(&self) {
        self.own().server.resume();
    }

    /// Runs `rabbitmqctl` with these arguments, and returns what it prints.
    ///
    /// # Panics
    /// When it fails, with what it said.
    pub fn ctl(&self, arguments: &[&str]) -> String {
        self.own().ctl.run(arguments)
    }

    fn own(&self) -> &Own {
        match &self.place {
            Place::Own(own) => own,
            Place::Given(_) => panic!(
                "this needs a broker of the test's own: call `start` instead of `shared`, or unset {}",
                KIND.url
            ),
        }
    }
}

impl Own {
    /// AMQP without TLS comes first.
    fn wait_for_all_listeners(&self) {
        if self.ports.amqps.is_some() || self.ports.management.is_some() {
            self.ctl.run(&["await_startup"]);
        }
    }

    fn url(&self, vhost: &str) -> String {
        let (user, password, port) = (run::USER, &self.password, self.server.port());
        format!("amqp://{user}:{password}@127.0.0.1:{port}/{vhost}")
    }
}
