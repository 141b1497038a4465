//! What a process has on this machine: the embedded parts, in a data directory that it has to itself.

use std::{path::Path, sync::Arc};

use chimera_bus::{
    embedded::{EmbeddedBus, Options, QueueLimits},
    group_commit,
};
use chimera_traces::store::{self, Retention, Store};

use crate::{
    config::{BusConfig, BusUrl, Config, DocumentsUrl, Exporter, TelemetryConfig},
    data_dir::DataDir,
    documents::{self, Documents},
    platform::OpenError,
    telemetry::{Setup, Siblings, Telemetry, TelemetryError},
};

/// The embedded parts of a process, those that its configuration names.
#[derive(Debug)]
pub(super) struct Local {
    pub(super) config: Config,
    pub(super) bus: Option<Arc<EmbeddedBus>>,
    pub(super) documents: Option<Documents>,
    pub(super) traces: Option<Store>,
    siblings: Siblings,
    // Released last: fields are dropped in the order they stand.
    pub(super) data_dir: Option<DataDir>,
}

/// Whether any part of `config` keeps something in the data directory that must not be lost. Time series can be had
/// again: they are kept there when it is taken for something else, and in memory when it is not.
pub(super) fn needs_data_dir(config: &Config) -> bool {
    config.bus.url == BusUrl::Embedded
        || config.documents.url == DocumentsUrl::Embedded
        || keeps_traces(&config.telemetry)
}

fn keeps_traces(telemetry: &TelemetryConfig) -> bool {
    telemetry.enabled && telemetry.exporters.contains(&Exporter::Embedded)
}

impl Local {
    /// Opens all at once: each waits for some dozens of syncs when its directory is new, and syncs of one disk share
    /// their work.
    pub(super) async fn open(config: Config, data_dir: Option<DataDir>) -> Result<Self, OpenError> {
        let directory = |name: &str| config.data_dir.join(name);
        let (bus, documents, traces) = tokio::join!(
            open_bus(&config.bus, directory("bus")),
            open_documents(&config.documents.url, directory("documents")),
            open_traces(&config.telemetry, directory("traces")),
        );
        Ok(Self {
            bus: bus?.map(Arc::new),
            documents: documents?,
            traces: traces?,
            siblings: Siblings::default(),
            config,
            data_dir,
        })
    }

    /// Telemetry of `service`, as the configuration has it.
    pub(super) fn telemetry(&self, service: &str) -> Result<Telemetry, TelemetryError> {
        let setup = Setup {
            telemetry: &self.config.telemetry,
            log: &self.config.log,
            version: Some(env!("CARGO_PKG_VERSION")),
            store: self.traces.clone(),
            siblings: self.siblings.clone(),
        };
        Telemetry::build(service, setup)
    }

    /// The data directory, where there is one.
    pub(super) fn data_dir(&self) -> Option<&Path> {
        self.data_dir.as_ref().map(DataDir::path)
    }
}

async fn open_bus(
    config: &BusConfig,
    directory: std::path::PathBuf,
) -> Result<Option<EmbeddedBus>, group_commit::OpenError> {
    if config.url != BusUrl::Embedded {
        return Ok(None);
    }
    let options = options(config);
    blocking(move || EmbeddedBus::open(&directory, options))
        .await
        .map(Some)
}

async fn open_documents(
    url: &DocumentsUrl,
    directory: std::path::PathBuf,
) -> Result<Option<Documents>, documents::OpenError> {
    match url {
        DocumentsUrl::Embedded => Documents::open_embedded(&directory).await.map(Some),
        DocumentsUrl::Mongodb(_) => Ok(None),
    }
}

async fn open_traces(
    telemetry: &TelemetryConfig,
    directory: std::path::PathBuf,
) -> Result<Option<Store>, store::OpenError> {
    if !keeps_traces(telemetry) {
        return Ok(None);
    }
    let retention = Retention {
        age: telemetry.retention_age,
        size_bytes: telemetry.retention_size.as_u64(),
        ..Retention::default()
    };
    blocking(move || Store::open_with(&directory, retention))
        .await
        .map(Some)
}

async fn blocking<T: Send + 'static>(open: impl FnOnce() -> T + Send + 'static) -> T {
    let opened = tokio::task::spawn_blocking(open).await;
    opened.expect("opening does not panic")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_embedded_parts_need_a_directory() {
        let servers = || {
            let mut config = Config::for_test(Path::new("unused"));
            config.bus.url = BusUrl::Amqp(url("amqp://h"));
            config.documents.url = DocumentsUrl::Mongodb(url("mongodb://h"));
            config.telemetry.exporters = vec![Exporter::Otlp];
            config
        };
        fn url(text: &str) -> crate::config::RedactedUrl {
            crate::config::RedactedUrl::parse(text, &["amqp", "mongodb"]).unwrap()
        }
        fn check(config: &Config, expected: bool) {
            assert_eq!(needs_data_dir(config), expected, "{config:?}");
        }
        check(&servers(), false);
        let mut config = servers();
        config.bus.url = BusUrl::Embedded;
        check(&config, true);
        let mut config = servers();
        config.documents.url = DocumentsUrl::Embedded;
        check(&config, true);
        let mut config = servers();
        config.telemetry.exporters = vec![Exporter::Otlp, Exporter::Embedded];
        check(&config, true);
        config.telemetry.enabled = false;
        check(&config, false);
    }
}
