//! The span store: OTLP in through one door, traces out.

mod block;
mod chunk;
mod health;
mod key;
mod mover;
mod origin;
mod read;
mod record;
mod retention;
mod search;
mod tail;
#[cfg(test)]
mod tests;
mod write;

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, mpsc::Receiver},
};

use fjall::{Database, Keyspace, KeyspaceCreateOptions};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span};
use opentelemetry_sdk::trace::SpanData;

pub use self::{health::Health, origin::Origin, retention::Retention, search::Query};
use self::{
    health::Monitor,
    mover::Mover,
    origin::{Catalog, Origins},
    retention::Sweeper,
    tail::{News, Tail},
};

/// Spans on disk. A handle: clones share one store, and all of them must be gone before the directory can be opened again.
///
/// Reads and writes block on the page cache for microseconds to milliseconds: call the reads from a blocking thread.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

struct Shared {
    engine: Arc<Engine>,
    // Declared last: their drops stop and join the threads that share the engine.
    _mover: Mover,
    _sweeper: Sweeper,
}

/// The keyspaces of one open database, and what is remembered about them.
struct Engine {
    database: Database,
    /// What has ended and is not in the keyspaces yet.
    tail: Tail,
    moving: Mutex<()>,
    /// minute, segment of the tail, trace id -> the records of spans.
    chunks: Keyspace,
    /// trace id, minute, segment -> nothing: that is where the chunks of a trace are.
    places: Keyspace,
    /// service, start of the newest, segment -> what a search filters on, of some hundred spans.
    index: Keyspace,
    catalog: Catalog,
    origins: Origins,
    monitor: Monitor,
}

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process, or another handle in this one, has the directory open.
    #[error(
        "trace store `{dir}` is in use by another process; stop it or choose another data directory"
    )]
    Locked {
        /// The store's directory.
        dir: PathBuf,
    },
    /// The directory or what is in it cannot be read or written.
    #[error("opening trace store `{dir}`")]
    Engine {
        /// The store's directory.
        dir: PathBuf,
        /// What the engine said.
        source: fjall::Error,
    },
}

/// Why a read failed.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The engine failed, mostly because of the disk under it.
    #[error("reading the trace store")]
    Engine(#[from] fjall::Error),
    /// The file with the newest spans could not be read.
    #[error("reading the newest spans of the trace store")]
    Tail(#[from] io::Error),
}

/// What became of the spans handed to [`Store::write`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Spans that are in the store now.
    pub written: u64,
    /// Spans that no store can take: a trace or span id of the wrong length, or all zeros.
    pub rejected: u64,
    /// Spans lost because the disk refused them or cannot keep up; sending them again later may succeed.
    pub failed: u64,
}

