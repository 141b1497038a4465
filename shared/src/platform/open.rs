//! Opening the parts that the configuration names.

use std::{fmt, path::Path, sync::Arc};

use chimera_bus::{
    Bus, Requester,
    embedded::{EmbeddedBus, Options, QueueLimits},
    group_commit,
};
use chimera_traces::store::{self, Retention, Store};

use crate::{
    agent::Services,
    cache::{Cache, Keys, Shown},
    config::{
        BusConfig, BusUrl, CacheUrl, Config, DocumentsUrl, Exporter, TelemetryConfig, TimeseriesUrl,
    },
    data_dir::{DataDir, DataDirError},
    documents::{self, Documents},
    http::{Http, HttpSettings},
    telemetry::{Setup, Telemetry, TelemetryError},
};

/// The opened parts of a process.
pub struct Platform {
    pub(super) config: Config,
    pub(super) bus: Arc<EmbeddedBus>,
    pub(super) documents: Documents,
    pub(super) cache: Cache,
    pub(super) http: Http,
    pub(super) traces: Option<Store>,
    // Released last: fields are dropped in the order they stand.
    _data_dir: DataDir,
}

/// A part could not be opened. Each says what, where and what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The data directory cannot be used, or another process uses it.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The journal of the embedded bus.
    #[error(transparent)]
    Bus(#[from] group_commit::OpenError),
    /// The embedded document store.
    #[error(transparent)]
    Documents(#[from] documents::OpenError),
    /// The embedded trace store.
    #[error(transparent)]
    Traces(#[from] store::OpenError),
    /// A server that this version cannot talk to.
    #[error("`{key}` is {url}: this version opens only `embedded:`")]
    NotEmbedded {
        /// The setting.
        key: &'static str,
        /// Its value, without credentials.
        url: String,
    },
}

impl Platform {
    /// Opens what `config` names, for `program`, which the lock of the data directory names to others.
    ///
    /// # Errors
    /// See [`OpenError`]; what had been opened before is closed again.
    pub async fn open(config: Config, program: &str) -> Result<Self, OpenError> {
        refuse_servers(&config)?;
        let data_dir = DataDir::open(&config.data_dir, program)?;
        let (bus, documents, traces) = open_stores(&config).await?;
        let keys = Keys {
            prefix: String::new(),
            shown: Shown::Never,
        };
        let http = HttpSettings {
            propagate_to: config.telemetry.propagate_to.clone(),
            ..HttpSettings::default()
        };
        Ok(Self {
            bus: Arc::new(bus),
            documents,
            cache: Cache::embedded(config.cache.max_bytes.as_u64(), keys),
            http: Http::new(http),
            traces,
            config,
            _data_dir: data_dir,
        })
    }

    /// The configuration it was opened with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The built-in trace store, when the exporter `embedded` is on.
    pub fn traces(&self) -> Option<&Store> {
        self.traces.as_ref()
    }

    /// The bus.
    pub fn bus(&self) -> Arc<dyn Bus> {
        Arc::clone(&self.bus) as Arc<dyn Bus>
    }

    /// Telemetry of `service`, as the configuration has it.
    ///
    /// # Errors
    /// [`TelemetryError`] when an exporter cannot be made.
    pub fn telemetry(&self, service: &str) -> Result<Telemetry, TelemetryError> {
        let setup = Setup {
            telemetry: &self.config.telemetry,
            log: &self.config.log,
            version: Some(env!("CARGO_PKG_VERSION")),
            store: self.traces.clone(),
        };
        Telemetry::build(service, setup)
    }

    pub(super) fn services(&self, agent: &str) -> Result<Arc<Services>, TelemetryError> {
        let telemetry = self.telemetry(agent)?;
        Ok(Arc::new(Services {
            agent: agent.to_owned(),
            bus: self.bus(),
            bus_system: "chimera",
            requester: Requester::new(self.bus()),
            documents: self.documents.clone(),
            cache: self.cache.clone(),
            http: self.http.clone(),
            telemetry,
        }))
    }
}

/// This version has the embedded parts only.
fn refuse_servers(config: &Config) -> Result<(), OpenError> {
    let urls = [
        (
            "bus.url",
            config.bus.url != BusUrl::Embedded,
            config.bus.url.to_string(),
        ),
        (
            "documents.url",
            config.documents.url != DocumentsUrl::Embedded,
            config.documents.url.to_string(),
        ),
        (
            "cache.url",
            config.cache.url != CacheUrl::Embedded,
            config.cache.url.to_string(),
        ),
        (
            "timeseries.url",
            config.timeseries.url != TimeseriesUrl::Embedded,
            config.timeseries.url.to_string(),
        ),
    ];
    match urls.into_iter().find(|(_, is_server, _)| *is_server) {
        Some((key, _, url)) => Err(OpenError::NotEmbedded { key, url }),
        None => Ok(()),
    }
}

/// All at once: each waits for some dozens of syncs when its directory is new, and syncs of one disk share their work.
async fn open_stores(
    config: &Config,
) -> Result<(EmbeddedBus, Documents, Option<Store>), OpenError> {
    let directory = |name: &str| config.data_dir.join(name);
    let (bus, documents, traces) = tokio::join!(
        blocking({
            let (directory, options) = (directory("bus"), options(&config.bus));
            move || EmbeddedBus::open(&directory, options)
        }),
        async { Documents::open_embedded(&directory("documents")).await },
        blocking({
            let (directory, telemetry) = (directory("traces"), config.telemetry.clone());
            move || open_traces(&telemetry, &directory)
        }),
    );
    Ok((bus?, documents?, traces?))
}

async fn blocking<T: Send + 'static>(open: impl FnOnce() -> T + Send + 'static) -> T {
    let opened = tokio::task::spawn_blocking(open).await;
    opened.expect("opening does not panic")
}

fn open_traces(
    telemetry: &TelemetryConfig,
    directory: &Path,
) -> Result<Option<Store>, store::OpenError> {
    if !telemetry.enabled || !telemetry.exporters.contains(&Exporter::Embedded) {
        return Ok(None);
    }
    let retention = Retention {
        age: telemetry.retention_age,
        size_bytes: telemetry.retention_size.as_u64(),
        ..Retention::default()
    };
    Store::open_with(directory, retention).map(Some)
}

fn options(bus: &BusConfig) -> Options {
    let limits = QueueLimits {
        messages: bus.max_queue_messages.get(),
        // A limit beyond what this machine can address is no limit.
        bytes: usize::try_from(bus.max_queue_bytes.as_u64()).unwrap_or(usize::MAX),
        ..QueueLimits::default()
    };
    Options {
        limits,
        ..Options::default()
    }
}

impl fmt::Debug for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Platform")
            .field("data_dir", &self.config.data_dir)
            .finish_non_exhaustive()
    }
}
