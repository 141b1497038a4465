//! A server that says what a test wants, and one that adds TLS to another.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    sync::Arc,
    thread,
};

use mongodb::bson::{Document, doc};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};

/// Listens until the process ends, a thread for each connection.
fn listen(serve: impl Fn(TcpStream) -> io::Result<()> + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for connection in listener.incoming() {
            let serve = Arc::clone(&serve);
            thread::spawn(move || serve(connection?));
        }
    });
    address
}

/// A server that greets like MongoDB and answers every other command with `answer`.
pub(super) fn answering(answer: impl Fn(&str) -> Document + Send + Sync + 'static) -> SocketAddr {
    listen(move |mut connection| {
        loop {
            let message = message(&mut connection)?;
            let opcode = i32::from_le_bytes(message[12..16].try_into().unwrap());
            // The first greeting is an old OP_QUERY: flags, the collection's name, two numbers and the document.
            let body = if opcode == 2004 {
                let name_end = message[20..].iter().position(|byte| *byte == 0).unwrap();
                20 + name_end + 1 + 8
            } else {
                21
            };
            let command = Document::from_reader(&message[body..]).unwrap();
            let name = command.keys().next().unwrap().as_str();
            let reply = match name {
                "hello" | "isMaster" | "ismaster" => doc! {
                    "ismaster": true, "helloOk": true, "maxWireVersion": 21, "minWireVersion": 0,
                    "maxBsonObjectSize": 16_777_216, "maxMessageSizeBytes": 48_000_000, "maxWriteBatchSize": 100_000,
                    "ok": 1.0,
                },
                name => answer(name),
            };
            let reply = reply.to_vec().unwrap();
            let (opcode, head): (i32, &[u8]) = match opcode {
                // OP_REPLY: flags, cursor, from, how many documents.
                2004 => (
                    1,
                    &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0],
                ),
                _ => (2013, &[0, 0, 0, 0, 0]),
            };
            let length = i32::try_from(16 + head.len() + reply.len()).unwrap();
            let mut answer = Vec::new();
            answer.extend(length.to_le_bytes());
            answer.extend([0; 4]);
            answer.extend(&message[4..8]);
            answer.extend(opcode.to_le_bytes());
            answer.extend(head);
            answer.extend(reply);
            connection.write_all(&answer)?;
        }
    })
}

/// An error as servers report it.
pub(super) fn error(code: i32, name: &str) -> Document {
    doc! { "ok": 0.0, "code": code, "codeName": name, "errmsg": "hunter2 was in the command" }
}

/// The server at `upstream` behind TLS.
pub(super) fn with_tls(upstream: SocketAddr, certificate: &Path, key: &Path) -> SocketAddr {
    let certificates = CertificateDer::pem_file_iter(certificate).unwrap();
    let certificates = certificates.collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_file(key).unwrap();
    crate::tls::install_crypto_provider();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .unwrap();
    let config = Arc::new(config);
    listen(move |connection| {
        let tls = ServerConnection::new(Arc::clone(&config)).map_err(io::Error::other)?;
        let mut client = StreamOwned::new(tls, connection);
        let mut server = TcpStream::connect(upstream)?;
        loop {
            server.write_all(&message(&mut client)?)?;
            client.write_all(&message(&mut server)?)?;
            client.flush()?;
        }
    })
}

/// A whole message: it begins with its length.
fn message(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut message = vec![0; usize::try_from(i32::from_le_bytes(length)).unwrap()];
    message[..4].copy_from_slice(&length);
    stream.read_exact(&mut message[4..])?;
    Ok(message)
}
