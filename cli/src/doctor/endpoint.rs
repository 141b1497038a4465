//! The servers that spans are sent to.

use std::fmt;

use chimera_shared::config::{OtlpProtocol, RedactedUrl, Signal, TelemetryConfig};

use crate::server::place_of;

/// Where an exporter sends spans.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) exporter: &'static str,
    /// The setting that says where.
    pub(super) key: &'static str,
    /// OTLP's protocol; Zipkin has one of its own.
    pub(super) protocol: Option<OtlpProtocol>,
    pub(super) host: String,
    pub(super) port: u16,
    /// Without the password.
    shown: String,
}

impl Endpoint {
    /// The endpoints of `telemetry`'s exporters, unless it is off.
    pub(super) fn all(telemetry: &TelemetryConfig) -> Vec<Self> {
        let mut endpoints = Vec::new();
        if !telemetry.enabled {
            return endpoints;
        }
        for exporter in &telemetry.exporters {
            endpoints.extend(match exporter.as_str() {
                "otlp" => {
                    let signal = telemetry.otlp.signal(Signal::Traces);
                    let protocol = Some(signal.protocol);
                    Self::new(
                        "otlp",
                        "telemetry.otlp.endpoint",
                        protocol,
                        signal.url.expose(),
                    )
                }
                "jaeger" => {
                    let url = telemetry.jaeger.endpoint.expose();
                    let protocol = Some(OtlpProtocol::Grpc);
                    Self::new("jaeger", "telemetry.jaeger.endpoint", protocol, url)
                }
                "zipkin" => {
                    let url = telemetry.zipkin.endpoint.expose();
                    Self::new("zipkin", "telemetry.zipkin.endpoint", None, url)
                }
                _ => None,
            });
        }
        endpoints
    }

    fn new(
        exporter: &'static str,
        key: &'static str,
        protocol: Option<OtlpProtocol>,
        url: &str,
    ) -> Option<Self> {
        // What the configuration took is a URL with a host.
        let (host, port) = place_of(url)?;
        let shown = RedactedUrl::parse(url, &["http", "https"])
            .ok()?
            .to_string();
        Some(Self {
            exporter,
            key,
            protocol,
            host,
            port,
            shown,
        })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` sends to {}", self.exporter, self.shown)?;
        match self.protocol {
            Some(protocol) => write!(f, " by {protocol}"),
            None => Ok(()),
        }
    }
}
