//! OTLP over gRPC and HTTP, for every signal.
//!
//! The messages are those of `opentelemetry-proto`, and gRPC is tonic's. What is between them is ours, because
//! `opentelemetry-otlp` says neither why a request failed nor what a backend rejected, and adds headers from the
//! environment to those that it is given, which would send the credentials of one backend to another.

mod answer;
mod grpc;
mod http;
mod logs;
mod metrics;

use ::http::HeaderMap;
use bytes::Bytes;
use opentelemetry_proto::{
    tonic::{
        collector::trace::v1::ExportTraceServiceRequest, resource::v1::Resource as OtlpResource,
    },
    transform::{
        common::tonic::ResourceAttributesWithSchema,
        trace::tonic::group_spans_by_resource_and_scope,
    },
};
use opentelemetry_sdk::{Resource, trace::SpanData};
use serde::Serialize;

use super::{
    failure::Failure,
    queue::{Export, Taken},
    retry::Patience,
    unusable::Unusable,
};
use crate::{
    config::{OtlpProtocol, OtlpSignal, Secret, Signal},
    telemetry::redact,
    tls::Trust,
};
use grpc::Grpc;
use http::Http;

/// What the exporter calls itself: program, then exporter and language.
///
/// Source: <https://opentelemetry.io/docs/specs/otel/protocol/exporter/#user-agent>.
const USER_AGENT: &str = concat!(
    "chimera/",
    env!("CARGO_PKG_VERSION"),
    " OTel-OTLP-Exporter-Rust/",
    env!("CARGO_PKG_VERSION")
);

/// Sends one signal to one backend.
#[derive(Debug)]
pub(super) struct Otlp {
    transport: Transport,
    /// What must not be in an error text, although a backend may repeat it.
    secrets: Vec<Secret>,
    timeout: std::time::Duration,
    resource: ResourceAttributesWithSchema,
}

#[derive(Debug)]
enum Transport {
    Grpc(Box<Grpc>),
    Http(Box<Http>),
}

impl Otlp {
    /// Opens nothing until the first export.
    ///
    /// # Errors
    /// When the files for TLS cannot be read, or the URL is none.
    pub(super) fn new(signal: Signal, settings: &OtlpSignal) -> Result<Self, Unusable> {
        let trust = Trust::read(
            settings.certificate.as_deref(),
            settings.client_certificate.as_deref(),
            settings.client_key.as_deref(),
        )?;
        let headers = header_map(settings);
        let transport = match settings.protocol {
            OtlpProtocol::Grpc => {
                Transport::Grpc(Box::new(Grpc::new(signal, settings, headers, trust)?))
            }
            OtlpProtocol::HttpProtobuf | OtlpProtocol::HttpJson => {
                Transport::Http(Box::new(Http::new(settings, headers, trust)?))
            }
        };
        let secrets = settings.headers.iter().map(|(_, value)| value.expose());
        Ok(Self {
            transport,
            secrets: secrets.flat_map(parts).collect(),
            timeout: settings.timeout,
            resource: ResourceAttributesWithSchema::default(),
        })
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.into();
    }

    fn resource(&self) -> OtlpResource {
        OtlpResource {
            attributes: self.resource.attributes.0.clone(),
            ..OtlpResource::default()
        }
    }

    /// Sends `request`, if need be more than once.
    async fn send<M: prost::Message + Serialize>(
        &self,
        request: &M,
        patience: &Patience,
    ) -> Result<Taken, Failure> {
        let patience = patience.within(self.timeout);
        let sent = match &self.transport {
            Transport::Grpc(grpc) => {
                let body = Bytes::from(request.encode_to_vec());
                patience
                    .persist(async || grpc.send(body.clone()).await)
                    .await
            }
            Transport::Http(http) => {
                let body = http.encode(request)?;
                patience
                    .persist(async || http.send(body.clone()).await)
                    .await
            }
        };
        sent.map_err(|failure| self.without_secrets(failure))
    }

    fn without_secrets(&self, mut failure: Failure) -> Failure {
        for secret in &self.secrets {
            if failure.cause.contains(secret.expose()) {
                failure.cause = failure.cause.replace(secret.expose(), redact::REDACTED);
            }
        }
        failure
    }
}

impl Export<SpanData> for Otlp {
    fn describe(&mut self, resource: &Resource) {
        self.set_resource(resource);
    }

    async fn export(
        &mut self,
        batch: Vec<SpanData>,
        patience: &Patience,
    ) -> Result<Taken, Failure> {
        let resource_spans = group_spans_by_resource_and_scope(batch, &self.resource);
        self.send(&ExportTraceServiceRequest { resource_spans }, patience)
            .await
    }
}

fn header_map(settings: &OtlpSignal) -> HeaderMap {
    let headers = settings.headers.iter().filter_map(|(name, value)| {
        let mut header = ::http::HeaderValue::try_from(value.expose()).ok()?;
        header.set_sensitive(true);
        Some((::http::HeaderName::try_from(name).ok()?, header))
    });
    headers.collect()
}

/// A header's value, and its last word: a backend may repeat `Bearer x` as `x`. Short ones are words, not secrets.
fn parts(value: &str) -> Vec<Secret> {
    let last = value.rsplit(' ').next().unwrap_or(value);
    let mut parts = vec![value, last];
    parts.retain(|part| part.len() >= 6);
    parts.dedup();
    parts.into_iter().map(Secret::new).collect()
}
