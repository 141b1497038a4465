//! Variables of older systems and of exporters that are no more, for those who come from there.
//!
//! Each is read with a warning that names the standard one, which beats it.

use super::Reading;
use crate::config::layers::Input;

/// The port of OTLP over gRPC.
const OTLP_GRPC: u16 = 4317;

/// The exporter `jaeger` has no standard variable for where it sends: the standard way to a Jaeger is OTLP.
const INSTEAD_OF_JAEGER: &str = "OTEL_TRACES_EXPORTER=otlp and OTEL_EXPORTER_OTLP_ENDPOINT";

/// Those that are not read any more, with what took their place.
pub(super) const GONE: [(&str, &str); 6] = [
    (
        "OTEL_EXPORTER_JAEGER_ENDPOINT",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
    ),
    (
        "OTEL_EXPORTER_JAEGER_AGENT_HOST",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
    ),
    (
        "OTEL_EXPORTER_JAEGER_AGENT_PORT",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
    ),
    (
        "OTEL_EXPORTER_JAEGER_PROTOCOL",
        "OTEL_EXPORTER_OTLP_PROTOCOL",
    ),
    (
        "OTEL_EXPORTER_OTLP_SPAN_INSECURE",
        "OTEL_EXPORTER_OTLP_TRACES_INSECURE",
    ),
    (
        "OTEL_EXPORTER_OTLP_METRIC_INSECURE",
        "OTEL_EXPORTER_OTLP_METRICS_INSECURE",
    ),
];

impl Reading<'_> {
    /// To be read before the standard variables, so that those win.
    pub(super) fn aliases(&mut self) {
        for name in ["DAENA_TRACING_ENABLED", "TRACING_ENABLED"] {
            self.enabled(name);
        }
        self.exporter();
        if let Some(url) = self.get("TRACING_OTLP_ENDPOINT") {
            self.alias(
                "TRACING_OTLP_ENDPOINT",
                "otlp.endpoint",
                Input::Toml(url.into()),
                "OTEL_EXPORTER_OTLP_ENDPOINT",
            );
        }
        self.jaeger();
        for (name, instead) in GONE {
            if self.get(name).is_some() {
                self.warn(
                    name,
                    &format!("it is gone from OpenTelemetry; set {instead}"),
                );
            }
        }
    }

    fn alias(&mut self, name: &str, key: &str, input: Input, standard: &str) {
        self.warnings.push(format!(
            "the environment variable {name} is of an older system; set {standard} instead"
        ));
        self.add(name, key, input);
    }

    fn enabled(&mut self, name: &str) {
        let Some(text) = self.get(name) else { return };
        let is_on = match text.to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" | "on" => true,
            "0" | "false" | "no" | "off" => false,
            _ => return self.warn(name, "expected true or false"),
        };
        self.alias(
            name,
            "enabled",
            Input::Toml(is_on.into()),
            "OTEL_SDK_DISABLED",
        );
    }

    fn exporter(&mut self) {
        let name = "TRACING_EXPORTER";
        let Some(text) = self.get(name) else { return };
        let word = text.to_ascii_lowercase();
        let exporters = toml::Value::Array(vec![word.into()]);
        self.alias(
            name,
            "exporters",
            Input::Toml(exporters),
            "OTEL_TRACES_EXPORTER",
        );
    }

    /// The old port took Thrift, which Jaeger 2 does not: OTLP has one of its own.
    fn jaeger(&mut self) {
        let (host, port) = ("TRACING_JAEGER_HOST", "TRACING_JAEGER_PORT");
        let given = self.get(port);
        if let Some(text) = given {
            match text.parse::<u16>() {
                Ok(OTLP_GRPC) => {}
                _ => self.warn(
                    port,
                    &format!(
                        "Jaeger takes spans as OTLP, at port {OTLP_GRPC}; for another, set {INSTEAD_OF_JAEGER} instead"
                    ),
                ),
            }
        }
        if let Some(name) = self.get(host) {
            let endpoint = format!("http://{name}:{OTLP_GRPC}");
            self.alias(
                host,
                "jaeger.endpoint",
                Input::Toml(endpoint.into()),
                INSTEAD_OF_JAEGER,
            );
        }
    }
}
