//! A connection that is made again whenever it ends.

use std::{fmt, future::Future, net::SocketAddr, sync::Arc, time::Duration};

use futures_util::StreamExt;
use lapin::{Channel, Connection, ConnectionState, ErrorKind, Event};
use tokio::sync::watch;

use super::{
    Retry,
    address::Login,
    connect::{Connector, Opened, Purpose, Socket},
    connectivity::{Connectivity, Reporter},
    error::{BrokerError, ConnectError},
};

/// How often a connection is looked at, besides what it tells by itself.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How long a connection may take to end.
const CLOSE_IN: Duration = Duration::from_secs(2);

/// One of a bus's connections, as those see it that use it. Whoever keeps it up is [`Keeper`].
#[derive(Clone)]
pub(super) struct Link {
    phase: watch::Receiver<Phase>,
    login: Arc<Login>,
}

#[derive(Clone)]
enum Phase {
    Up(Arc<Live>),
    Down { why: Arc<str> },
}

/// A connection while it lives.
pub(super) struct Live {
    connection: Connection,
    socket: Socket,
    peer: Option<SocketAddr>,
    ended: watch::Sender<bool>,
}

impl Link {
    /// The connection, once there is one. `None` when the bus was closed.
    pub(super) async fn up(&mut self) -> Option<Arc<Live>> {
        let phase = self
            .phase
            .wait_for(|phase| matches!(phase, Phase::Up(live) if live.is_up()));
        match &*phase.await.ok()? {
            Phase::Up(live) => Some(live.clone()),
            Phase::Down { .. } => None,
        }
    }

    /// The connection, if there is one now.
    pub(super) fn now(&self) -> Option<Arc<Live>> {
        match &*self.phase.borrow() {
            Phase::Up(live) => Some(live.clone()),
            Phase::Down { .. } => None,
        }
    }

    /// The address that was reached, if there is a connection now.
    pub(super) fn peer(&self) -> Option<SocketAddr> {
        match &*self.phase.borrow() {
            Phase::Up(live) => live.peer,
            Phase::Down { .. } => None,
        }
    }

    /// Why there is no connection at the moment.
    pub(super) fn why_down(&self) -> Option<String> {
        match &*self.phase.borrow() {
            Phase::Up(_) => None,
            Phase::Down { why } => Some(why.to_string()),
        }
    }

    /// Ends the connection as AMQP has it. Whoever keeps it up has to be stopped before.
    pub(super) async fn close(&self) {
        let Some(live) = self.now() else { return };
        let farewell = live.connection.close(200, "the agent stops".into());
        // It may have ended by itself, and a broker that blocks publishing does not hear it.
        let _ = tokio::time::timeout(CLOSE_IN, farewell).await;
        live.end();
    }

    /// What `error` means on this connection.
    pub(super) fn explain(&self, error: &lapin::Error) -> BrokerError {
        BrokerError::of(error, &self.login)
    }

    /// Who is logged in where.
    pub(super) fn login(&self) -> &Login {
        &self.login
    }
}

impl Live {
    fn new(opened: Opened) -> Self {
        let Opened { connection, socket } = opened;
        Self {
            connection,
            peer: socket.peer(),
            socket,
            ended: watch::Sender::new(false),
        }
    }

    /// A new channel, to be waited for under [`Live::answer`]. The client never gives the number of a channel back that the
    /// broker closed; a connection whose numbers are used up is ended, so that the next one is made.
    pub(super) async fn channel(&self) -> lapin::Result<Channel> {
        let created = self.connection.create_channel().await;
        if let Err(error) = &created
            && matches!(error.kind(), ErrorKind::ChannelsLimitReached)
        {
            tracing::warn!(
                "the channels of a connection to RabbitMQ are used up: it is made again; \
                 each one was closed by an error, which RabbitMQ's log has"
            );
            self.socket.shut();
        }
        created
    }

    /// What the broker answers. Some of what the client is asked as its connection ends it leaves without an answer for
    /// ever; here, that is an error as soon as the end is seen.
    pub(super) async fn answer<T>(
        &self,
        asked: impl Future<Output = lapin::Result<T>>,
    ) -> lapin::Result<T> {
        tokio::select! {
            biased;
            answer = asked => answer,
            error = self.ended() => Err(error),
        }
    }

