//! Telemetry, and log lines.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr as _;
use std::time::Duration;

use bytesize::ByteSize;
use http::{HeaderName, HeaderValue};
use tracing_subscriber::EnvFilter;

use super::otlp::OtlpConfig;
use super::sampling::SamplerRule;
use crate::config::choices::{
    ExemplarFilter, Exporter, LogFormat, LogLevel, LogsExporter, MetricsExporter, Propagator,
    Sampler, SettleSpans, Temporality,
};
use crate::config::problem::Problem;
use crate::config::secret::{RedactedUrl, Secret};
use crate::config::settings::settings;
use crate::config::value::{Value, parsed};

settings! {
    /// Traces, metrics and log records: keys under `[telemetry]`, variables `CHIMERA__TELEMETRY__…`.
    pub struct TelemetryConfig {
        /// Whether spans, metrics and records of log lines are made at all. Log lines are written in any case.
        enabled: bool = true,
        /// Where finished spans go, one or several of `embedded`, `otlp`, `jaeger`, `zipkin`, `console`, `file`,
        /// `memory`; or `none`.
        exporters: Vec<Exporter> = ["embedded"],
        /// Where metrics go: `prometheus` (the page `/metrics`), `otlp`, `console`; or `none`.
        metrics_exporters: Vec<MetricsExporter> = ["prometheus"],
        /// Where log records go beside the log lines of `[log]`: `otlp`, `console`; or `none`.
        logs_exporters: Vec<LogsExporter> = ["none"],
        /// Name of the service in traces, for all agents of this process. Empty: each agent's own name.
        service_name: Option<String> = "",
        /// Further attributes of the service, as `{ "deployment.environment.name" = "test" }`.
        resource_attributes: BTreeMap<String, String> = {},
        /// Which traces are recorded: `always_on`, `always_off`, `traceidratio`, `attribute`, `ratelimited`, or with
        /// `parentbased_` before it.
        sampler: Sampler = "parentbased_always_on",
        /// Share of the traces that a `traceidratio` sampler records, and an `attribute` sampler of those that no rule is for.
        sampler_arg: f64 = 1.0 in 0.0..=1.0,
        /// Traces a second that a `ratelimited` sampler records.
        sampler_rate: f64 = 10.0 in 0.001..=1_000_000.0,
        /// Rules of an `attribute` sampler, as `"http.route = /readyz -> 0"`: an attribute at the start of a span, what it is,
        /// with `*` for anything, and the share that is recorded. The first that fits counts.
        sampler_rules: Vec<SamplerRule> = [],
        /// Whether traces in which something failed are exported although the sampler did not choose them, as far as they ran
        /// in this service.
        keep_errors: bool = false,
        /// Time from which on traces are exported although the sampler did not choose them, as far as they ran in this
        /// service. Empty: none for that.
        keep_slower_than: Option<Duration> = "",
        /// Memory for spans of traces about which `keep_errors` and `keep_slower_than` have not decided yet; beyond that, the
        /// oldest is given up.
        keep_memory: ByteSize = "16 MiB" in "64 KiB"..="16 GiB",
        /// Spans that are marked with `chimera.slow` and logged, at most once a minute for each name, as
        /// `{ "process *" = "1s" }`: names, with `*` for anything, and the time from which on one is slow. Of several that fit,
        /// the longest counts.
        slow_spans: BTreeMap<String, Duration> = {},
        /// Which settlements of a message get a span: `failures` or `all`.
        settle_spans: SettleSpans = "failures",
        /// Methods of HTTP that spans and metrics tell apart, as they are written; others are `_OTHER`. The list stands in place
        /// of the default.
        http_known_methods: Vec<String> = [
            "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE",
        ],
        /// How the context is written into headers, and read from them: one or several of `tracecontext`, `baggage`, `b3`,
        /// `b3multi`, `jaeger`; or `none`.
        propagators: Vec<Propagator> = ["tracecontext", "baggage"],
        /// Foreign hosts that `traceparent` may be sent to, as `api.example.org`, `*.example.org` or `*`.
        traceparent_to: Vec<String> = ["*"],
        /// Foreign hosts that baggage and `tracestate` may be sent to, as `api.example.org` or `*.example.org`.
        propagate_to: Vec<String> = [],
        /// The least severity of what telemetry and its libraries say of themselves in the log, where `log.filter` lets it
        /// through.
        log_level: LogLevel = "info",
        /// Age at which the embedded store drops a trace.
        retention_age: Duration = "7d" in "1m"..="3650d",
        /// Size at which the embedded store drops its oldest traces.
        retention_size: ByteSize = "2 GiB" in "1 MiB"..="64 TiB",
    }
    sections {
        /// The `otlp` exporters.
        otlp: OtlpConfig,
        /// The `jaeger` exporter.
        jaeger: JaegerConfig,
        /// The `zipkin` exporter.
        zipkin: ZipkinConfig,
        /// The `file` exporter.
        file: FileConfig,
        /// How finished spans are gathered before they are exported.
        batch: BatchConfig,
        /// How log records are gathered before they are exported.
        logs_batch: BatchConfig { schedule_delay = "1s" },
        /// How metrics are exported, where they are not fetched.
        metrics: MetricsConfig,
        /// How much a span can hold. What is over a limit is dropped, and counted on the span.
        limits: LimitsConfig,
    }
}

