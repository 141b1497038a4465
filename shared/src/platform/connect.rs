//! Connecting to the servers that the configuration names, waiting for those that are not there yet.

use std::{error::Error, path::Path, sync::Arc};

use chimera_bus::amqp::{AmqpBus, ConnectError, Options};

use crate::{
    cache::Cache,
    config::{
        BusConfig, BusUrl, CacheConfig, Config, DocumentsConfig, RedactedUrl, TimeseriesConfig,
    },
    documents::{self, Documents},
    http::{Http, HttpSettings},
    platform::{
        Checks, OpenError, Platform, Waits,
        bus::{Broker, PlatformBus},
        checks::{ChecksBuilder, Part},
        local::Local,
    },
    telemetry::Telemetry,
    timeseries::TimeSeries,
};

impl Local {
    /// Connects to what is not on this machine. What it waits for is shown by `waits`, and told by the subscriber of the
    /// future.
    pub(super) async fn connect(
        mut self,
        waits: &Waits,
        log: &Telemetry,
    ) -> Result<Platform, OpenError> {
        let embedded = self.documents.take();
        let (bus, documents, cache, timeseries) = tokio::try_join!(
            self.connect_bus(waits, log.service()),
            connect_documents(&self.config.documents, embedded, waits),
            connect_cache(&self.config.cache),
            connect_timeseries(&self.config.timeseries, self.data_dir()),
        )?;
        self.bus = None;
        let http = HttpSettings {
            propagate_to: self.config.telemetry.propagate_to.clone(),
            traceparent_to: self.config.telemetry.traceparent_to.clone(),
            ..HttpSettings::default()
        };
        Ok(Platform {
            checks: checks(&self.config, (&documents, &cache, &timeseries), log),
            bus,
            documents,
            cache,
            timeseries,
            http: Http::new(http),
            local: self,
        })
    }

    async fn connect_bus(&self, waits: &Waits, name: &str) -> Result<PlatformBus, OpenError> {
        match (&self.config.bus.url, &self.bus) {
            (BusUrl::Embedded, Some(bus)) => Ok(PlatformBus::Embedded(Arc::clone(bus))),
            (BusUrl::Embedded, None) => unreachable!("opened with the other embedded parts"),
            (BusUrl::Amqp(url), _) => connect_broker(&self.config.bus, url, name, waits).await,
        }
    }
}

/// Connects to the broker at `url` as `name`, without waiting for one that cannot be reached.
pub(crate) async fn connect_once(
    config: &BusConfig,
    url: &RedactedUrl,
    name: &str,
) -> Result<PlatformBus, OpenError> {
    let bus = AmqpBus::connect(amqp_options(config, url, name)).await;
    amqp(url, bus)
}

/// Connects to the broker at `url` as `name`, and waits for one that cannot be reached.
async fn connect_broker(
    config: &BusConfig,
    url: &RedactedUrl,
    name: &str,
    waits: &Waits,
) -> Result<PlatformBus, OpenError> {
    let awaited = waits.begin("bus", url);
    let connect = || AmqpBus::connect(amqp_options(config, url, name));
    let bus = awaited.until(connect, ConnectError::is_transient).await;
    amqp(url, bus)
}

fn amqp(
    url: &RedactedUrl,
    connected: Result<AmqpBus, ConnectError>,
) -> Result<PlatformBus, OpenError> {
    let bus = connected.map_err(|error| refused("bus.url", url, error))?;
    let broker = Broker::rabbitmq(url, Some(bus.clone()));
    Ok(PlatformBus::Amqp(Arc::new(bus), broker))
}

fn amqp_options(config: &BusConfig, url: &RedactedUrl, name: &str) -> Options {
    let name = config.connection_name.as_deref().unwrap_or(name);
    Options {
        ca: config.ca_file.clone(),
        connect_timeout: config.connect_timeout,
        ..Options::new(url.expose(), name)
    }
}

async fn connect_documents(
    config: &DocumentsConfig,
    embedded: Option<Documents>,
    waits: &Waits,
) -> Result<Documents, OpenError> {
    let Some(url) = config.url.server() else {
        return Ok(embedded.expect("opened with the other embedded parts"));
    };
    let awaited = waits.begin("documents", url);
    let connect = || Documents::connect(url, config);
    let may_pass = documents::OpenError::is_transient;
    let connected = awaited.until(connect, may_pass).await;
    connected.map_err(|error| refused("documents.url", url, error))
}

/// A cache that is not there is not waited for: it counts as empty until it is.
async fn connect_cache(config: &CacheConfig) -> Result<Cache, OpenError> {
    let cache = Cache::open(config)?;
    match (config.url.server(), cache.check().await) {
        (Some(url), Err(error)) if !error.is_transient() => Err(refused("cache.url", url, error)),
        _ => Ok(cache),
    }
}

/// As with the cache: what is kept there can be had again. So the embedded one alone is no reason to have a data
/// directory, which would keep a second process off this host: where there is none, it is in memory.
async fn connect_timeseries(
    config: &TimeseriesConfig,
    data_dir: Option<&Path>,
) -> Result<TimeSeries, OpenError> {
    let directory = data_dir.map(|data_dir| data_dir.join("timeseries"));
    let timeseries = TimeSeries::open(config, directory.as_deref())?;
    match (config.url.server(), timeseries.check().await) {
        (Some(url), Err(error)) if !error.is_transient() => {
            Err(refused("timeseries.url", url, error))
        }
        _ => Ok(timeseries),
    }
}

fn checks(
    config: &Config,
    (documents, cache, timeseries): (&Documents, &Cache, &TimeSeries),
    log: &Telemetry,
) -> Checks {
    let (documents, cache) = (documents.clone(), cache.clone());
    let timeseries = timeseries.clone();
    let part = |name, url: Option<&RedactedUrl>, without| Part {
        name,
        server: url.map(RedactedUrl::place),
        without,
    };
    let documents_part = part(
        "documents",
        config.documents.url.server(),
        "what needs them fails, and messages are retried",
    );
    let cache_part = part("cache", config.cache.url.server(), "it counts as empty");
    let timeseries_part = part(
        "timeseries",
        config.timeseries.url.server(),
        "they are fetched from their sources each time",
    );
    ChecksBuilder::default()
        .with(documents_part, move || {
            let documents = documents.clone();
            async move { documents.check().await }
        })
        .with(cache_part, move || {
            let cache = cache.clone();
            async move { cache.check().await }
        })
        .with(timeseries_part, move || {
            let timeseries = timeseries.clone();
            async move { timeseries.check().await }
        })
        .build(log.dispatch().clone())
}

fn refused(
    key: &'static str,
    url: &RedactedUrl,
    error: impl Error + Send + Sync + 'static,
) -> OpenError {
    OpenError::Refused {
        key,
        url: url.to_string(),
        source: Box::new(error),
    }
}