    /// Waits for the end of the connection, and is the error that it means.
    pub(super) async fn ended(&self) -> lapin::Error {
        let mut ended = self.ended.subscribe();
        // The sender is our own.
        let _ = ended.wait_for(|ended| *ended).await;
        ErrorKind::InvalidConnectionState(ConnectionState::Closed).into()
    }

    /// Nothing more comes of it. A blocked connection would be kept by the client's thread.
    fn end(&self) {
        self.socket.shut();
        self.ended.send_replace(true);
    }

    pub(super) fn is_up(&self) -> bool {
        self.connection.status().connected()
    }
}

/// Keeps one connection up.
pub(super) struct Keeper {
    purpose: Purpose,
    connector: Connector,
    retry: Retry,
    reporter: Arc<Reporter>,
    phase: watch::Sender<Phase>,
}

impl Keeper {
    /// Opens the connection for the first time, and only once.
    pub(super) async fn open(
        purpose: Purpose,
        connector: Connector,
        retry: Retry,
        reporter: Arc<Reporter>,
    ) -> Result<(Self, Link), ConnectError> {
        let live = Live::new(connector.connect(purpose).await?);
        let (phase, watching) = watch::channel(Phase::Up(Arc::new(live)));
        let link = Link {
            phase: watching,
            login: Arc::new(connector.login()),
        };
        let keeper = Self {
            purpose,
            connector,
            retry,
            reporter,
            phase,
        };
        Ok((keeper, link))
    }

    /// For ever: until the task is aborted.
    pub(super) async fn keep(self) {
        loop {
            let live = match &*self.phase.borrow() {
                Phase::Up(live) => Some(live.clone()),
                Phase::Down { .. } => None,
            };
            if let Some(live) = live {
                let why = self.watch(&live).await;
                self.down(&why);
                live.end();
            }
            let live = self.reconnect().await;
            self.phase.send_replace(Phase::Up(Arc::new(live)));
            self.reporter.set(self.purpose, Connectivity::Connected);
        }
    }

    /// Follows a connection to its end, and says what ended it.
    async fn watch(&self, live: &Live) -> String {
        let mut events = Box::pin(live.connection.events_listener());
        let mut look = tokio::time::interval(LOOK_EVERY);
        let mut blocked = false;
        loop {
            let why = tokio::select! {
                event = events.next() => match event {
                    Some(Event::ConnectionBlocked(reason)) => {
                        blocked = true;
                        self.reporter.set(self.purpose, Connectivity::Blocked { reason });
                        None
                    }
                    Some(Event::Error(error)) => Some(error.to_string()),
                    Some(_) => None,
                    None => Some("it was closed".to_owned()),
                },
                _ = look.tick() => None,
            };
            let status = live.connection.status();
            if !status.connected() {
                return why.unwrap_or_else(|| "it ended".to_owned());
            }
            if blocked && !status.blocked() {
                blocked = false;
                self.reporter.set(self.purpose, Connectivity::Connected);
            } else if status.blocked() && !blocked {
                // The notice came before anybody listened.
                blocked = true;
                let reason = "it is short of memory or disk".to_owned();
                self.reporter
                    .set(self.purpose, Connectivity::Blocked { reason });
            }
        }
    }

    async fn reconnect(&self) -> Live {
        let mut failures = 0;
        loop {
            match self.connector.connect(self.purpose).await {
                Ok(opened) => return Live::new(opened),
                Err(error) => {
                    failures += 1;
                    self.down(&error.to_string());
                }
            }
            tokio::time::sleep(self.retry.pause(failures)).await;
        }
    }

    fn down(&self, why: &str) {
        self.phase.send_replace(Phase::Down { why: why.into() });
        let why = why.to_owned();
        self.reporter
            .set(self.purpose, Connectivity::Disconnected { why });
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let up = matches!(&*self.phase.borrow(), Phase::Up(_));
        f.debug_struct("Link")
            .field("up", &up)
            .finish_non_exhaustive()
    }
}
