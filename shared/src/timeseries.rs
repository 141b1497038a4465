//! Time series: numbers by time, in an engine that the configuration chooses.
//!
//! What is offered is what InfluxDB and the embedded engine both do well: a value has a measurement, tags, a field and a
//! time; writing it again replaces it, so that every write may be repeated. Nothing is ever filled in: a time without a
//! value is a time without a sample.
//!
//! What is kept here can be had again from where it came, so that a store that is down is no reason to fail.

mod embedded;
mod error;
mod influxdb;
mod names;

use std::{
    borrow::Cow,
    future::Future,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use opentelemetry::{KeyValue, trace::SpanKind};

use crate::{
    config::{TimeseriesConfig, TimeseriesUrl},
    telemetry::{DbCall, Peer, Scope, Span, SpanStart, keys},
};
use embedded::{Embedded, Memory};
use influxdb::InfluxDb;

pub use error::{OpenError, TimeSeriesError};
pub use influxdb::{InfluxDbError, InfluxDbSettings};
pub use names::Tags;

/// An operation as spans and metrics name it: InfluxDB's word, and what the conventions make of it for several at once.
struct Operation {
    one: &'static str,
    batch: &'static str,
}

const WRITE: Operation = Operation {
    one: "write",
    batch: "BATCH write",
};
const SELECT: Operation = Operation {
    one: "SELECT",
    batch: "BATCH SELECT",
};

/// A store of time series, opened once per process. A cheap clone.
#[derive(Debug, Clone)]
pub struct TimeSeries(Arc<Engine>);

#[derive(Debug)]
enum Engine {
    Embedded(Embedded),
    Memory(Memory),
    InfluxDb(Box<InfluxDb>),
}

/// A value at a moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// When, in nanoseconds since the Unix epoch.
    pub at_ns: i64,
    /// The value, which is finite.
    pub value: f64,
}

/// Values of one field of one series, to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Which series of the measurement.
    pub tags: Tags,
    /// What is measured.
    pub field: String,
    /// The values; of several at one time the last one counts.
    pub samples: Vec<Sample>,
}

/// What to read of one field of one series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// All of the series' tags.
    pub tags: Tags,
    /// What is measured.
    pub field: String,
    /// The first moment, in nanoseconds since the Unix epoch.
    pub from_ns: i64,
    /// The last moment, which is included.
    pub to_ns: i64,
}

impl TimeSeries {
    /// The store that `config` names; the embedded one keeps its files in `directory`, and opens them when it is first
    /// used. Without a directory it is [`TimeSeries::in_memory`]. No server is asked for yet; [`TimeSeries::check`] does
    /// that.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(config: &TimeseriesConfig, directory: Option<&Path>) -> Result<Self, OpenError> {
        match &config.url {
            TimeseriesUrl::Embedded => Ok(directory.map_or_else(Self::in_memory, Self::embedded)),
            TimeseriesUrl::Influxdb(url) => Self::influxdb(&InfluxDbSettings {
                url: url.clone(),
                ca_file: config.ca_file.clone(),
                connect_timeout: config.connect_timeout,
                timeout: config.timeout,
            }),
        }
    }

    /// The embedded engine with its files in `directory`, which is created where it is missing.
    ///
    /// It keeps about a month of a series in one piece, and so is meant for some values a day rather than a second.
    pub fn embedded(directory: &Path) -> Self {
        Self(Arc::new(Engine::Embedded(Embedded::new(directory))))
    }

    /// Samples in this process alone, a million at most: when more are written, what is there is forgotten, all at once.
    pub fn in_memory() -> Self {
        Self(Arc::new(Engine::Memory(Memory::default())))
    }

    /// A database of an InfluxDB server, which is connected to when it is first used.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn influxdb(settings: &InfluxDbSettings) -> Result<Self, OpenError> {
        let engine = InfluxDb::new(settings)?;
        Ok(Self(Arc::new(Engine::InfluxDb(Box::new(engine)))))
    }

    /// The store as it is used under `scope`: its spans are children of the scope's.
    pub fn scoped(&self, scope: &Scope) -> ScopedTimeSeries {
        ScopedTimeSeries {
            engine: Arc::clone(&self.0),
            scope: scope.clone(),
        }
    }

    /// Whether the store answers now.
    ///
    /// # Errors
    /// Why it does not; [`TimeSeriesError::is_transient`] tells what may pass from what somebody has to correct.
    pub async fn check(&self) -> Result<(), TimeSeriesError> {
        match &*self.0 {
            Engine::Embedded(engine) => engine.check(),
            Engine::Memory(_) => Ok(()),
            Engine::InfluxDb(engine) => Ok(engine.check().await?),
        }
    }

    /// Opens the files where there are any, so that nobody waits for them later.
    ///
    /// # Errors
    /// [`TimeSeriesError::Storage`]. Whoever uses the store next tries it again.
    pub async fn open_files(&self) -> Result<(), TimeSeriesError> {
        match &*self.0 {
            Engine::Embedded(engine) => engine.files().await.map(drop),
            Engine::Memory(_) | Engine::InfluxDb(_) => Ok(()),
        }
    }

    /// Closes the files; they are opened again if they are needed again.
    pub async fn close(&self) {
        match &*self.0 {
            Engine::Embedded(engine) => engine.close().await,
            Engine::Memory(_) | Engine::InfluxDb(_) => {}
        }
    }
}

impl Engine {
    fn system(&self) -> &'static str {
        match self {
            // Not one of the conventions' names, which allow others: the engine that really does the work.
            Self::Embedded(_) => "fjall",
            Self::Memory(_) => "chimera",
            Self::InfluxDb(_) => "influxdb",
        }
    }

    fn server(&self) -> Option<&InfluxDb> {
        match self {
            Self::Embedded(_) | Self::Memory(_) => None,
            Self::InfluxDb(engine) => Some(engine),
        }
    }
}

