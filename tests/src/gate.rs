//! Holding a question in the middle.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use axum::{
    extract::{Request, State},
    middleware::{self, Next},
    response::Response,
};
use chimera_retrieval::recorded::{self, Recording};
use chimera_shared::config::{Config, SourceUrl};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy},
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
    time::timeout,
};

use crate::stack::PATIENCE;

/// The recorded sources behind a gate: who asks for a series waits while it is closed.
#[derive(Debug)]
pub struct Gate {
    address: SocketAddr,
    asked: mpsc::UnboundedReceiver<()>,
    open: watch::Sender<bool>,
}

#[derive(Clone)]
struct Gated {
    asked: mpsc::UnboundedSender<()>,
    open: watch::Receiver<bool>,
}

impl Gate {
    /// A closed gate. Its server ends with the test's runtime.
    ///
    /// # Errors
    /// When no address can be had.
    pub async fn closed() -> Result<Self> {
        let (tell, asked) = mpsc::unbounded_channel();
        let (open, is_open) = watch::channel(false);
        let gated = Gated {
            asked: tell,
            open: is_open,
        };
        let router = recorded::router(Recording::bundled())
            .layer(middleware::from_fn_with_state(gated, wait_at_gate));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        drop(tokio::spawn(
            async move { axum::serve(listener, router).await },
        ));
        Ok(Self {
            address,
            asked,
            open,
        })
    }

    /// Where the daily figures are had from, behind the gate.
    pub fn url(&self) -> String {
        format!("http://{}/coinmetrics", self.address)
    }

    /// Puts the gate in front of the source of daily figures.
    pub fn before_the_source(&self) -> impl FnOnce(&mut Config) + Send + use<> {
        let url = self.url();
        move |config| {
            config.sources.coinmetrics.url = SourceUrl::http(&url).expect("it is a URL");
        }
    }

    /// Waits until somebody stands at the gate. Each who comes is told once.
    ///
    /// # Errors
    /// When nobody comes.
    pub async fn reached(&mut self) -> Result<()> {
        let reached = timeout(PATIENCE, self.asked.recv()).await;
        reached
            .context("nobody has asked for a series")?
            .context("the source has ended")
    }

    /// Lets everybody through, from now on.
    pub fn open(&self) {
        self.open.send_replace(true);
    }
}

async fn wait_at_gate(State(mut gated): State<Gated>, request: Request, next: Next) -> Response {
    if request.uri().path().contains("timeseries") {
        // Neither a test that no longer listens nor one that has ended is waited for.
        let _ = gated.asked.send(());
        let _ = gated.open.wait_for(|open| *open).await;
    }
    next.run(request).await
}

/// A server behind a gate: who says a certain thing to it waits while the gate is closed, and what was said with it.
#[derive(Debug)]
pub struct ServerGate {
    address: SocketAddr,
    said: mpsc::UnboundedReceiver<()>,
    open: watch::Sender<bool>,
}

/// What a connection through a gate is given.
#[derive(Clone)]
struct Passage {
    server: SocketAddr,
    word: &'static [u8],
    said: mpsc::UnboundedSender<()>,
    open: watch::Receiver<bool>,
}

impl ServerGate {
    /// A closed gate in front of `server` for those who say `word`. It ends with the test's runtime.
    ///
    /// # Errors
    /// When no address can be had.
    pub async fn closed(server: SocketAddr, word: &'static [u8]) -> Result<Self> {
        let (tell, said) = mpsc::unbounded_channel();
        let (open, is_open) = watch::channel(false);
        let passage = Passage {
            server,
            word,
            said: tell,
            open: is_open,
        };
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        drop(tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                drop(tokio::spawn(passage.clone().lead(client)));
            }
        }));
        Ok(Self {
            address,
            said,
            open,
        })
    }

    /// Where the gate is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until somebody stands at the gate. Each who comes is told once.
    ///
    /// # Errors
    /// When nobody comes.
    pub async fn reached(&mut self) -> Result<()> {
        let reached = timeout(PATIENCE, self.said.recv()).await;
        reached
            .context("nobody has said it")?
            .context("the gate has ended")
    }

    /// Lets everybody through, from now on.
    pub fn open(&self) {
        self.open.send_replace(true);
    }
}

impl Passage {
    /// Until one of the two sides closes.
    async fn lead(self, mut client: TcpStream) -> std::io::Result<()> {
        let mut server = TcpStream::connect(self.server).await?;
        let (mut from_client, mut to_client) = client.split();
        let (mut from_server, mut to_server) = server.split();
        tokio::select! {
            forth = self.watched(&mut from_client, &mut to_server) => forth,
            back = copy(&mut from_server, &mut to_client) => back.map(|_| ()),
        }
    }

    /// A message comes in one piece: those of a test are smaller than what is read at once.
    async fn watched(
        mut self,
        from: &mut (impl tokio::io::AsyncRead + Unpin),
        to: &mut (impl tokio::io::AsyncWrite + Unpin),
    ) -> std::io::Result<()> {
        let mut piece = vec![0; 1 << 16];
        loop {
            let length = from.read(&mut piece).await?;
            if length == 0 {
                return Ok(());
            }
            if piece[..length]
                .windows(self.word.len())
                .any(|bytes| bytes == self.word)
            {
                // Neither a test that no longer listens nor one that has ended is waited for.
                let _ = self.said.send(());
                let _ = self.open.wait_for(|open| *open).await;
            }
            to.write_all(&piece[..length]).await?;
        }
    }
}