impl Store {
    /// Opens the store in `dir`, which is created if missing, with the default [`Retention`].
    ///
    /// # Errors
    /// [`OpenError::Locked`] if it is open already, [`OpenError::Engine`] if the directory or its content is unusable.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        Self::open_with(dir, Retention::default())
    }

    /// Opens the store in `dir` and keeps what `retention` says, enforced in the background.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_with(dir: &Path, retention: Retention) -> Result<Self, OpenError> {
        let (engine, news) = Engine::open(dir).map_err(|source| match source {
            fjall::Error::Locked => OpenError::Locked { dir: dir.into() },
            source => OpenError::Engine {
                dir: dir.into(),
                source,
            },
        })?;
        let engine = Arc::new(engine);
        let mover = Mover::start(Arc::clone(&engine), news);
        let sweeper = Sweeper::start(Arc::clone(&engine), retention);
        Ok(Self {
            shared: Arc::new(Shared {
                engine,
                _mover: mover,
                _sweeper: sweeper,
            }),
        })
    }

    /// Writes OTLP spans with their resources and scopes. The one way in, for exporters and receivers alike.
    ///
    /// When it returns, the written spans survive a kill of the process. A span that is there already (same trace and
    /// span id) is overwritten. Failures are counted in [`Store::health`] and logged once per change of state.
    pub fn write(&self, batch: &[ResourceSpans]) -> Outcome {
        self.shared.engine.write(batch)
    }

    /// The handle of a resource and scope, for writers that write many spans of the same: [`Store::write_spans`].
    ///
    /// `header` is a `ResourceSpans` with at most one `ScopeSpans`; its spans are ignored. `None` if the disk refuses it.
    pub fn origin(&self, header: &ResourceSpans) -> Option<Origin> {
        let scope = header.scope_spans.first();
        self.shared.engine.origin_or_report(header, scope)
    }

    /// Writes spans of one resource and scope: what [`Store::write`] does once it knows where they are from.
    pub fn write_spans(&self, origin: &Origin, spans: &[Span]) -> Outcome {
        self.shared.engine.write_spans(origin, spans)
    }

    /// The same for a span as the SDK has it, which is encoded without a message in between.
    pub(crate) fn write_ended(&self, origin: &Origin, span: &SpanData) -> Outcome {
        self.shared.engine.write_ended(origin, span)
    }

    /// How the store is doing: spans written, dropped and broken since it was opened, and the last error.
    pub fn health(&self) -> Health {
        self.shared.engine.monitor.health()
    }

    /// Counts spans that could not even be handed over.
    pub(crate) fn count_dropped(&self, spans: u64) {
        self.shared.engine.monitor.lost(spans);
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("health", &self.health())
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// Opens what is in `dir`. The mover is to listen to what is returned with it.
    fn open(dir: &Path) -> Result<(Self, Receiver<News>), fjall::Error> {
        std::fs::create_dir_all(dir)?;
        let database = Database::builder(dir)
            .cache_size(CACHE_BYTES)
            .max_journaling_size(JOURNAL_BYTES)
            // With a second one, fjall's first worker spins for as long as the second compacts: it puts the request
            // to compact back into the queue, and takes it out again.
            .worker_threads(1)
            .open()?;
        forget_former_layouts(&database)?;
        let keyspace = |name, memtable_bytes| {
            database.keyspace(name, || {
                KeyspaceCreateOptions::default().max_memtable_size(memtable_bytes)
            })
        };
        let names = keyspace("catalog", INDEX_MEMTABLE_BYTES)?;
        let catalog = Catalog::load(names.clone())?;
        let (tail, news) = Tail::open(&dir.join("tail"), catalog.next_segment()?, TAIL_BYTES)?;
        let engine = Self {
            chunks: keyspace("chunks", CHUNKS_MEMTABLE_BYTES)?,
            places: keyspace("traces", INDEX_MEMTABLE_BYTES)?,
            index: keyspace("blocks", INDEX_MEMTABLE_BYTES)?,
            origins: Origins::load(names)?,
            monitor: Monitor::default(),
            catalog,
            tail,
            moving: Mutex::new(()),
            database,
        };
        Ok((engine, news))
    }
}

/// Removes what was written when each span was a row of its own; nobody would find them now.
fn forget_former_layouts(database: &Database) -> Result<(), fjall::Error> {
    let former = ["spans", "index", "bodies", "entries", "places"];
    let former = former.map(|name| (name, database.keyspace_exists(name)));
    if former.iter().any(|(_, exists)| *exists) {
        tracing::info!("the trace store has a new layout: traces of before are removed");
    }
    for (name, _) in former.iter().filter(|(_, exists)| *exists) {
        let former = database.keyspace(name, KeyspaceCreateOptions::default)?;
        database.delete_keyspace(former)?;
    }
    Ok(())
}

// Memory is bounded by these, whatever is stored: a memtable is written out when full, and up to four wait for that.
const CACHE_BYTES: u64 = 16 << 20;
/// What an opening replays at most; fjall wants at least 64 MiB.
const JOURNAL_BYTES: u64 = 64 << 20;
const CHUNKS_MEMTABLE_BYTES: u64 = 32 << 20;
const INDEX_MEMTABLE_BYTES: u64 = 8 << 20;
/// What may wait on disk to be moved into the keyspaces. Beyond it spans are dropped: writers never wait.
const TAIL_BYTES: u64 = 96 << 20;
