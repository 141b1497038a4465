//! What RabbitMQ refuses, in words that say what to do.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use lapin::ErrorKind;

use super::address::{Address, Login};
use crate::{QueueName, tls::CertificateFault};

/// There is no connection to RabbitMQ. Each error says what, where, and what to do; none has the password.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ConnectError {
    /// The URL cannot be read.
    #[error("the URL of RabbitMQ is wrong: {problem}")]
    Url {
        /// What is wrong with it.
        problem: String,
    },
    /// The file with certificates cannot be used.
    #[error("the certificates in {path} cannot be read", path = .path.display())]
    CaFile {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Arc<io::Error>,
    },
    /// Nobody answers there, or not in time. It may pass: the broker may be starting.
    #[error(
        "RabbitMQ cannot be reached at {place} ({why}): is it running, and is that its address?"
    )]
    Unreachable {
        /// `host:port`, or several.
        place: String,
        /// What the network said.
        why: String,
    },
    /// The user or the password is wrong.
    #[error(
        "RabbitMQ at {place} refuses user `{user}`: check name and password, and that the user may log in from here"
    )]
    AccessRefused {
        /// `host:port`.
        place: String,
        /// The user.
        user: String,
    },
    /// The virtual host is not there.
    #[error(
        "RabbitMQ at {place} has no virtual host `{vhost}`: create it with `rabbitmqctl add_vhost {vhost}` or change the URL"
    )]
    NoVhost {
        /// `host:port`.
        place: String,
        /// The virtual host.
        vhost: String,
    },
    /// The user may not use the virtual host.
    #[error(
        "RabbitMQ at {place} does not let user `{user}` into virtual host `{vhost}`: grant it with `rabbitmqctl set_permissions -p {vhost} {user} '.*' '.*' '.*'`"
    )]
    VhostRefused {
        /// `host:port`.
        place: String,
        /// The user.
        user: String,
        /// The virtual host.
        vhost: String,
    },
    /// The broker's certificate is not accepted.
    #[error(
        "the certificate of RabbitMQ at {place} {} ({why})", .fault.explained("bus")
    )]
    Certificate {
        /// `host:port`.
        place: String,
        /// What is wrong with it.
        fault: CertificateFault,
        /// What TLS said.
        why: String,
    },
    /// The TLS handshake failed: most often the port speaks no TLS.
    #[error(
        "no TLS with RabbitMQ at {place} ({why}): does that port speak TLS? where it does not, `bus.url` must begin with `amqp://`"
    )]
    Tls {
        /// `host:port`.
        place: String,
        /// What TLS said.
        why: String,
    },
    /// The exchanges that messages go through cannot be had: most often for lack of a permission.
    #[error("the exchanges of Chimera cannot be had")]
    Exchanges {
        /// What RabbitMQ said.
        #[source]
        source: BrokerError,
    },
    /// Something else answers there, or RabbitMQ said something unexpected.
    #[error(
        "what answers at {place} does not speak AMQP 0-9-1 as expected ({why}): check the port"
    )]
    Protocol {
        /// `host:port`.
        place: String,
        /// What was said.
        why: String,
    },
}

impl ConnectError {
    /// Whether waiting may help. Otherwise somebody has to change something.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }

    /// What it means that opening a connection to `address` failed with `error`.
    pub(super) fn of(error: &lapin::Error, address: &Address) -> Self {
        let place = address.place();
        match error.kind() {
            ErrorKind::ProtocolError(refusal) => {
                let text = refusal.get_message().as_str();
                let (user, vhost) = (address.user().to_owned(), address.vhost().to_owned());
                match refusal.get_id() {
                    403 => Self::AccessRefused { place, user },
                    530 if text.contains("not found") => Self::NoVhost { place, vhost },
                    530 if text.contains("limit") => Self::unreachable(place, text),
                    530 => Self::VhostRefused { place, user, vhost },
                    // 320: the broker is going down; 541: the virtual host is, or is starting.
                    320 | 541 => Self::unreachable(place, text),
                    _ => Self::protocol(place, text),
                }
            }
            ErrorKind::IOError(io) => Self::of_io(io, place),
            ErrorKind::ParsingError(_) => Self::protocol(place, "its first words are not AMQP"),
            ErrorKind::MissingHeartbeatError => Self::unreachable(place, "it went silent"),
            other => Self::protocol(place, &lapin::Error::from(other.clone()).to_string()),
        }
    }

