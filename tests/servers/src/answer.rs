//! Whether a server answers, in its own protocol: that somebody accepts connections says little, as Docker does that before
//! the server in the container has started.

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, TcpStream, ToSocketAddrs},
    time::Duration,
};

const TIMEOUT: Duration = Duration::from_secs(2);

/// What is said to a server, and whether the beginning of what it says then is an answer to that.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Greeting {
    pub(crate) says: &'static [u8],
    pub(crate) is_answer: fn(&[u8]) -> bool,
}

impl Greeting {
    /// Whether who listens on `port` answers as expected.
    pub(crate) fn is_answered(&self, port: u16) -> bool {
        let address = (Ipv4Addr::LOCALHOST, port);
        exchange(address, self.says, |answer| !answer.is_empty())
            .is_ok_and(|answer| (self.is_answer)(&answer))
    }
}

/// Connects, says `request`, and returns what is answered until that is whole or the server hangs up.
///
/// # Errors
/// When nobody listens, or says too little in time.
pub(crate) fn exchange(
    address: impl ToSocketAddrs,
    request: &[u8],
    is_whole: impl Fn(&[u8]) -> bool,
) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.write_all(request)?;
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while !is_whole(&answer) {
        match stream.read(&mut buffer)? {
            0 => break,
            read => answer.extend_from_slice(&buffer[..read]),
        }
    }
    Ok(answer)
}
