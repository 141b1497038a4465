//! One attempt to connect: every host once.

use std::{
    future::Future,
    io,
    net::{Shutdown, SocketAddr, TcpStream},
    os::fd::AsFd,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use lapin::{AsyncTcpStream, Connection, ConnectionProperties, tcp::OwnedTLSConfig};

use super::{
    Options,
    address::{Address, Login},
    error::{BrokerError, ConnectError, Stage},
};

/// What a connection is for. A broker that blocks publishers stops reading from their connections, and would not see
/// acknowledgements there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Publish,
    Consume,
}

impl Purpose {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Consume => "consume",
        }
    }

    /// The largest frame, bytes. The client keeps two buffers of 32 frames each; but what a queue holds may have been
    /// sent with headers as large as RabbitMQ's own default allows, and headers cannot be split.
    fn frame_max(self) -> u32 {
        match self {
            Self::Publish => 64 << 10,
            Self::Consume => 128 << 10,
        }
    }
}

/// A connection that was made.
pub(super) struct Opened {
    pub(super) connection: Connection,
    pub(super) socket: Socket,
}

/// Where and how to connect, read and checked.
#[derive(Clone)]
pub(super) struct Connector {
    addresses: Vec<Address>,
    tls: Arc<OwnedTLSConfig>,
    timeout: Duration,
    name: String,
}

impl Connector {
    pub(super) fn new(options: &Options) -> Result<Self, ConnectError> {
        let addresses =
            Address::parse(&options.urls).map_err(|problem| ConnectError::Url { problem })?;
        let mut tls = OwnedTLSConfig::default();
        if let Some(path) = &options.ca {
            let pem = std::fs::read_to_string(path).map_err(|error| ConnectError::CaFile {
                path: path.clone(),
                source: Arc::new(error),
            })?;
            tls.cert_chain = Some(pem);
        }
        let host = rustix::system::uname()
            .nodename()
            .to_string_lossy()
            .into_owned();
        Ok(Self {
            addresses,
            tls: Arc::new(tls),
            timeout: options.connect_timeout,
            name: format!("{}@{host}:{}", options.name, std::process::id()),
        })
    }

    /// Who connects: `agent@host:pid`, since several of an agent may share a host.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Who is logged in where.
    pub(super) fn login(&self) -> Login {
        Login::of(&self.addresses)
    }

