//! The configuration: one struct per concern, loaded and checked as a whole before anything is opened.
//!
//! [`load`] lays the sources over each other: the defaults, `config/chimera.toml`, the file of `--config`, the
//! standard `OTEL_…` variables, `CHIMERA__SECTION__KEY`, the flags. Whatever is unknown, of the wrong type or impossible is
//! refused, all of it at once, each with its key, its source and what would be right. Secrets are never shown.
//!
//! `docs/configuration.md` lists every key with its default and its variable.

mod choices;
mod file;
mod keys;
mod layers;
mod load;
mod otel;
mod problem;
mod reference;
mod rules;
mod secret;
mod secret_files;
mod sections;
mod settings;
mod urls;
mod value;

pub use choices::{
    Compression, ExemplarFilter, Exporter, LogFormat, LogLevel, LogsExporter, MetricsExporter,
    OtlpProtocol, Propagator, Sampler, SettleSpans, Temporality,
};
pub use load::{Flag, LoadOptions, Loaded, Setting, load};
pub use problem::{ConfigError, ConfigErrors, Origin, Problem, UrlProblem};
pub use reference::{KeyReference, SectionReference, default_toml, reference};
pub use secret::{REDACTED, RedactedUrl, Secret, looks_secret};
pub use sections::{
    AgentConfig, ApiConfig, BatchConfig, BusConfig, CacheConfig, Config, DocumentsConfig,
    FileConfig, Headers, JaegerConfig, LimitsConfig, LogConfig, LogFilter, MetricsConfig,
    OtlpConfig, OtlpSignal, OtlpSignalConfig, SamplerRule, Signal, SourceConfig, SourcesConfig,
    TelemetryConfig, TimeseriesConfig, TracesConfig, ViewerConfig, ZcashConfig, ZipkinConfig,
};
pub use urls::{ApiUrl, BusUrl, CacheUrl, DocumentsUrl, SourceUrl, TimeseriesUrl, TracesUrl};
