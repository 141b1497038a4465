//! Forgetting: spans older than a time, and the oldest when the store is too large.

use std::{
    collections::BTreeSet,
    sync::{Arc, mpsc},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::{
    Engine,
    key::{Entry, Kind, bound},
};

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Spans that started longer ago than this are removed. Default: 7 days.
    pub age: Duration,
    /// Beyond this many bytes on disk the oldest spans are removed. The journal, at most 64 MiB in a quiet store,
    /// is not counted. Default: 2 GiB.
    pub size_bytes: u64,
    /// How often both are enforced, the first time at once. Default: 1 minute.
    pub every: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            age: Duration::from_secs(7 * 24 * 60 * 60),
            size_bytes: 2 << 30,
            every: Duration::from_secs(60),
        }
    }
}

/// The thread that enforces the retention; stopped and joined on drop.
pub(super) struct Sweeper {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Sweeper {
    pub(super) fn start(engine: Arc<Engine>, retention: Retention) -> Self {
        let (stop, stopped) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("trace-retention".to_owned())
            .spawn(move || sweep_until_stopped(&engine, retention, &stopped))
            .inspect_err(
                |error| tracing::warn!(%error, "no thread to remove old spans: all are kept"),
            )
            .ok();
        Self {
            stop: Some(stop),
            thread,
        }
    }
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        // The closed channel is the signal.
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported by the panic hook; nothing is left to do for it here.
            let _ = thread.join();
        }
    }
}

fn sweep_until_stopped(engine: &Engine, retention: Retention, stopped: &mpsc::Receiver<()>) {
    let mut is_failing = false;
    loop {
        let outcome = sweep(engine, retention, stopped);
        if let Err(error) = &outcome
            && !is_failing
        {
            tracing::warn!(%error, "removing old spans fails; it is tried again every {:?}", retention.every);
        }
        is_failing = outcome.is_err();
        if stopped.recv_timeout(retention.every) != Err(mpsc::RecvTimeoutError::Timeout) {
            return;
        }
    }
}

pub(super) fn sweep(
    engine: &Engine,
    retention: Retention,
    stopped: &mpsc::Receiver<()>,
) -> Result<(), fjall::Error> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let cutoff = u64::try_from(now.saturating_sub(retention.age).as_nanos()).unwrap_or(u64::MAX);
    let mut removed = remove_before(engine, cutoff, usize::MAX, stopped)?;
    let size = engine.size_bytes();
    if size > retention.size_bytes {
        removed += remove_oldest(engine, retention.size_bytes, size, stopped)?;
    }
    if removed > 0 {
        tracing::debug!(spans = removed, "removed old spans");
    }
    Ok(())
}

/// Removes the oldest spans down to nine tenths of the limit, then compacts: only that gives the bytes back.
fn remove_oldest(
    engine: &Engine,
    limit: u64,
    size: u64,
    stopped: &mpsc::Receiver<()>,
) -> Result<usize, fjall::Error> {
    let spans = engine.bodies.approximate_len();
    let excess = size - limit / 10 * 9;
    let share = excess as f64 / size as f64;
    let count = (spans as f64 * share).ceil() as usize;
    let removed = remove_before(engine, u64::MAX, count, stopped)?;
    for keyspace in [&engine.bodies, &engine.index, engine.places.keyspace()] {
        keyspace.rotate_memtable_and_wait()?;
        keyspace.major_compact()?;
    }
    Ok(removed)
}

/// Removes up to `limit` spans that start before `cutoff_ns`, oldest first across all services.
pub(super) fn remove_before(
    engine: &Engine,
    cutoff_ns: u64,
    limit: usize,
    stopped: &mpsc::Receiver<()>,
) -> Result<usize, fjall::Error> {
    let mut removed = 0;
    while removed < limit && stopped.try_recv() != Err(mpsc::TryRecvError::Disconnected) {
        let oldest = engine.oldest(cutoff_ns, CHUNK.min(limit - removed))?;
        if oldest.is_empty() {
            break;
        }
        removed += oldest.len();
        let mut batch = engine.database.batch();
        let mut places = BTreeSet::new();
        for (service, entry) in oldest {
            places.insert(entry.place_key());
            batch.remove(&engine.index, entry.key(Kind::All, service));
            if entry.is_error {
                batch.remove(&engine.index, entry.key(Kind::Errors, service));
            }
            batch.remove(&engine.bodies, entry.body_key());
        }
        batch.commit()?;
        engine.remove_places(places.into_iter().collect())?;
    }
    Ok(removed)
}

/// Spans per batch: writers wait for a batch.
const CHUNK: usize = 500;

impl Engine {
    pub(super) fn size_bytes(&self) -> u64 {
        self.bodies.disk_space() + self.index.disk_space() + self.places.size_bytes()
    }

    /// The oldest entries that start before `cutoff_ns`, at most `limit`, with their service.
    fn oldest(&self, cutoff_ns: u64, limit: usize) -> Result<Vec<(u32, Entry)>, fjall::Error> {
        let mut oldest = Vec::new();
        for service in self.catalog.services() {
            let range = bound(Kind::All, service.id, 0)..bound(Kind::All, service.id, cutoff_ns);
            for guard in self.index.range(range).take(limit) {
                let (key, value) = guard.into_inner()?;
                match Entry::read(&key, &value) {
                    Some(entry) => oldest.push((service.id, entry)),
                    None => self.index.remove(key)?,
                }
            }
        }
        oldest.sort_unstable_by_key(|(_, entry)| entry.start_ns);
        oldest.truncate(limit);
        Ok(oldest)
    }
}
