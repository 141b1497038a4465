//! The OTLP exporter, over gRPC or HTTP. TLS is rustls with ring, as everywhere.

use http::{HeaderName, HeaderValue};
use opentelemetry_otlp::{
    Compression as OtlpCompression, Protocol, SpanExporter, WithExportConfig as _,
    WithHttpConfig as _, WithTonicConfig as _, tonic_types::metadata::MetadataMap,
};

use super::{TelemetryError, queue::Connect};
use crate::{
    config::{Compression, Headers, OtlpConfig, OtlpProtocol},
    http as client,
    tls::install_crypto_provider,
};

/// What makes the exporter of `config`; gRPC wants to be made inside the event loop that will run it.
pub(super) fn connector(config: &OtlpConfig) -> Connect<SpanExporter> {
    let config = config.clone();
    match config.protocol {
        OtlpProtocol::Grpc => Box::new(move || grpc(&config)),
        OtlpProtocol::HttpProtobuf => Box::new(move || http(&config)),
    }
}

fn grpc(config: &OtlpConfig) -> Result<SpanExporter, TelemetryError> {
    let mut builder = SpanExporter::builder()
        .with_tonic()
        .with_endpoint(config.traces_url().expose())
        .with_timeout(config.timeout)
        .with_metadata(metadata(&config.headers));
    if let Some(compression) = compression(config.compression) {
        builder = builder.with_compression(compression);
    }
    builder.build().map_err(TelemetryError::Otlp)
}

fn http(config: &OtlpConfig) -> Result<SpanExporter, TelemetryError> {
    install_crypto_provider();
    let headers = config.headers.iter();
    let url = config.traces_url();
    let mut builder = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(url.expose())
        .with_timeout(config.timeout)
        .with_headers(
            headers
                .map(|(name, value)| (name.to_owned(), value.expose().to_owned()))
                .collect(),
        );
    if let Some(compression) = compression(config.compression) {
        builder = builder.with_compression(compression);
    }
    if url.expose().starts_with("http:") {
        // The exporter's own client would read the system's certificates, while the agent waits for it to start.
        let plain = client::plain_client(config.timeout).map_err(TelemetryError::OtlpClient)?;
        builder = builder.with_http_client(plain);
    }
    builder.build().map_err(TelemetryError::Otlp)
}

fn compression(compression: Compression) -> Option<OtlpCompression> {
    match compression {
        Compression::None => None,
        Compression::Gzip => Some(OtlpCompression::Gzip),
    }
}

fn metadata(headers: &Headers) -> MetadataMap {
    let headers = headers.iter().filter_map(|(name, value)| {
        let name = HeaderName::try_from(name).ok()?;
        Some((name, HeaderValue::try_from(value.expose()).ok()?))
    });
    MetadataMap::from_headers(headers.collect())
}
