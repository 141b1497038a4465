//! The sections of the configuration: every key with its type, its default and its meaning.
//!
//! The variable of the key `bus.url` is `CHIMERA__BUS__URL`, and so for each.

mod otlp;
mod sampling;
mod sources;
mod telemetry;

use std::net::SocketAddr;
use std::num::{NonZeroU16, NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;

use super::settings::settings;
use super::urls::{ApiUrl, BusUrl, CacheUrl, DocumentsUrl, TimeseriesUrl, TracesUrl};

pub use otlp::{OtlpConfig, OtlpSignal, OtlpSignalConfig, Signal};
pub use sampling::SamplerRule;
pub use sources::{SourceConfig, SourcesConfig, ZcashConfig};
pub use telemetry::{
    BatchConfig, FileConfig, Headers, JaegerConfig, LimitsConfig, LogConfig, LogFilter,
    MetricsConfig, TelemetryConfig, ZipkinConfig,
};

settings! {
    /// The whole configuration of Chimera, checked.
    pub struct Config {
        /// Directory of everything that is kept: the bus's journal, documents, spans.
        /// Empty: the platform's data directory for programs of this user, then `chimera`.
        data_dir: PathBuf = "",
    }
    sections {
        /// The message bus.
        bus: BusConfig,
        /// Documents: questions and answers.
        documents: DocumentsConfig,
        /// The cache.
        cache: CacheConfig,
        /// Time series.
        timeseries: TimeseriesConfig,
        /// The HTTP gateway, `chimera-api`.
        api: ApiConfig,
        /// Where market data comes from.
        sources: SourcesConfig,
        /// What every agent does alike.
        agent: AgentConfig,
        /// The trace viewer, its query API, and the door by which commands reach a running `chimera up`.
        viewer: ViewerConfig,
        /// Where commands read traces.
        traces: TracesConfig,
        /// Traces and metrics.
        telemetry: TelemetryConfig,
        /// Log lines.
        log: LogConfig,
    }
}

settings! {
    /// The message bus: keys under `[bus]`, variables `CHIMERA__BUS__…`.
    pub struct BusConfig {
        /// Where the bus is: `embedded:`, or `amqp(s)://user:password@host1,host2/vhost`.
        url: BusUrl = "embedded:",
        /// File that holds the password of the user in `url`, as Docker and Kubernetes hand out secrets.
        password_file: Option<PathBuf> = "",
        /// File of certificates (PEM) of the authorities that an `amqps` broker may be signed by. Empty: the system's.
        ca_file: Option<PathBuf> = "",
        /// Time that connecting to one host of `url` may take.
        connect_timeout: Duration = "10s" in "100ms"..="10m",
        /// Name of the connection, as RabbitMQ's management page shows it. Empty: the agent's name. The host's name follows.
        connection_name: Option<String> = "",
        /// Deliveries of a queue that an agent may have unsettled at a time.
        prefetch: NonZeroU16 = 32,
        /// Messages that a queue of the embedded bus holds at most; a publisher waits until there is room.
        max_queue_messages: NonZeroUsize = 100_000,
        /// Bytes of message bodies that a queue of the embedded bus holds at most; a publisher waits until there is room.
        max_queue_bytes: ByteSize = "256 MiB" in "16 MiB"..="64 GiB",
    }
}

settings! {
    /// Documents: keys under `[documents]`, variables `CHIMERA__DOCUMENTS__…`.
    pub struct DocumentsConfig {
        /// Where documents are kept: `embedded:`, or `mongodb://user:password@host1,host2/database?…`. What a
        /// query behind it says, as `maxPoolSize` or `tls`, goes before the keys here. `mongodb+srv` is not known.
        url: DocumentsUrl = "embedded:",
        /// File that holds the password of the user in `url`.
        password_file: Option<PathBuf> = "",
        /// Database. Empty: the one in `url`, else `chimera`.
        database: String = "",
        /// What every collection's name begins with, so that several systems can share a database.
        collection_prefix: String = "",
        /// File of certificates (PEM) of the authorities that the server may be signed by; turns TLS on. Empty: those of
        /// the web, when `url` says `tls=true`.
        ca_file: Option<PathBuf> = "",
        /// Connections to each server at most; who needs one more waits.
        max_connections: NonZeroU32 = 32,
        /// Time that connecting, and finding a server that takes the operation, may take.
        connect_timeout: Duration = "5s" in "10ms"..="10m",
        /// Time that an operation may take, with connecting.
        timeout: Duration = "10s" in "10ms"..="10m",
    }
}

settings! {
    /// The cache: keys under `[cache]`, variables `CHIMERA__CACHE__…`.
    pub struct CacheConfig {
        /// Where the cache is: `embedded:`, or `redis(s)://…`.
        url: CacheUrl = "embedded:",
        /// File that holds the password of the user in `url`, or of the server where it names none.
        password_file: Option<PathBuf> = "",
        /// Memory that the embedded cache fills at most; what was not used for longest makes room.
        max_bytes: ByteSize = "64 MiB" in "1 KiB"..="64 GiB",
        /// What every key in Redis begins with, so that several systems can share a server.
        key_prefix: String = "chimera:",
        /// File of certificates (PEM) of the authorities that a `rediss` server may be signed by. Empty: the system's.
        ca_file: Option<PathBuf> = "",
        /// Time that connecting to Redis may take.
        connect_timeout: Duration = "1s" in "1ms"..="10m",
        /// Time that an answer of Redis may take. A cache that does not answer counts as empty.
        timeout: Duration = "1s" in "1ms"..="10m",
        /// Largest value that is put into Redis.
        max_value_bytes: ByteSize = "16 MiB" in "1 KiB"..="512 MiB",
        /// Whether spans show keys, in `db.query.text`. They may hold what a person asked.
        show_keys: bool = false,
    }
}

settings! {
    /// Time series: keys under `[timeseries]`, variables `CHIMERA__TIMESERIES__…`.
    pub struct TimeseriesConfig {
        /// Where time series are kept: `embedded:`, or `influxdb(s)://…`. Embedded, they are in the data directory, and in
        /// memory where bus, documents and traces are all on servers, so that the process has none.
        url: TimeseriesUrl = "embedded:",
        /// File that holds the password of the user in `url`.
        password_file: Option<PathBuf> = "",
        /// File of certificates (PEM) of the authorities that an `influxdbs` server may be signed by. Empty: the system's.
        ca_file: Option<PathBuf> = "",
        /// Time that connecting to InfluxDB may take.
        connect_timeout: Duration = "1s" in "1ms"..="10m",
        /// Time that an answer of InfluxDB may take. A store that does not answer counts as empty.
        timeout: Duration = "2s" in "1ms"..="10m",
    }
}

settings! {
    /// The HTTP gateway: keys under `[api]`, variables `CHIMERA__API__…`.
    pub struct ApiConfig {
        /// Address and port that it listens on; port 0 takes a free one.
        listen: SocketAddr = "127.0.0.1:8080",
        /// Where `chimera ask` asks: `embedded:`, the running `chimera up` or else its own process; or the address of a
        /// `chimera-api`.
        url: ApiUrl = "embedded:",
        /// Largest body of a request; a larger one is answered with 413.
        max_body: ByteSize = "64 KiB" in "1 KiB"..="64 MiB",
        /// Longest question, in characters.
        max_question_chars: NonZeroUsize = 2000,
        /// Questions that are worked on at a time; one more is answered with 429.
        max_concurrent_questions: NonZeroUsize = 256,
        /// Time in which a question must be answered; then it is expired.
        question_timeout: Duration = "60s" in "100ms"..="1d",
        /// Longest that a request can wait for its answer with `Prefer: wait`.
        max_wait: Duration = "60s" in "0s"..="1h",
    }
}

settings! {
    /// What every agent does alike: keys under `[agent]`, variables `CHIMERA__AGENT__…`.
    pub struct AgentConfig {
        /// Address and port of `/healthz`, `/readyz` and `/metrics`; port 0 takes a free one, for each agent its own.
        health_listen: SocketAddr = "127.0.0.1:0",
        /// Messages that an agent handles at a time.
        concurrency: NonZeroUsize = 32,
        /// Attempts at a message before it is dead-lettered, the first one counted.
        max_attempts: NonZeroU32 = 5 in 1..=1000,
        /// Time that one attempt of a handler may take.
        handler_timeout: Duration = "30s" in "1ms"..="1d",
        /// Longest wait before the second attempt; each further one doubles it. The wait is drawn between 0 and that.
        backoff_base: Duration = "200ms" in "1ms"..="1h",
        /// Where the doubling ends.
        backoff_max: Duration = "30s" in "1ms"..="1d",
        /// Time that handlers get to finish when the program is told to stop.
        grace: Duration = "10s" in "0s"..="1h",
    }
}

settings! {
    /// The trace viewer: keys under `[viewer]`, variables `CHIMERA__VIEWER__…`.
    pub struct ViewerConfig {
        /// Address and port that it listens on, and that commands find a running `chimera up` at; port 0 takes a free one.
        listen: SocketAddr = "127.0.0.1:16686",
    }
}

settings! {
    /// Where commands read traces: keys under `[traces]`, variables `CHIMERA__TRACES__…`.
    pub struct TracesConfig {
        /// Where commands read traces: `embedded:`, the running `chimera up`; or Jaeger, as `http://localhost:16686`.
        url: TracesUrl = "embedded:",
    }
}