    /// What it means that the exchanges were not given.
    pub(super) fn of_exchanges(error: BrokerError, login: &Login) -> Self {
        match error {
            BrokerError::Lost { why } => Self::Unreachable {
                place: login.places.clone(),
                why,
            },
            source => Self::Exchanges { source },
        }
    }

    fn of_io(io: &io::Error, place: String) -> Self {
        match io.get_ref().and_then(|inner| inner.downcast_ref::<Stage>()) {
            Some(Stage::Tls(tls)) => {
                let why = tls.to_string();
                match CertificateFault::of(tls) {
                    Some(fault) => Self::Certificate { place, fault, why },
                    None if tls.kind() == io::ErrorKind::TimedOut => Self::unreachable(place, &why),
                    None => Self::Tls { place, why },
                }
            }
            Some(Stage::Tcp(tcp)) => Self::unreachable(place, &tcp.to_string()),
            // The connection was made and then ended: by a proxy without a server behind it, or by a broker that stops.
            None => Self::unreachable(place, &io.to_string()),
        }
    }

    pub(super) fn unreachable(place: String, why: &str) -> Self {
        Self::Unreachable {
            place,
            why: why.to_owned(),
        }
    }

    pub(super) fn protocol(place: String, why: &str) -> Self {
        Self::Protocol {
            place,
            why: why.to_owned(),
        }
    }
}

/// How far opening a connection came, carried through the client's I/O errors.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stage {
    #[error("connecting")]
    Tcp(#[source] io::Error),
    #[error("securing the connection")]
    Tls(#[source] io::Error),
}

impl From<Stage> for lapin::Error {
    fn from(stage: Stage) -> Self {
        io::Error::other(stage).into()
    }
}

/// Why RabbitMQ did not do what it was asked; the source of the bus's `Broker` errors.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokerError {
    /// There was no connection.
    #[error("no connection to RabbitMQ for {:.1} s: {why}", .waited.as_secs_f64())]
    NotConnected {
        /// How long was waited.
        waited: Duration,
        /// Why there is none.
        why: String,
    },
    /// The broker takes no messages, being short of memory or disk.
    #[error("RabbitMQ has blocked publishing for {:.1} s: {reason}", .waited.as_secs_f64())]
    Blocked {
        /// How long was waited.
        waited: Duration,
        /// What it is short of.
        reason: String,
    },
    /// The broker did not answer in time.
    #[error("RabbitMQ did not answer within {:.1} s", .waited.as_secs_f64())]
    Silent {
        /// How long was waited.
        waited: Duration,
    },
    /// The connection ended while the broker was to answer.
    #[error("the connection to RabbitMQ was lost: {why}")]
    Lost {
        /// What ended it.
        why: String,
    },
    /// A queue did not take the message.
    #[error(
        "RabbitMQ refused the message: a queue that it goes to is full, or has lost its majority"
    )]
    Nacked,
    /// The user lacks a permission.
    #[error(
        "RabbitMQ at {place} does not let user `{user}` do this in virtual host `{vhost}` ({what}): grant it with `rabbitmqctl set_permissions -p {vhost} {user} '.*' '.*' '.*'`"
    )]
    Forbidden {
        /// `host:port`, several separated by commas.
        place: String,
        /// The user.
        user: String,
        /// The virtual host.
        vhost: String,
        /// What it wanted, in RabbitMQ's words.
        what: String,
    },
    /// The broker closed the channel over what was asked.
    #[error("RabbitMQ at {place} refused: {text}")]
    Refused {
        /// `host:port`, several separated by commas.
        place: String,
        /// AMQP's code.
        code: u16,
        /// What RabbitMQ said.
        text: String,
    },
    /// A property or a header is longer than AMQP has room for.
    #[error("{what} has {length} bytes; AMQP takes at most {limit}")]
    TooLong {
        /// Which.
        what: String,
        /// Bytes.
        length: usize,
        /// Bytes.
        limit: usize,
    },
}

