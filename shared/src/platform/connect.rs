//! Connecting to the servers that the configuration names, waiting for those that are not there yet.

use crate::{
    cache::Cache,
    config::{BusUrl, Config, DocumentsUrl},
    documents::Documents,
    http::{Http, HttpSettings},
    platform::{OpenError, Platform, Waits, bus::PlatformBus, checks::ChecksBuilder, local::Local},
    telemetry::Telemetry,
};

impl Local {
    /// Connects to what is not on this machine. What it waits for is shown by `waits`, and told by the logger of the
    /// future.
    pub(super) async fn connect(
        mut self,
        waits: &Waits,
        log: &Telemetry,
    ) -> Result<Platform, OpenError> {
        let bus = self.bus.take().map(PlatformBus::Embedded);
        let documents = self.documents.take();
        let (bus, documents, cache) = tokio::try_join!(
            connect_bus(&self.config, bus, waits),
            connect_documents(&self.config, documents, waits),
            connect_cache(&self.config),
        )?;
        let (for_documents, for_cache) = (documents.clone(), cache.clone());
        let checks = ChecksBuilder::default()
            .with("documents", server(&self.config.documents.url), move || {
                let documents = for_documents.clone();
                async move { documents.check().await }
            })
            .with("cache", server(&self.config.cache.url), move || {
                let cache = for_cache.clone();
                async move { cache.check().await }
            })
            .build(log.dispatch().clone());
        let http = HttpSettings {
            propagate_to: self.config.telemetry.propagate_to.clone(),
            ..HttpSettings::default()
        };
        Ok(Platform {
            bus,
            documents,
            cache,
            http: Http::new(http),
            checks,
            local: self,
        })
    }
}

/// The URL of a server as it can be shown; `None` for what is embedded.
pub(super) fn server(url: &impl ToString) -> Option<String> {
    let url = url.to_string();
    url.contains("//").then_some(url)
}

async fn connect_bus(
    config: &Config,
    embedded: Option<PlatformBus>,
    _waits: &Waits,
) -> Result<PlatformBus, OpenError> {
    match (&config.bus.url, embedded) {
        (BusUrl::Embedded, Some(bus)) => Ok(bus),
        (url, _) => Err(not_embedded("bus.url", url)),
    }
}

async fn connect_documents(
    config: &Config,
    embedded: Option<Documents>,
    _waits: &Waits,
) -> Result<Documents, OpenError> {
    match (&config.documents.url, embedded) {
        (DocumentsUrl::Embedded, Some(documents)) => Ok(documents),
        (url, _) => Err(not_embedded("documents.url", url)),
    }
}

/// A cache that is not there is not waited for: it counts as empty until it is.
async fn connect_cache(config: &Config) -> Result<Cache, OpenError> {
    let cache = Cache::open(&config.cache)?;
    match cache.check().await {
        Err(error) if !error.is_transient() => Err(OpenError::Refused {
            key: "cache.url",
            url: config.cache.url.to_string(),
            source: error.into(),
        }),
        Ok(()) | Err(_) => Ok(cache),
    }
}

fn not_embedded(key: &'static str, url: &impl ToString) -> OpenError {
    let url = url.to_string();
    OpenError::NotEmbedded { key, url }
}