    /// A connection to the first host that takes one. When none does: the error that somebody has to do
    /// something about, if there is one.
    pub(super) async fn connect(&self, purpose: Purpose) -> Result<Opened, ConnectError> {
        let mut silent = Vec::new();
        let mut refused = None;
        for address in &self.addresses {
            match self.connect_to(address, purpose).await {
                Ok(opened) => return Ok(opened),
                Err(ConnectError::Unreachable { place, why }) => silent.push((place, why)),
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        Err(refused.unwrap_or_else(|| unreachable(&silent)))
    }

    /// What it means that the exchanges could not be declared.
    pub(super) fn refused(&self, error: &lapin::Error) -> ConnectError {
        let login = self.login();
        ConnectError::of_exchanges(BrokerError::of(error, &login), &login)
    }

    async fn connect_to(
        &self,
        address: &Address,
        purpose: Purpose,
    ) -> Result<Opened, ConnectError> {
        let mut uri = address.uri.clone();
        uri.query.frame_max.get_or_insert(purpose.frame_max());
        let socket = Socket::default();
        let (tls, timeout) = (self.tls.clone(), self.timeout);
        let (at, held) = (address.clone(), socket.clone());
        let untaken = Untaken(Some(socket));
        let runtime = lapin::runtime::default_runtime()
            .map_err(|error| ConnectError::protocol(address.place(), &error.to_string()))?;
        let connecting = Connection::connector(
            uri,
            runtime,
            async move |_uri, runtime| {
                let plain = in_time(timeout, async {
                    AsyncTcpStream::connect(&runtime, &*at.resolve().await?).await
                });
                let plain = plain.await.map_err(Stage::Tcp)?;
                if let AsyncTcpStream::Plain(stream) = &plain {
                    held.hold(stream.get_ref());
                }
                if !at.is_tls() {
                    return Ok(plain);
                }
                let secured = in_time(timeout, plain.into_tls(at.host(), (*tls).as_ref()));
                Ok(secured.await.map_err(Stage::Tls)?)
            },
            self.properties(purpose),
        );
        // Connection, TLS and AMQP's own handshake each get the time.
        match tokio::time::timeout(timeout * 3, connecting).await {
            Ok(Ok(connection)) => Ok(Opened {
                connection,
                socket: untaken.take(),
            }),
            Ok(Err(error)) => Err(ConnectError::of(&error, address)),
            Err(_) => Err(silent(address)),
        }
    }

    /// What the management page shows of the connection. The client adds platform and capabilities.
    fn properties(&self, purpose: Purpose) -> ConnectionProperties {
        ConnectionProperties::default()
            .with_connection_name(format!("{} ({})", self.name, purpose.name()).into())
            .with_client_property("product".into(), "Chimera".into())
            .with_client_property("version".into(), env!("CARGO_PKG_VERSION").into())
            .with_client_property(
                "information".into(),
                "an agent of the Chimera platform".into(),
            )
    }
}

/// A broker that is starting, or too busy to answer; or another program that waits to be spoken to.
fn silent(address: &Address) -> ConnectError {
    let why = "it took the connection and then said nothing";
    ConnectError::unreachable(address.place(), why)
}

fn unreachable(silent: &[(String, String)]) -> ConnectError {
    let places: Vec<&str> = silent.iter().map(|(place, _)| place.as_str()).collect();
    ConnectError::Unreachable {
        place: places.join(", "),
        why: silent
            .last()
            .map(|(_, why)| why.clone())
            .unwrap_or_default(),
    }
}

async fn in_time<T>(
    timeout: Duration,
    doing: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    let late = |_| {
        let why = format!("no answer within {:.1} s", timeout.as_secs_f64());
        io::Error::new(io::ErrorKind::TimedOut, why)
    };
    tokio::time::timeout(timeout, doing).await.map_err(late)?
}

/// The socket of a connection. The client's own thread waits for the peer's words for as long as the socket is open, also
/// when nobody waits for the connection any more, and it writes nothing, not even its farewell, while the broker blocks
/// publishing: only shutting the socket ends it then.
#[derive(Clone, Default)]
pub(super) struct Socket(Arc<Mutex<Handle>>);

#[derive(Default)]
enum Handle {
    /// Not connected yet.
    #[default]
    None,
    Open(TcpStream),
    Shut,
}

impl Socket {
    fn hold(&self, stream: &impl AsFd) {
        // Without a second handle there is nothing to shut; the thread then ends when the peer does.
        let Ok(handle) = stream.as_fd().try_clone_to_owned() else {
            return;
        };
        let mut held = self.lock();
        let is_shut = matches!(*held, Handle::Shut);
        *held = Handle::Open(TcpStream::from(handle));
        drop(held);
        if is_shut {
            self.shut();
        }
    }

    /// Who is at its other end.
    pub(super) fn peer(&self) -> Option<SocketAddr> {
        match &*self.lock() {
            Handle::Open(stream) => stream.peer_addr().ok(),
            Handle::None | Handle::Shut => None,
        }
    }

    pub(super) fn shut(&self) {
        if let Handle::Open(stream) = std::mem::replace(&mut *self.lock(), Handle::Shut) {
            // Shut already, if the peer was faster.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Handle> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Shuts the socket of a connection that nobody takes.
struct Untaken(Option<Socket>);

impl Untaken {
    fn take(mut self) -> Socket {
        self.0.take().expect("it is taken once")
    }
}

impl Drop for Untaken {
    fn drop(&mut self) {
        if let Some(socket) = &self.0 {
            socket.shut();
        }
    }
}
