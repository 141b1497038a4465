//! What the driver's monitors see of the servers, without a call of ours.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use mongodb::{
    ServerType,
    error::Error,
    event::{EventHandler, sdam::SdamEvent},
    options::ServerAddress,
};

const DEFAULT_PORT: u16 = 27017;

/// Which servers there are, which of them takes writes, and what each failed with last. A cheap clone.
#[derive(Clone)]
pub(super) struct Watch(Arc<Seen>);

struct Seen {
    named: Vec<Address>,
    servers: Arc<str>,
    now: Mutex<Now>,
}

#[derive(Default)]
struct Now {
    primary: Option<Address>,
    /// Of servers that cannot be reached: why, the last time.
    failures: BTreeMap<Address, Error>,
}

/// Where a server is, as `server.address` and `server.port` have it. A cheap clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) struct Address {
    pub(in super::super) host: Arc<str>,
    pub(in super::super) port: u16,
}

impl Watch {
    pub(super) fn new(hosts: &[ServerAddress]) -> Self {
        let named: Vec<_> = hosts.iter().map(Address::of).collect();
        let texts: Vec<_> = named.iter().map(Address::to_string).collect();
        Self(Arc::new(Seen {
            named,
            servers: texts.join(", ").into(),
            now: Mutex::default(),
        }))
    }

    /// What the driver tells its events to.
    pub(super) fn handler(&self) -> EventHandler<SdamEvent> {
        let watch = self.clone();
        EventHandler::callback(move |event| watch.see(event))
    }

    /// The servers of the configuration, as `host:port` separated by commas.
    pub(super) fn servers(&self) -> Arc<str> {
        Arc::clone(&self.0.servers)
    }

    /// The server that takes writes; while it is not known, the first one of the configuration.
    pub(super) fn address(&self) -> Option<Address> {
        let primary = self.now(|now| now.primary.clone());
        primary.or_else(|| self.0.named.first().cloned())
    }

    /// Why a server could not be reached, the last time that one was tried.
    pub(super) fn last_failure(&self) -> Option<Error> {
        self.now(|now| now.failures.values().next().cloned())
    }

    fn see(&self, event: SdamEvent) {
        match event {
            SdamEvent::ServerHeartbeatFailed(event) => {
                let address = Address::of(&event.server_address);
                self.now(|now| now.failures.insert(address, event.failure));
            }
            SdamEvent::ServerDescriptionChanged(event) => {
                let address = Address::of(&event.address);
                let takes_writes = matches!(
                    event.new_description.server_type(),
                    ServerType::Standalone | ServerType::Mongos | ServerType::RsPrimary
                );
                self.now(|now| {
                    if event.new_description.error().is_none() {
                        now.failures.remove(&address);
                    }
                    if takes_writes {
                        now.primary = Some(address);
                    } else if now.primary.as_ref() == Some(&address) {
                        now.primary = None;
                    }
                });
            }
            SdamEvent::ServerClosed(event) => {
                let address = Address::of(&event.address);
                self.now(|now| now.failures.remove(&address));
            }
            _ => {}
        }
    }

    fn now<T>(&self, look: impl FnOnce(&mut Now) -> T) -> T {
        look(&mut self.0.now.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watch").field(&self.0.servers).finish()
    }
}

impl Address {
    fn of(address: &ServerAddress) -> Self {
        match address {
            ServerAddress::Tcp { host, port } => Self {
                host: host.as_str().into(),
                port: port.unwrap_or(DEFAULT_PORT),
            },
            other => Self {
                host: other.to_string().into(),
                port: 0,
            },
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}
