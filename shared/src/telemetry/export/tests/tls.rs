//! TLS: an authority of one's own, a client that shows itself, and what is said where one of them is missing.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    sync::Arc,
    thread,
};

use chimera_servers::Certificates;
use rustls::{
    RootCertStore, ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::WebPkiClientVerifier,
};
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig};

use super::{failing::exporting, *};
use crate::{telemetry::LogBuffer, tls::install_crypto_provider};

/// A server of HTTP/1.1 that wants to see a certificate by the same authority, and takes everything.
fn https(certificates: &Certificates) -> String {
    install_crypto_provider();
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(certificates.ca()).unwrap())
        .unwrap();
    let clients = WebPkiClientVerifier::builder(Arc::new(roots))
        .build()
        .unwrap();
    let chain = CertificateDer::pem_file_iter(certificates.certificate()).unwrap();
    let chain = chain.map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(certificates.key()).unwrap();
    let config = ServerConfig::builder()
        .with_client_cert_verifier(clients)
        .with_single_cert(chain, key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!(
        "https://localhost:{}",
        listener.local_addr().unwrap().port()
    );
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            // Who shows no certificate is let go.
            let _ = answer(StreamOwned::new(connection, stream));
        }
    });
    url
}

fn answer(stream: StreamOwned<ServerConnection, std::net::TcpStream>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let line = line.to_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or_default();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    stream.read_exact(&mut vec![0; length])?;
    stream
        .get_mut()
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
}

/// The same for gRPC.
async fn grpc(certificates: &Certificates) -> String {
    let read = |path| fs::read(path).unwrap();
    let identity = Identity::from_pem(read(certificates.certificate()), read(certificates.key()));
    let tls = ServerTlsConfig::new()
        .identity(identity)
        .client_ca_root(Certificate::from_pem(read(certificates.ca())));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!(
        "https://localhost:{}",
        listener.local_addr().unwrap().port()
    );
    let server = Server::builder()
        .tls_config(tls)
        .unwrap()
        .add_service(receiver::trace_service());
    let incoming = tonic::transport::server::TcpIncoming::from(listener);
    tokio::spawn(server.serve_with_incoming(incoming));
    url
}

/// Exports one span; says how many arrived, and what was logged.
async fn export(
    protocol: OtlpProtocol,
    url: &str,
    change: impl FnOnce(&mut TelemetryConfig),
) -> (u64, String) {
    let (telemetry, log): (Telemetry, LogBuffer) = exporting(protocol, url, |telemetry| {
        telemetry.otlp.timeout = Duration::from_secs(5);
        change(telemetry);
    });
    make_spans(&telemetry, 1);
    shut_down(&telemetry).await;
    (telemetry.exporters()[0].exported, log.text())
}

#[tokio::test]
async fn both_sides_show_their_certificates() {
    let certificates = Certificates::new();
    let servers = [
        (OtlpProtocol::Grpc, grpc(&certificates).await),
        (OtlpProtocol::HttpProtobuf, https(&certificates)),
    ];
    for (protocol, url) in servers {
        let path = |path: &std::path::Path| Some(path.to_owned());
        let with_all = |telemetry: &mut TelemetryConfig| {
            telemetry.otlp.certificate = path(certificates.ca());
            telemetry.otlp.client_certificate = path(certificates.certificate());
            telemetry.otlp.client_key = path(certificates.key());
        };
        let (exported, log) = export(protocol, &url, with_all).await;
        assert_eq!((exported, log.as_str()), (1, ""), "{protocol}");

        // Without the authority the server is not believed.
        let (exported, log) = export(protocol, &url, |_| {}).await;
        assert_eq!(exported, 0, "{protocol}");
        assert!(
            log.contains("telemetry.otlp.certificate"),
            "{protocol}: {log}"
        );

        // Without a certificate of ours the server does not take it.
        let no_identity = |telemetry: &mut TelemetryConfig| {
            telemetry.otlp.certificate = path(certificates.ca());
        };
        let (exported, log) = export(protocol, &url, no_identity).await;
        assert_eq!(exported, 0, "{protocol}");
        assert_eq!(log.lines().count(), 1, "{protocol}: {log}");
    }
}
