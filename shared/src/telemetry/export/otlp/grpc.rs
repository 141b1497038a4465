//! OTLP over gRPC. Source: <https://opentelemetry.io/docs/specs/otlp/#otlpgrpc>.

use std::time::Duration;

use bytes::{Buf as _, BufMut as _, Bytes};
use http::{HeaderMap, uri::PathAndQuery};
use tokio::sync::OnceCell;
use tonic::{
    Request, Status,
    client::Grpc as Client,
    codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder},
    metadata::MetadataMap,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};

use super::{
    super::{
        failure::{Again, Failure, Kind, chain},
        queue::Taken,
        unusable::Unusable,
    },
    USER_AGENT, answer,
};
use crate::{
    config::{Compression, OtlpSignal, Signal},
    tls::{Trust, install_crypto_provider},
};

/// Longest that a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Grpc {
    endpoint: Endpoint,
    trust: Trust,
    /// Made by the first export: reading the system's certificates takes its time.
    channel: OnceCell<Channel>,
    metadata: MetadataMap,
    path: PathAndQuery,
    is_packed: bool,
}

impl Grpc {
    pub(super) fn new(
        signal: Signal,
        settings: &OtlpSignal,
        headers: HeaderMap,
        trust: Trust,
    ) -> Result<Self, Unusable> {
        let endpoint = Endpoint::from_shared(settings.url.expose().to_owned());
        let endpoint = endpoint
            .and_then(|endpoint| endpoint.user_agent(USER_AGENT))
            .map_err(Unusable::Grpc)?
            .connect_timeout(CONNECT_TIMEOUT);
        Ok(Self {
            endpoint,
            trust,
            channel: OnceCell::new(),
            metadata: MetadataMap::from_headers(headers),
            path: PathAndQuery::from_static(path(signal)),
            is_packed: settings.compression == Compression::Gzip,
        })
    }

    /// One attempt.
    pub(super) async fn send(&self, body: Bytes) -> Result<Taken, Failure> {
        let channel = self.channel.get_or_try_init(async || self.channel()).await;
        let channel = channel.map_err(|error| Failure {
            cause: chain(&error),
            kind: Kind::Certificate,
            again: Again::Never,
        })?;
        let mut client = Client::new(channel.clone());
        if self.is_packed {
            client = client
                .send_compressed(CompressionEncoding::Gzip)
                .accept_compressed(CompressionEncoding::Gzip);
        }
        let ready = client.ready().await;
        ready.map_err(|error| Failure::grpc(&Status::from_error(Box::new(error))))?;
        let mut request = Request::new(body);
        *request.metadata_mut() = self.metadata.clone();
        let answer = client.unary(request, self.path.clone(), Plain).await;
        let answer = answer.map_err(|status| Failure::grpc(&status))?;
        Ok(answer::of_protobuf(answer.into_inner()))
    }

    fn channel(&self) -> Result<Channel, tonic::transport::Error> {
        let endpoint = self.endpoint.clone();
        if self.endpoint.uri().scheme_str() != Some("https") {
            return Ok(endpoint.connect_lazy());
        }
        install_crypto_provider();
        Ok(endpoint.tls_config(self.tls())?.connect_lazy())
    }

    fn tls(&self) -> ClientTlsConfig {
        let mut tls = ClientTlsConfig::new();
        tls = match &self.trust.certificate {
            Some(pem) => tls.ca_certificate(Certificate::from_pem(pem)),
            None => tls.with_native_roots(),
        };
        if let Some(identity) = &self.trust.identity {
            tls = tls.identity(Identity::from_pem(&identity.certificate, &identity.key));
        }
        tls
    }
}

fn path(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        Signal::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        Signal::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    }
}

/// Messages that are encoded already, so that a batch is encoded once for all its attempts.
struct Plain;

impl Codec for Plain {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Plain {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for Plain {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
