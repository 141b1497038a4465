//! The OTLP exporter, over gRPC or HTTP. TLS is rustls with ring, as everywhere.

use std::error::Error;

use futures_util::future::BoxFuture;
use http::{HeaderName, HeaderValue, Request, Response};
use opentelemetry_http::{Bytes, HttpClient, HttpError};
use opentelemetry_otlp::{
    Compression as OtlpCompression, Protocol, SpanExporter, WithExportConfig as _,
    WithHttpConfig as _, WithTonicConfig as _, tonic_types::metadata::MetadataMap,
};

use super::{Health, TelemetryError, queue::Connect};
use crate::{
    config::{Compression, Headers, OtlpConfig, OtlpProtocol, OtlpSignal, Signal},
    http as client,
};

/// What makes the exporter of `config`, which fares as `health` says; gRPC wants to be made inside the event loop that will run it.
pub(super) fn connector(config: &OtlpConfig, health: &Health) -> Connect<SpanExporter> {
    let (signal, health) = (config.signal(Signal::Traces), health.clone());
    match signal.protocol {
        OtlpProtocol::Grpc => Box::new(move || grpc(&signal)),
        OtlpProtocol::HttpProtobuf => Box::new(move || http(&signal, Protocol::HttpBinary, health)),
        OtlpProtocol::HttpJson => Box::new(move || http(&signal, Protocol::HttpJson, health)),
    }
}

fn grpc(config: &OtlpSignal) -> Result<SpanExporter, TelemetryError> {
    let mut builder = SpanExporter::builder()
        .with_tonic()
        .with_endpoint(config.url.expose())
        .with_timeout(config.timeout)
        .with_metadata(metadata(&config.headers));
    if let Some(compression) = compression(config.compression) {
        builder = builder.with_compression(compression);
    }
    builder.build().map_err(TelemetryError::Otlp)
}

fn http(
    config: &OtlpSignal,
    protocol: Protocol,
    health: Health,
) -> Result<SpanExporter, TelemetryError> {
    let headers = config.headers.iter();
    let url = &config.url;
    let mut builder = SpanExporter::builder()
        .with_http()
        .with_protocol(protocol)
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
    let client = match url.expose().starts_with("http:") {
        // The other one reads the system's certificates, while the agent waits for it to start.
        true => client::plain_client(config.timeout),
        false => client::tls_client(config.timeout),
    };
    let client = client.map_err(TelemetryError::OtlpClient)?;
    builder = builder.with_http_client(Telling { client, health });
    builder.build().map_err(TelemetryError::Otlp)
}

/// A client that keeps why a request failed, of which the exporter says only that it was the network.
#[derive(Debug)]
struct Telling<C> {
    client: C,
    health: Health,
}

impl<C: HttpClient> HttpClient for Telling<C> {
    fn send_bytes<'a, 'b>(
        &'a self,
        request: Request<Bytes>,
    ) -> BoxFuture<'b, Result<Response<Bytes>, HttpError>>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(async {
            let sent = self.client.send_bytes(request).await;
            let cause = sent.as_ref().err().map(|error| causes(&**error));
            self.health.note_cause(cause);
            sent
        })
    }
}

/// What is below `error`, which says itself only where the request went; or `error`, where nothing is.
fn causes(error: &(dyn Error + 'static)) -> String {
    let first = error.source().unwrap_or(error);
    let chain = std::iter::successors(Some(first), |error| (*error).source());
    let texts: Vec<String> = chain.map(ToString::to_string).collect();
    texts.join(": ")
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
