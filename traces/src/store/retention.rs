//! Forgetting: spans older than a time, and the oldest when the store is too large.

use std::{
    sync::{Arc, mpsc},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::{
    Engine,
    block::Block,
    key::{Batch, BlockKey, ChunkKey, Kind, bound, bound_above, end_of, start_of},
};

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Spans that started longer ago than this are removed, by whole minutes. Default: 7 days.
    pub age: Duration,
    /// Beyond this many bytes on disk the oldest spans are removed. The journal, at most 64 MiB in a quiet store, and the
    /// tail, mostly less than 8 MiB, are not counted. Default: 2 GiB.
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
    let chunks = engine.chunks.approximate_len();
    let excess = size - limit / 10 * 9;
    let share = excess as f64 / size as f64;
    let count = (chunks as f64 * share).ceil() as usize;
    let removed = remove_before(engine, u64::MAX, count, stopped)?;
    for keyspace in [&engine.chunks, &engine.index, &engine.places] {
        keyspace.rotate_memtable_and_wait()?;
        keyspace.major_compact()?;
    }
    Ok(removed)
}

/// Removes the minutes that end before `cutoff_ns`, the oldest first, up to those in which `limit` chunks are reached.
/// Returns how many spans were removed.
pub(super) fn remove_before(
    engine: &Engine,
    cutoff_ns: u64,
    limit: usize,
    stopped: &mpsc::Receiver<()>,
) -> Result<usize, fjall::Error> {
    let (mut removed, mut chunks) = (0, 0);
    while chunks < limit && stopped.try_recv() != Err(mpsc::TryRecvError::Disconnected) {
        let Some(oldest) = engine.oldest_chunk()? else {
            break;
        };
        let minute = oldest.batch.minute;
        if end_of(minute) >= cutoff_ns && cutoff_ns != u64::MAX {
            break;
        }
        let (last, count) = engine.batches(minute, limit - chunks)?;
        // The chunks go last: as long as one is there, an interrupted removal is taken up again.
        removed += engine.remove_blocks(last)?;
        engine.remove_chunks(last)?;
        chunks += count;
    }
    Ok(removed)
}

/// Rows per commit.
const ROWS: usize = 1_000;

impl Engine {
    pub(super) fn size_bytes(&self) -> u64 {
        self.chunks.disk_space() + self.index.disk_space() + self.places.disk_space()
    }

    fn oldest_chunk(&self) -> Result<Option<ChunkKey>, fjall::Error> {
        while let Some(guard) = self.chunks.first_key_value() {
            let key = guard.key()?;
            match ChunkKey::read(&key) {
                Some(key) => return Ok(Some(key)),
                None => self.chunks.remove(key)?,
            }
        }
        Ok(None)
    }

    /// The last batch of a minute up to which there are `limit` chunks in it, or the last there is, and how many there are.
    fn batches(&self, minute: u32, limit: usize) -> Result<(Batch, usize), fjall::Error> {
        let (mut last, mut count) = (Batch { minute, segment: 0 }, 0);
        for guard in self.chunks.prefix(minute.to_be_bytes()) {
            let Some(key) = ChunkKey::read(&guard.key()?) else {
                continue;
            };
            if count >= limit && key.batch != last {
                break;
            }
            last = key.batch;
            count += 1;
        }
        Ok((last, count))
    }

    /// Removes what the index has of a minute's batches up to `last`. Returns how many spans that were.
    fn remove_blocks(&self, last: Batch) -> Result<usize, fjall::Error> {
        let mut removed = 0;
        for service in self.catalog.services() {
            for kind in [Kind::All, Kind::Errors] {
                let first = bound(kind, service.id, start_of(last.minute));
                let end = bound_above(kind, service.id, end_of(last.minute));
                let rows = self.index.range(first.as_slice()..=end.as_slice());
                let spans = self.remove_rows(rows, last.segment)?;
                if kind == Kind::All {
                    removed += spans;
                }
            }
        }
        Ok(removed)
    }

    /// Removes those of `rows` whose segment is not after `last`, and returns how many entries they had.
    fn remove_rows(&self, rows: fjall::Iter, last: u64) -> Result<usize, fjall::Error> {
        let mut entries = 0;
        let mut batch = self.database.batch();
        for guard in rows {
            let (key, value) = guard.into_inner()?;
            let block = BlockKey::read(&key);
            if block.is_some_and(|block| block.segment > last) {
                continue;
            }
            let block = block.and_then(|key| Block::read(&key, &value));
            entries += block.map_or(0, |block| block.entries.len());
            batch.remove(&self.index, key);
            if batch.len() >= ROWS {
                std::mem::replace(&mut batch, self.database.batch()).commit()?;
            }
        }
        batch.commit()?;
        Ok(entries)
    }

    /// Removes the chunks of a minute's batches up to `last`, and their places.
    fn remove_chunks(&self, last: Batch) -> Result<(), fjall::Error> {
        let mut batch = self.database.batch();
        for guard in self.chunks.prefix(last.minute.to_be_bytes()) {
            let key = guard.key()?;
            if let Some(chunk) = ChunkKey::read(&key) {
                if chunk.batch.segment > last.segment {
                    break;
                }
                if chunk.part == 0 {
                    batch.remove(&self.places, chunk.batch.place_of(&chunk.trace_id));
                }
            }
            batch.remove(&self.chunks, key);
            if batch.len() >= ROWS {
                std::mem::replace(&mut batch, self.database.batch()).commit()?;
            }
        }
        batch.commit()
    }
}
