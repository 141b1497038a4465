//! A client that costs next to nothing, since it shares the machine with what it measures.

use std::{io, net::SocketAddr};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// One connection to the API, on which questions are asked one after the other.
#[derive(Debug)]
pub(crate) struct Client {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            received: Vec::new(),
        })
    }

    /// Asks, waits for the answer, and returns its JSON as it came.
    ///
    /// # Panics
    /// When the question is not answered with 200.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> io::Result<&[u8]> {
        self.stream.write_all(request).await?;
        self.received.clear();
        let (head, length) = loop {
            self.read().await?;
            if let Some(found) = head_of(&self.received) {
                break found;
            }
        };
        while self.received.len() < head + length {
            self.read().await?;
        }
        let text = String::from_utf8_lossy(&self.received);
        assert!(text.starts_with("HTTP/1.1 200"), "{text}");
        Ok(&self.received[head..])
    }

    async fn read(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.received).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

/// How long the head is, and the body after it.
fn head_of(received: &[u8]) -> Option<(usize, usize)> {
    let end = received.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&received[..end]).expect("a head is text");
    let length = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse().ok())
        .expect("an answer says how long it is");
    Some((end + 4, length))
}

/// The bytes that ask `question`.
pub(crate) fn request(question: &str) -> Vec<u8> {
    let body = json!({ "query": question }).to_string();
    let length = body.len();
    format!(
        "POST /api/queries HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nprefer: wait=30\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Looks once whether the answer is one: what is measured over and over should not be a failure.
pub(crate) fn check(answer: &[u8]) {
    let answer: Value = serde_json::from_slice(answer).expect("an answer is JSON");
    assert_eq!(answer["status"], "completed", "{answer:#}");
}