impl BrokerError {
    /// What the client's `error` means on a connection of `login`.
    pub(super) fn of(error: &lapin::Error, login: &Login) -> Self {
        match error.kind() {
            ErrorKind::ProtocolError(refusal) if error.is_amqp_soft_error() => {
                let text = refusal.get_message().to_string();
                let place = login.places.clone();
                match refusal.get_id() {
                    403 => Self::Forbidden {
                        place,
                        user: login.user.clone(),
                        vhost: login.vhost.clone(),
                        what: wanted(&text).to_owned(),
                    },
                    code => Self::Refused { place, code, text },
                }
            }
            _ => Self::Lost {
                why: error.to_string(),
            },
        }
    }
}

/// What was wanted, in `ACCESS_REFUSED - write access to exchange 'e' in vhost '/' refused for user 'ann'`: the rest is said
/// anyway.
fn wanted(text: &str) -> &str {
    let text = text.strip_prefix("ACCESS_REFUSED - ").unwrap_or(text);
    text.split(" in vhost '").next().unwrap_or(text)
}

/// A queue that exists as something else, as RabbitMQ says it: `PRECONDITION_FAILED - inequivalent arg 'x-queue-type'
/// for queue 'q' in vhost '/': received 'quorum' but current is 'classic'`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Conflict {
    pub(super) queue: QueueName,
    pub(super) argument: String,
    pub(super) wanted: String,
    pub(super) found: String,
}

impl Conflict {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (_, after) = text.split_once("inequivalent arg '")?;
        let (argument, after) = after.split_once("' for queue '")?;
        let (queue, after) = after.split_once("' in vhost '")?;
        let (_, after) = after.split_once("': received ")?;
        let (wanted, found) = after.split_once(" but current is ")?;
        let value = |text: &str| {
            let text = text.strip_prefix("the value ").unwrap_or(text);
            text.split(" of type ")
                .next()
                .unwrap_or(text)
                .trim_matches('\'')
                .to_owned()
        };
        Some(Self {
            queue: QueueName::new(queue).ok()?,
            argument: argument.to_owned(),
            wanted: value(wanted),
            found: value(found),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conflict_is_read_from_what_rabbitmq_says() {
        fn check(values: &str, wanted: &str, found: &str) {
            let text = format!(
                "PRECONDITION_FAILED - inequivalent arg 'x-delivery-limit' for queue 'q' in vhost '/': {values}"
            );
            let conflict = Conflict::parse(&text).unwrap();
            assert_eq!(
                (&*conflict.wanted, &*conflict.found),
                (wanted, found),
                "{values}"
            );
            assert_eq!(
                (conflict.queue.as_str(), &*conflict.argument),
                ("q", "x-delivery-limit")
            );
        }
        check("received '76' but current is '4'", "76", "4");
        check(
            "received none but current is the value '4' of type 'signedint'",
            "none",
            "4",
        );
        check(
            "received the value '4' of type 'long' but current is none",
            "4",
            "none",
        );
    }

    #[test]
    fn what_was_wanted_is_said_once() {
        fn check(text: &str, expected: &str) {
            assert_eq!(wanted(text), expected);
        }
        check(
            "ACCESS_REFUSED - configure access to queue 'q.dlq' in vhost '/' refused for user 'ann'",
            "configure access to queue 'q.dlq'",
        );
        check("something else", "something else");
    }

    #[test]
    fn other_refusals_are_no_conflicts() {
        assert_eq!(
            Conflict::parse("NOT_FOUND - no queue 'q' in vhost '/'"),
            None
        );
        assert_eq!(
            Conflict::parse("PRECONDITION_FAILED - message size 5 is larger than 4"),
            None
        );
    }
}