/// A store of time series under a span. A cheap clone.
#[derive(Debug, Clone)]
pub struct ScopedTimeSeries {
    engine: Arc<Engine>,
    scope: Scope,
}

impl ScopedTimeSeries {
    /// The measurement called `name`; it exists as soon as it has a value.
    ///
    /// Names of measurements, tags and fields, and values of tags, are 1 to 200 bytes without control characters and
    /// backslashes; no measurement begins with `#`, no tag or field is called `time` or begins with `_`, and no field
    /// like one of its tags. Anything else fails with [`TimeSeriesError::Name`].
    pub fn measurement(&self, name: &str) -> Measurement {
        Measurement {
            store: self.clone(),
            name: name.to_owned(),
        }
    }
}

/// A measurement: series that differ by their tags.
#[derive(Debug, Clone)]
pub struct Measurement {
    store: ScopedTimeSeries,
    name: String,
}

impl Measurement {
    /// Writes all of `runs`, in one request. What was written is there after a crash of this process; the embedded engine
    /// does not wait for the disk, so that losing power may cost it.
    ///
    /// # Errors
    /// See [`TimeSeriesError`]; some of it may have been written, and writing it again does no harm.
    pub async fn write(&self, runs: Vec<Run>) -> Result<(), TimeSeriesError> {
        let peer = Peer::default();
        self.traced(WRITE, runs.len(), &peer, async {
            names::check_runs(&self.name, &runs)?;
            match &*self.store.engine {
                Engine::Embedded(engine) => engine.write(&self.name, runs).await,
                Engine::Memory(engine) => {
                    engine.write(&self.name, runs);
                    Ok(())
                }
                Engine::InfluxDb(engine) => Ok(engine.write(&self.name, &runs, &peer).await?),
            }
        })
        .await
    }

    /// The samples of each of `ranges`, ascending by time, in one request.
    ///
    /// # Errors
    /// See [`TimeSeriesError`].
    pub async fn read(&self, ranges: &[Range]) -> Result<Vec<Vec<Sample>>, TimeSeriesError> {
        let peer = Peer::default();
        self.traced(SELECT, ranges.len(), &peer, async {
            names::check_ranges(&self.name, ranges)?;
            match &*self.store.engine {
                Engine::Embedded(engine) => engine.read(&self.name, ranges).await,
                Engine::Memory(engine) => Ok(engine.read(&self.name, ranges)),
                Engine::InfluxDb(engine) => Ok(engine.read(&self.name, ranges, &peer).await?),
            }
        })
        .await
    }

    /// `work` in a span, which says how many things of the kind it is about, and whom it reached.
    async fn traced<T>(
        &self,
        operation: Operation,
        batch: usize,
        peer: &Peer,
        work: impl Future<Output = Result<T, TimeSeriesError>>,
    ) -> Result<T, TimeSeriesError> {
        let operation = match batch {
            0 | 1 => operation.one,
            _ => operation.batch,
        };
        let span = self.store.scope.start_with(|| self.span(operation, batch));
        let started = Instant::now();
        let result = work.await;
        span.reached(peer.get());
        self.ended(operation, &span, started.elapsed(), result.as_ref().err());
        result
    }

    /// The measurement's name. One that was refused may be anything, also a secret in the wrong place.
    fn shown(&self) -> Option<&str> {
        let is_fine = names::check_measurement(&self.name).is_ok();
        is_fine.then_some(self.name.as_str())
    }

    fn span(&self, operation: &'static str, batch: usize) -> SpanStart {
        let engine = &*self.store.engine;
        let (server, measurement) = (engine.server(), self.shown());
        let name = measurement.map_or_else(
            || Cow::Borrowed(operation),
            |name| format!("{operation} {name}").into(),
        );
        // The conventions want a batch's size only where it is one.
        let batch = i64::try_from(batch).ok().filter(|size| *size > 1);
        SpanStart::new(SpanKind::Client, name)
            .with(KeyValue::new(keys::DB_SYSTEM_NAME, engine.system()))
            .with_some(
                keys::DB_NAMESPACE,
                server.map(|server| server.database().to_owned()),
            )
            .with(KeyValue::new(keys::DB_OPERATION_NAME, operation))
            .with_some(keys::DB_COLLECTION_NAME, measurement.map(str::to_owned))
            .with_some(keys::DB_OPERATION_BATCH_SIZE, batch)
            .with_some(
                keys::SERVER_ADDRESS,
                server.map(|server| server.host().to_owned()),
            )
            .with_some(
                keys::SERVER_PORT,
                server.map(|server| i64::from(server.port())),
            )
    }

    /// Records how it ended, on its span and in the metrics.
    fn ended(
        &self,
        operation: &'static str,
        span: &Span,
        duration: Duration,
        error: Option<&TimeSeriesError>,
    ) {
        let engine = &*self.store.engine;
        let server = engine.server();
        let code = error.and_then(TimeSeriesError::status_code);
        if let Some(error) = error {
            if let Some(code) = &code {
                span.set(KeyValue::new(keys::DB_RESPONSE_STATUS_CODE, code.clone()));
            }
            let error_type = code.clone().map_or(error.error_type().into(), Cow::Owned);
            span.fail(error_type, error);
        }
        self.store.scope.telemetry().metrics().database(DbCall {
            system: engine.system(),
            operation,
            collection: self.shown(),
            namespace: server.map(InfluxDb::database),
            server: server.map(|server| (server.host(), server.port())),
            status_code: code.as_deref(),
            error_type: code.as_deref().or(error.map(TimeSeriesError::error_type)),
            duration,
            span: Some(span),
        });
    }
}

#[cfg(test)]
mod tests;
