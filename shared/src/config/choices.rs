//! Keys whose value is one word of a few.

use tracing::level_filters::LevelFilter;

use super::problem::{Problem, quoted};
use super::value::{Value, text_of};

/// Declares an enum with the word for each variant.
macro_rules! choices {
    ($(
        $(#[doc = $about:literal])+
        pub enum $name:ident { $( $(#[doc = $doc:literal])+ $variant:ident = $word:literal, )+ }
    )+) => { $(
        $(#[doc = $about])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $( $(#[doc = $doc])+ #[doc = concat!("\n\nWritten `", $word, "`.")] $variant, )+ }

        impl $name {
            /// Every value with its word.
            pub const ALL: &[(&str, Self)] = &[$(($word, Self::$variant)),+];

            /// The word for it in a configuration.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl Value for $name {
            fn expected() -> String {
                format!("one of {}", words(Self::ALL))
            }

            fn from_toml(value: &toml::Value) -> Result<Self, Problem> {
                choose(text_of::<Self>(value)?, Self::ALL)
            }

            fn to_toml(&self) -> toml::Value {
                self.as_str().into()
            }
        }
    )+ };
}

choices! {
    /// Where finished spans go.
    pub enum Exporter {
        /// The store of the built-in viewer.
        Embedded = "embedded",
        /// An OTLP endpoint, see `telemetry.otlp`.
        Otlp = "otlp",
        /// Jaeger, by OTLP, see `telemetry.jaeger`.
        Jaeger = "jaeger",
        /// Zipkin, see `telemetry.zipkin`.
        Zipkin = "zipkin",
        /// Standard error of the process, for people.
        Console = "console",
        /// A file of OTLP JSON, see `telemetry.file`.
        File = "file",
        /// The memory of the process, for tests.
        Memory = "memory",
        /// Nowhere.
        None = "none",
    }

    /// Where metrics go.
    pub enum MetricsExporter {
        /// The page `/metrics`, for Prometheus to fetch.
        Prometheus = "prometheus",
        /// An OTLP endpoint, see `telemetry.otlp`.
        Otlp = "otlp",
        /// Standard error of the process, for people.
        Console = "console",
        /// Nowhere.
        None = "none",
    }

    /// Where log records go, beside the log lines.
    pub enum LogsExporter {
        /// An OTLP endpoint, see `telemetry.otlp`.
        Otlp = "otlp",
        /// Standard error of the process: the log lines, which are written there anyway.
        Console = "console",
        /// Nowhere.
        None = "none",
    }

    /// How the context is written into headers, as the OpenTelemetry specification names the ways.
    pub enum Propagator {
        /// W3C Trace Context: `traceparent` and `tracestate`.
        TraceContext = "tracecontext",
        /// W3C Baggage: `baggage`.
        Baggage = "baggage",
        /// B3 in one header: `b3`.
        B3 = "b3",
        /// B3 in several headers: `x-b3-traceid` and others.
        B3Multi = "b3multi",
        /// Jaeger's own: `uber-trace-id` and `uberctx-…`.
        Jaeger = "jaeger",
        /// Not at all.
        None = "none",
    }

    /// Which measurements may become exemplars.
    pub enum ExemplarFilter {
        /// Those within a recorded trace.
        TraceBased = "trace_based",
        /// All.
        AlwaysOn = "always_on",
        /// None.
        AlwaysOff = "always_off",
    }

    /// What an exported sum counts.
    pub enum Temporality {
        /// Everything since the start of the process.
        Cumulative = "cumulative",
        /// What came since the last export.
        Delta = "delta",
        /// What needs the least memory: `delta` for what only grows, `cumulative` for what goes up and down or is observed.
        LowMemory = "lowmemory",
    }

    /// The least severity of a log line that is written.
    pub enum LogLevel {
        /// Nothing.
        Off = "off",
        /// Failures.
        Error = "error",
        /// And what should be looked at.
        Warn = "warn",
        /// And what happens.
        Info = "info",
        /// And how.
        Debug = "debug",
        /// And every step.
        Trace = "trace",
    }

    /// Which traces are recorded, as the OpenTelemetry specification names them; the last four are Chimera's own.
    pub enum Sampler {
        /// All.
        AlwaysOn = "always_on",
        /// None.
        AlwaysOff = "always_off",
        /// The share `sampler_arg` of all, chosen by trace id.
        TraceIdRatio = "traceidratio",
        /// As the caller decided; all that begin here.
        ParentBasedAlwaysOn = "parentbased_always_on",
        /// As the caller decided; none that begin here.
        ParentBasedAlwaysOff = "parentbased_always_off",
        /// As the caller decided; the share `sampler_arg` of those that begin here.
        ParentBasedTraceIdRatio = "parentbased_traceidratio",
        /// By the attributes of the first span in this process, as `sampler_rules` says.
        Attribute = "attribute",
        /// As the caller decided; as `sampler_rules` says for those that begin here.
        ParentBasedAttribute = "parentbased_attribute",
        /// At most `sampler_rate` a second.
        RateLimited = "ratelimited",
        /// As the caller decided; at most `sampler_rate` a second of those that begin here.
        ParentBasedRateLimited = "parentbased_ratelimited",
    }

    /// How OTLP is spoken.
    pub enum OtlpProtocol {
        /// Protobuf over gRPC.
        Grpc = "grpc",
        /// Protobuf over HTTP.
        HttpProtobuf = "http/protobuf",
        /// JSON over HTTP.
        HttpJson = "http/json",
    }

    /// How what is sent by OTLP is packed.
    pub enum Compression {
        /// Not at all.
        None = "none",
        /// With gzip.
        Gzip = "gzip",
    }

    /// Which settlements of a message get a span of their own.
    pub enum SettleSpans {
        /// Those other than an acknowledgement: retry, dead letter, reject.
        Failures = "failures",
        /// All.
        All = "all",
    }

    /// What a log line looks like.
    pub enum LogFormat {
        /// Readable on a terminal, JSON elsewhere.
        Auto = "auto",
        /// One JSON object a line.
        Json = "json",
        /// For people.
        Readable = "readable",
    }
}

impl LogLevel {
    /// The filter that lets lines of this severity through, and worse ones.
    pub(crate) fn filter(self) -> LevelFilter {
        match self {
            Self::Off => LevelFilter::OFF,
            Self::Error => LevelFilter::ERROR,
            Self::Warn => LevelFilter::WARN,
            Self::Info => LevelFilter::INFO,
            Self::Debug => LevelFilter::DEBUG,
            Self::Trace => LevelFilter::TRACE,
        }
    }
}

/// The value that `text` is the word for.
fn choose<T: Copy>(text: &str, all: &'static [(&'static str, T)]) -> Result<T, Problem> {
    let found = all.iter().find(|(word, _)| *word == text);
    found
        .map(|(_, value)| *value)
        .ok_or_else(|| Problem::UnknownChoice {
            found: quoted(text),
            allowed: words(all),
            nearest: similar(text, all.iter().map(|(word, _)| *word)),
        })
}

/// The nearest of `words`, unless it has little in common with `text`.
fn similar<'a>(text: &str, words: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let nearest = nearest(text, words);
    (strsim::normalized_damerau_levenshtein(text, nearest) > 0.5).then_some(nearest)
}

/// The words, separated by commas.
fn words<T>(all: &[(&str, T)]) -> String {
    let words: Vec<_> = all.iter().map(|(word, _)| *word).collect();
    words.join(", ")
}

/// The one of `words` that is fewest edits away from `text`.
pub(super) fn nearest<'a>(text: &str, words: impl Iterator<Item = &'a str>) -> &'a str {
    let text = text.to_lowercase();
    let distance = |word: &&str| strsim::damerau_levenshtein(&text, word);
    words.min_by_key(distance).unwrap_or_default()
}
