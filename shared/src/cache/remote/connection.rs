//! One connection to Redis, on which everybody's commands follow each other without waiting; made when it is needed, and
//! made again after it broke.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use redis::{AsyncConnectionConfig, Cmd, FromRedisValue, aio::MultiplexedConnection};
use tokio::{
    sync::OnceCell,
    time::{Instant, timeout},
};

use super::{RedisError, address::Address, error::Asked, resolver::Resolver};
use crate::telemetry::Peer;

/// How long no new connection is tried after one failed: everybody fails at once then, and nobody waits for a server that
/// does not even refuse.
const REST: Duration = Duration::from_secs(1);

/// How this program shows itself in Redis's list of clients.
const CLIENT_NAME: &str = concat!("chimera/", env!("CARGO_PKG_VERSION"));

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) address: Address,
    connect_timeout: Duration,
    timeout: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Whoever comes first fills it, and those who come meanwhile wait for that.
    current: Arc<OnceCell<Open>>,
    /// The last attempt to connect, where it failed.
    failed: Option<(Instant, RedisError)>,
}

#[derive(Debug)]
struct Open {
    connection: MultiplexedConnection,
    peer: Option<SocketAddr>,
}

impl Connection {
    pub(super) fn new(address: Address, connect_timeout: Duration, timeout: Duration) -> Self {
        Self {
            address,
            connect_timeout,
            timeout,
            state: Mutex::default(),
        }
    }

    /// Who is at the other end, while there is a connection and where it is known.
    pub(super) fn peer(&self) -> Option<SocketAddr> {
        self.state().current.get()?.peer
    }

    /// The answer to `command`, which is sent a second time when the connection breaks: it may just have been found dead,
    /// and so the command must be one that can be done twice.
    pub(super) async fn ask<T: FromRedisValue>(
        &self,
        name: &'static str,
        command: &Cmd,
    ) -> Result<T, RedisError> {
        let within = self.connect_timeout + self.timeout;
        let asking = async {
            match self.ask_once(name, command).await {
                Err(RedisError::Interrupted { .. }) => self.ask_once(name, command).await,
                result => result,
            }
        };
        timeout(within, asking).await.unwrap_or_else(|_| {
            Err(RedisError::Timeout {
                server: Arc::clone(&self.address.server),
                after: within,
            })
        })
    }

    async fn ask_once<T: FromRedisValue>(
        &self,
        name: &'static str,
        command: &Cmd,
    ) -> Result<T, RedisError> {
        let current = Arc::clone(&self.state().current);
        let open = current.get_or_try_init(|| self.connect()).await?;
        let answer = self.on(&open.connection, name, command).await;
        answer.inspect_err(|error| {
            if error.wants_new_connection() {
                self.give_up(&current);
            }
        })
    }

    async fn on<T: FromRedisValue>(
        &self,
        connection: &MultiplexedConnection,
        name: &'static str,
        command: &Cmd,
    ) -> Result<T, RedisError> {
        let answer = command.query_async(&mut connection.clone()).await;
        answer.map_err(|error| {
            let asked = Asked {
                server: &self.address.server,
                command: name,
                database: self.address.database,
                within: self.timeout,
            };
            RedisError::of_command(asked, error)
        })
    }

    /// Has the next command make a new connection, unless another one has already seen to that.
    fn give_up(&self, broken: &Arc<OnceCell<Open>>) {
        let mut state = self.state();
        if Arc::ptr_eq(&state.current, broken) {
            state.current = Arc::default();
        }
    }

    async fn connect(&self) -> Result<Open, RedisError> {
        if let Some(error) = self.resting() {
            return Err(error);
        }
        let connecting = timeout(self.connect_timeout, self.connect_now());
        let result = connecting.await.unwrap_or_else(|_| {
            Err(RedisError::Timeout {
                server: Arc::clone(&self.address.server),
                after: self.connect_timeout,
            })
        });
        self.note(result.as_ref().err());
        result
    }

    async fn connect_now(&self) -> Result<Open, RedisError> {
        let peer = Arc::<Peer>::default();
        let config = AsyncConnectionConfig::new()
            .set_dns_resolver(Resolver(Arc::clone(&peer)))
            .set_connection_timeout(None)
            .set_response_timeout(Some(self.timeout));
        let client = &self.address.client;
        let connection = client
            .get_multiplexed_async_connection_with_config(&config)
            .await
            .map_err(|error| {
                RedisError::of_connecting(&self.address.server, self.connect_timeout, error)
            })?;
        self.introduce(&connection)
            .await
            .map_err(|error| match error {
                RedisError::Interrupted { server, source } => RedisError::HungUp { server, source },
                error => error,
            })?;
        Ok(Open {
            connection,
            peer: peer.get(),
        })
    }

    /// Says who asks, and for which database. There is at least one answer to it, so that a connection is known to lead to
    /// a Redis that lets us in.
    async fn introduce(&self, connection: &MultiplexedConnection) -> Result<(), RedisError> {
        if let Some(login) = &self.address.login {
            let mut auth = Cmd::new();
            auth.arg("AUTH").arg(login.user.as_deref());
            auth.arg(login.password.expose());
            let () = self.on(connection, "AUTH", &auth).await?;
        }
        if self.address.database != 0 {
            let mut select = Cmd::new();
            select.arg("SELECT").arg(self.address.database);
            let () = self.on(connection, "SELECT", &select).await?;
        }
        let mut name = Cmd::new();
        name.arg("CLIENT").arg("SETNAME").arg(CLIENT_NAME);
        match self.on(connection, "CLIENT", &name).await {
            // Nobody needs the name, and not every user may set one.
            Ok(()) | Err(RedisError::Forbidden { .. } | RedisError::Refused { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Why there is no connection, while none is tried.
    fn resting(&self) -> Option<RedisError> {
        let state = self.state();
        let (since, error) = state.failed.as_ref()?;
        (since.elapsed() < REST).then(|| error.clone())
    }

    /// Writes down how an attempt to connect ended. The platform tells it, which looks at the cache now and then.
    fn note(&self, failure: Option<&RedisError>) {
        self.state().failed = failure.map(|error| (Instant::now(), error.clone()));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
