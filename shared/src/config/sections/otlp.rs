//! The OTLP exporters: what holds for all signals, and what is said for one of them.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::telemetry::Headers;
use crate::config::choices::{Compression, OtlpProtocol};
use crate::config::secret::{RedactedUrl, Secret};
use crate::config::settings::settings;

settings! {
    /// The OTLP exporters: keys under `[telemetry.otlp]`, variables `CHIMERA__TELEMETRY__OTLP__…`.
    pub struct OtlpConfig {
        /// Base URL of the backend; `v1/traces`, `v1/metrics` or `v1/logs` is appended, for `grpc` nothing.
        /// Empty: `http://localhost:4318`, for `grpc` `http://localhost:4317`.
        endpoint: Option<RedactedUrl> = "",
        /// How it is spoken: `grpc`, `http/protobuf` or `http/json`.
        protocol: OtlpProtocol = "http/protobuf",
        /// Headers of each request, as `{ authorization = "Bearer …" }`. Their values are never shown.
        headers: Headers = {},
        /// Time that one export may take.
        timeout: Duration = "10s" in "1ms"..="25d",
        /// How it is packed: `none` or `gzip`.
        compression: Compression = "none",
        /// PEM file with the certificates that the backend's one may be issued by. Empty: those of the system.
        certificate: Option<PathBuf> = "",
        /// PEM file with the private key of this side, where the backend asks for one.
        client_key: Option<PathBuf> = "",
        /// PEM file with the certificate of that key.
        client_certificate: Option<PathBuf> = "",
    }
    sections {
        /// What is different for traces.
        traces: OtlpSignalConfig,
        /// What is different for metrics.
        metrics: OtlpSignalConfig,
        /// What is different for logs.
        logs: OtlpSignalConfig,
    }
}

settings! {
    /// What is different for one signal: keys under `[telemetry.otlp.traces]`, `.metrics` and `.logs`. Empty: as for all.
    pub struct OtlpSignalConfig {
        /// URL, used as it is: nothing is appended.
        endpoint: Option<RedactedUrl> = "",
        /// How it is spoken: `grpc`, `http/protobuf` or `http/json`.
        protocol: Option<OtlpProtocol> = "",
        /// Headers of each request, instead of those for all.
        headers: Option<Headers> = "",
        /// Time that one export may take.
        timeout: Option<Duration> = "" in ""..="25d",
        /// How it is packed: `none` or `gzip`.
        compression: Option<Compression> = "",
        /// PEM file with the certificates that the backend's one may be issued by.
        certificate: Option<PathBuf> = "",
        /// PEM file with the private key of this side.
        client_key: Option<PathBuf> = "",
        /// PEM file with the certificate of that key.
        client_certificate: Option<PathBuf> = "",
    }
}

/// What is exported: a signal of OpenTelemetry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Signal {
    /// Spans.
    Traces,
    /// Metrics.
    Metrics,
    /// Log records.
    Logs,
}

/// How one signal is sent by OTLP: what is said for it, over what is said for all.
#[derive(Debug, Clone, PartialEq)]
pub struct OtlpSignal {
    /// Where it is sent to. It can hold a password.
    pub url: Secret,
    /// How it is spoken.
    pub protocol: OtlpProtocol,
    /// Headers of each request.
    pub headers: Headers,
    /// Time that one export may take.
    pub timeout: Duration,
    /// How it is packed.
    pub compression: Compression,
    /// PEM file with the certificates that the backend's one may be issued by; `None`: those of the system.
    pub certificate: Option<PathBuf>,
    /// PEM file with the private key of this side.
    pub client_key: Option<PathBuf>,
    /// PEM file with the certificate of that key.
    pub client_certificate: Option<PathBuf>,
}

impl Signal {
    /// Every signal.
    pub const ALL: [Self; 3] = [Self::Traces, Self::Metrics, Self::Logs];

    /// `traces`, `metrics` or `logs`: the end of the path of OTLP over HTTP, and our section.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Metrics => "metrics",
            Self::Logs => "logs",
        }
    }
}

impl OtlpConfig {
    /// How `signal` is sent.
    pub fn signal(&self, signal: Signal) -> OtlpSignal {
        let own = self.own(signal);
        let protocol = self.protocol_of(signal);
        OtlpSignal {
            url: self.url(signal, own.endpoint.as_ref(), protocol),
            protocol,
            headers: own.headers.as_ref().unwrap_or(&self.headers).clone(),
            timeout: own.timeout.unwrap_or(self.timeout),
            compression: own.compression.unwrap_or(self.compression),
            certificate: own
                .certificate
                .as_ref()
                .or(self.certificate.as_ref())
                .cloned(),
            client_key: own
                .client_key
                .as_ref()
                .or(self.client_key.as_ref())
                .cloned(),
            client_certificate: own
                .client_certificate
                .as_ref()
                .or(self.client_certificate.as_ref())
                .cloned(),
        }
    }

    /// How `signal` is spoken.
    pub(in crate::config) fn protocol_of(&self, signal: Signal) -> OtlpProtocol {
        self.own(signal).protocol.unwrap_or(self.protocol)
    }

    fn own(&self, signal: Signal) -> &OtlpSignalConfig {
        match signal {
            Signal::Traces => &self.traces,
            Signal::Metrics => &self.metrics,
            Signal::Logs => &self.logs,
        }
    }

    /// The URL by the rules of the OpenTelemetry specification (OTLP exporter, "Endpoint URLs for OTLP/HTTP").
    fn url(&self, signal: Signal, exact: Option<&RedactedUrl>, protocol: OtlpProtocol) -> Secret {
        let base = self.endpoint.as_ref().map(RedactedUrl::expose);
        let url = match (exact, protocol) {
            (Some(exact), _) => exact.expose().to_owned(),
            (None, OtlpProtocol::Grpc) => base.unwrap_or("http://localhost:4317").to_owned(),
            (None, OtlpProtocol::HttpProtobuf | OtlpProtocol::HttpJson) => {
                let base = base.unwrap_or("http://localhost:4318");
                below(base, ["v1", signal.as_str()])
            }
        };
        Secret::new(url)
    }
}

/// `base` with `segments` behind its path.
fn below(base: &str, segments: [&str; 2]) -> String {
    let mut url = Url::parse(base).expect("checked when it was read");
    let mut path = url.path_segments_mut().expect("a URL of HTTP has a path");
    path.pop_if_empty().extend(segments);
    drop(path);
    url.into()
}
