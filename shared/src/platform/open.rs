//! The opened parts of a process.

use std::{fmt, sync::Arc};

use chimera_bus::{Bus, group_commit};
use chimera_traces::store::{self, Store};

use crate::{
    agent::{Messaging, Services},
    cache::{self, Cache},
    config::Config,
    data_dir::DataDirError,
    documents::{self, Documents},
    http::Http,
    platform::{Checks, bus::PlatformBus, local::Local},
    telemetry::{Telemetry, TelemetryError},
    timeseries::{self, TimeSeries},
};

/// The opened parts of a process.
pub struct Platform {
    pub(super) bus: PlatformBus,
    pub(super) documents: Documents,
    pub(super) cache: Cache,
    pub(super) timeseries: TimeSeries,
    pub(super) http: Http,
    pub(super) checks: Checks,
    // Released last: fields are dropped in the order they stand.
    pub(super) local: Local,
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
    /// The cache.
    #[error(transparent)]
    Cache(#[from] cache::OpenError),
    /// The store of time series.
    #[error(transparent)]
    TimeSeries(#[from] timeseries::OpenError),
    /// The embedded trace store.
    #[error(transparent)]
    Traces(#[from] store::OpenError),
    /// A server does not let us in, and waiting would not change that.
    #[error("`{key}` is {url}")]
    Refused {
        /// The setting.
        key: &'static str,
        /// Its value, without credentials.
        url: String,
        /// What the server, or its client, said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Telemetry, whose log lines tell what is waited for, could not be set up.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
}

impl Platform {
    /// Opens what `config` names, for `program`, which the lock of the data directory names to others. Servers that
    /// cannot be reached are waited for.
    ///
    /// # Errors
    /// See [`OpenError`]; what had been opened before is closed again.
    pub async fn open(config: Config, program: &str) -> Result<Self, OpenError> {
        Self::prepare(config, program)?.open().await
    }

    /// The configuration it was opened with.
    pub fn config(&self) -> &Config {
        &self.local.config
    }

    /// The built-in trace store, when the exporter `embedded` is on.
    pub fn traces(&self) -> Option<&Store> {
        self.local.traces.as_ref()
    }

    /// The bus.
    pub fn bus(&self) -> Arc<dyn Bus> {
        self.bus.bus()
    }

    /// Telemetry of `service`, as the configuration has it.
    ///
    /// # Errors
    /// [`TelemetryError`] when an exporter cannot be made.
    pub fn telemetry(&self, service: &str) -> Result<Telemetry, TelemetryError> {
        self.local.telemetry(service)
    }

    pub(crate) fn services(&self, telemetry: Telemetry, agent: &str) -> Arc<Services> {
        Arc::new(Services {
            messaging: Messaging::new(agent, telemetry, &self.bus),
            documents: self.documents.clone(),
            cache: self.cache.clone(),
            timeseries: self.timeseries.clone(),
            http: self.http.clone(),
        })
    }

    /// Closes bus and stores.
    pub(super) async fn close(&self) {
        self.bus.close().await;
        self.documents.close().await;
        self.timeseries.close().await;
    }
}

impl fmt::Debug for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Platform")
            .field("bus", &self.bus)
            .field("data_dir", &self.local.data_dir())
            .finish_non_exhaustive()
    }
}
