//! Traces, and log lines.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::str::FromStr as _;
use std::time::Duration;

use bytesize::ByteSize;
use http::{HeaderName, HeaderValue};
use tracing_subscriber::EnvFilter;
use url::Url;

use crate::config::choices::{
    Compression, Exporter, LogFormat, OtlpProtocol, Sampler, SettleSpans,
};
use crate::config::problem::Problem;
use crate::config::secret::{RedactedUrl, Secret};
use crate::config::settings::settings;
use crate::config::value::{Value, parsed};

settings! {
    /// Traces: keys under `[telemetry]`, variables `CHIMERA__TELEMETRY__…`.
    pub struct TelemetryConfig {
        /// Whether spans are made at all.
        enabled: bool = true,
        /// Where finished spans go, one or several of `embedded`, `otlp`, `console`, `memory`; or `none`.
        exporters: Vec<Exporter> = ["embedded"],
        /// Name of the service in traces, for all agents of this process. Empty: each agent's own name.
        service_name: Option<String> = "",
        /// Further attributes of the service, as `{ "deployment.environment.name" = "test" }`.
        resource_attributes: BTreeMap<String, String> = {},
        /// Which traces are recorded: `always_on`, `always_off`, `traceidratio`, or with `parentbased_` before it.
        sampler: Sampler = "parentbased_always_on",
        /// Share of the traces that a `traceidratio` sampler records.
        sampler_arg: f64 = 1.0 in 0.0..=1.0,
        /// Which settlements of a message get a span: `failures` or `all`.
        settle_spans: SettleSpans = "failures",
        /// Foreign hosts that baggage and `tracestate` may be sent to, as `api.example.org` or `*.example.org`.
        propagate_to: Vec<String> = [],
        /// Age at which the embedded store drops a trace.
        retention_age: Duration = "7d" in "1m"..="3650d",
        /// Size at which the embedded store drops its oldest traces.
        retention_size: ByteSize = "2 GiB" in "1 MiB"..="64 TiB",
    }
    sections {
        /// The `otlp` exporter.
        otlp: OtlpConfig,
        /// How finished spans are gathered before they are exported.
        batch: BatchConfig,
    }
}

settings! {
    /// The OTLP exporter: keys under `[telemetry.otlp]`, variables `CHIMERA__TELEMETRY__OTLP__…`.
    pub struct OtlpConfig {
        /// Base URL of the backend; `http/protobuf` appends `v1/traces`.
        /// Empty: `http://localhost:4318`, for `grpc` `http://localhost:4317`.
        endpoint: Option<RedactedUrl> = "",
        /// URL for traces, used as it is, instead of what follows from `endpoint`.
        traces_endpoint: Option<RedactedUrl> = "",
        /// How it is spoken: `grpc` or `http/protobuf`.
        protocol: OtlpProtocol = "http/protobuf",
        /// Headers of each request, as `{ authorization = "Bearer …" }`. Their values are never shown.
        headers: Headers = {},
        /// Time that one export may take.
        timeout: Duration = "10s" in "1ms"..="25d",
        /// How it is packed: `none` or `gzip`.
        compression: Compression = "none",
    }
}

impl OtlpConfig {
    /// The URL that traces are sent to, by the rules of the OpenTelemetry specification (OTLP exporter, "Endpoint
    /// URLs for OTLP/HTTP"). It can hold a password.
    pub fn traces_url(&self) -> Secret {
        let base = self.endpoint.as_ref().map(RedactedUrl::expose);
        let url = match (&self.traces_endpoint, self.protocol) {
            (Some(exact), _) => exact.expose().to_owned(),
            (None, OtlpProtocol::Grpc) => base.unwrap_or("http://localhost:4317").to_owned(),
            (None, OtlpProtocol::HttpProtobuf) => {
                below(base.unwrap_or("http://localhost:4318"), ["v1", "traces"])
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

settings! {
    /// How spans are gathered: keys under `[telemetry.batch]`, variables `CHIMERA__TELEMETRY__BATCH__…`.
    pub struct BatchConfig {
        /// Longest that a finished span waits for others.
        schedule_delay: Duration = "5s" in "1ms"..="1d",
        /// Time that exporting one batch may take.
        export_timeout: Duration = "30s" in "1ms"..="25d",
        /// Finished spans that may wait; further ones are dropped and counted.
        max_queue_size: NonZeroUsize = 2048 in 1..=10_000_000,
        /// Spans in one batch.
        max_export_batch_size: NonZeroUsize = 512 in 1..=10_000_000,
    }
}

settings! {
    /// Log lines: keys under `[log]`, variables `CHIMERA__LOG__…`.
    pub struct LogConfig {
        /// What is logged: a level (`error`, `warn`, `info`, `debug`, `trace`, `off`), or one for each module, as `info,chimera_bus=debug`.
        filter: LogFilter = "info",
        /// What a line looks like: `json`, `readable`, or `auto`, readable on a terminal and JSON elsewhere.
        format: LogFormat = "auto",
    }
}

/// Headers of an HTTP request: valid names, secret values.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Headers(BTreeMap<String, Secret>);

impl Headers {
    /// Each name, in lower case, with its value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Secret)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn checked(headers: BTreeMap<String, Secret>) -> Result<Self, Problem> {
        let valid = |(name, value): (String, Secret)| {
            HeaderValue::from_str(value.expose()).ok()?;
            let name = HeaderName::from_str(&name).ok()?;
            Some((name.as_str().to_owned(), value))
        };
        let checked = headers.into_iter().map(valid).collect::<Option<_>>();
        // Not repeated: what was taken for a name may be a piece of a value.
        checked.map(Self).ok_or_else(|| Problem::Malformed {
            expected: Self::expected(),
            found: "characters that no header can have".to_owned(),
        })
    }
}

impl Value for Headers {
    fn expected() -> String {
        "a table of HTTP headers, each value a string".to_owned()
    }

    fn from_toml(value: &toml::Value) -> Result<Self, Problem> {
        BTreeMap::from_toml(value).and_then(Self::checked)
    }

    fn from_text(text: &str) -> Result<Self, Problem> {
        BTreeMap::from_text(text).and_then(Self::checked)
    }

    fn to_toml(&self) -> toml::Value {
        self.0.to_toml()
    }
}

/// What is logged, in the language of `tracing_subscriber::EnvFilter`. Checked, so that building the filter cannot fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFilter(String);

impl LogFilter {
    /// The directives as they were written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Warnings and errors only: for a program whose output is for a person.
    pub fn warnings() -> Self {
        Self("warn".to_owned())
    }

    /// The filter itself.
    pub fn build(&self) -> EnvFilter {
        EnvFilter::try_new(&self.0).expect("checked when it was read")
    }
}

impl Value for LogFilter {
    fn expected() -> String {
        "levels of log lines such as \"info\" or \"info,chimera_bus=debug\"".to_owned()
    }

    fn from_toml(value: &toml::Value) -> Result<Self, Problem> {
        parsed(value, |text| {
            let valid = !text.trim().is_empty() && EnvFilter::try_new(text).is_ok();
            valid.then(|| Self(text.to_owned()))
        })
    }

    fn to_toml(&self) -> toml::Value {
        self.as_str().into()
    }
}