settings! {
    /// The Jaeger exporter: keys under `[telemetry.jaeger]`, variables `CHIMERA__TELEMETRY__JAEGER__…`.
    pub struct JaegerConfig {
        /// Where Jaeger takes OTLP over gRPC. Its own protocol, Thrift, is gone from Jaeger 2.
        endpoint: RedactedUrl = "http://localhost:4317",
    }
}

settings! {
    /// The Zipkin exporter: keys under `[telemetry.zipkin]`, variables `CHIMERA__TELEMETRY__ZIPKIN__…`.
    pub struct ZipkinConfig {
        /// Where spans are posted as JSON, version 2.
        endpoint: RedactedUrl = "http://localhost:9411/api/v2/spans",
        /// Time that one export may take.
        timeout: Duration = "10s" in "1ms"..="25d",
    }
}

settings! {
    /// The file exporter: keys under `[telemetry.file]`, variables `CHIMERA__TELEMETRY__FILE__…`.
    pub struct FileConfig {
        /// The file that traces are appended to as OTLP JSON, one export a line. Empty: `traces.jsonl` in the data directory.
        path: Option<PathBuf> = "",
        /// Size at which the file is put aside as `….1`, and a new one begun.
        max_size: ByteSize = "100 MiB" in "1 KiB"..="1 TiB",
        /// Files that are kept, the newest among them.
        max_files: NonZeroUsize = 5 in 1..=1_000,
    }
}

settings! {
    /// How spans or log records are gathered: keys under `[telemetry.batch]` and `[telemetry.logs_batch]`.
    pub struct BatchConfig {
        /// Longest that one waits for others.
        schedule_delay: Duration = "5s" in "1ms"..="1d",
        /// Time that exporting one batch may take.
        export_timeout: Duration = "30s" in "1ms"..="25d",
        /// How many may wait; further ones are dropped and counted.
        max_queue_size: NonZeroUsize = 2048 in 1..=10_000_000,
        /// How many are exported at a time.
        max_export_batch_size: NonZeroUsize = 512 in 1..=10_000_000,
    }
}

settings! {
    /// How metrics are exported: keys under `[telemetry.metrics]`, variables `CHIMERA__TELEMETRY__METRICS__…`.
    pub struct MetricsConfig {
        /// Time between two exports.
        export_interval: Duration = "60s" in "1ms"..="25d",
        /// Time that one export may take.
        export_timeout: Duration = "30s" in "1ms"..="25d",
        /// Which measurements may become exemplars: `trace_based`, those within a recorded trace; `always_on`; `always_off`.
        exemplars: ExemplarFilter = "trace_based",
        /// Whether `otlp` sends sums since the start, `cumulative`, or since the last export, `delta`.
        temporality: Temporality = "cumulative",
    }
}

settings! {
    /// Limits of a span: keys under `[telemetry.limits]`, variables `CHIMERA__TELEMETRY__LIMITS__…`.
    pub struct LimitsConfig {
        /// Attributes of whatever has some.
        attribute_count: u32 = 128,
        /// Characters of a text in an attribute. Empty: no limit, but 4,096 for what comes by the `tracing` macros.
        attribute_value_length: Option<u32> = "",
        /// Attributes of a span. Empty: `attribute_count`.
        span_attribute_count: Option<u32> = "",
        /// Characters of a text in an attribute of a span. Empty: `attribute_value_length`.
        span_attribute_value_length: Option<u32> = "",
        /// Events of a span.
        span_event_count: u32 = 128,
        /// Links of a span.
        span_link_count: u32 = 128,
        /// Attributes of an event.
        event_attribute_count: u32 = 128,
        /// Attributes of a link.
        link_attribute_count: u32 = 128,
        /// Attributes of a log record. Empty: `attribute_count`.
        log_attribute_count: Option<u32> = "",
        /// Characters of a text in an attribute of a log record. Empty: `attribute_value_length`.
        log_attribute_value_length: Option<u32> = "",
    }
}

impl LimitsConfig {
    /// Attributes of a span.
    pub fn span_attributes(&self) -> u32 {
        self.span_attribute_count.unwrap_or(self.attribute_count)
    }

    /// Characters of a text in an attribute of a span.
    pub fn span_value_length(&self) -> Option<u32> {
        self.span_attribute_value_length
            .or(self.attribute_value_length)
    }

    /// Attributes of a log record.
    pub fn log_attributes(&self) -> u32 {
        self.log_attribute_count.unwrap_or(self.attribute_count)
    }

    /// Characters of a text in an attribute of a log record.
    pub fn log_value_length(&self) -> Option<u32> {
        self.log_attribute_value_length
            .or(self.attribute_value_length)
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

    /// Headers for a test.
    #[cfg(test)]
    pub(crate) fn for_test(pairs: &[(&str, &str)]) -> Self {
        let secret = |(name, value): &(&str, &str)| ((*name).to_owned(), Secret::new(*value));
        Self(pairs.iter().map(secret).collect())
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
