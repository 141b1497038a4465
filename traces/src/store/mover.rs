//! The way of spans from the tail into the engine, on a thread of its own.

use std::{
    sync::{
        Arc, PoisonError,
        mpsc::{Receiver, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use fjall::{Keyspace, OwnedWriteBatch, UserKey, UserValue};

use super::{
    Engine,
    block::{Block, Located, ROW_ENTRIES},
    chunk::Sorted,
    health::WriteError,
    key::{BlockKey, Kind},
    tail::{Copied, News, Segment},
};

/// How long spans wait in the tail when there are few: a row for each would cost more than the reading of a longer tail.
const AGE: Duration = Duration::from_secs(5);
/// How much of a segment comes in one commit.
const COMMIT_BYTES: usize = 4 << 20;

/// The thread that moves spans; on drop it moves what is left, and is joined.
pub(super) struct Mover {
    engine: Option<Arc<Engine>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Mover {
    pub(super) fn start(engine: Arc<Engine>, news: Receiver<News>) -> Self {
        let moving = Arc::clone(&engine);
        let thread = thread::Builder::new()
            .name("trace-mover".to_owned())
            .spawn(move || move_until_closed(&moving, &news))
            .inspect_err(
                |error| tracing::warn!(%error, "no thread to sort spans into the trace store: it takes few"),
            )
            .ok();
        Self {
            engine: Some(engine),
            thread,
        }
    }
}

impl Drop for Mover {
    fn drop(&mut self) {
        if let Some(engine) = self.engine.take() {
            engine.tail.close();
        }
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported by the panic hook; nothing is left to do for it here.
            let _ = thread.join();
        }
    }
}

fn move_until_closed(engine: &Engine, news: &Receiver<News>) {
    let mut is_failing = false;
    loop {
        let mut heard = if is_failing {
            Some(News::Begun)
        } else {
            news.recv().ok()
        };
        if heard == Some(News::Begun) {
            heard = match news.recv_timeout(AGE) {
                Ok(heard) => Some(heard),
                Err(RecvTimeoutError::Timeout) => Some(News::Begun),
                Err(RecvTimeoutError::Disconnected) => None,
            };
        }
        let outcome = engine.move_tail();
        is_failing = outcome.is_err();
        engine.monitor.moved(outcome.as_ref().err());
        if matches!(heard, None | Some(News::Closing)) {
            return;
        }
    }
}

impl Engine {
    /// Moves what is in the tail. After an error all that was not moved yet is still there.
    pub(super) fn move_tail(&self) -> Result<(), WriteError> {
        let _one_at_a_time = self.moving.lock().unwrap_or_else(PoisonError::into_inner);
        for segment in self.tail.seal()? {
            self.take_over(&segment)?;
            self.tail.moved(segment)?;
        }
        Ok(())
    }

    /// Writes what is in a segment.
    ///
    /// Keys follow from the segment alone. So what was written when a process was killed in the middle of this is written over
    /// when the segment is moved again, and readers who have the segment know its rows by its number and leave them out.
    pub(super) fn take_over(&self, segment: &Segment) -> Result<(), WriteError> {
        // Said first: a segment of this number is not made again, whatever becomes of this one.
        self.catalog.note_segment(segment.number)?;
        let segment = Copied::of(segment)?;
        let mut rows = Rows::of(self);
        let sorted = Sorted::of(&segment, || self.monitor.broken());
        let index = sorted.chunks(|key, chunk| {
            rows.insert(&self.chunks, key.to_bytes(), chunk)?;
            match key.part {
                0 => rows.insert(&self.places, key.batch.place_of(&key.trace_id), []),
                _ => Ok(()),
            }
        })?;
        for ((service, _), records) in index {
            rows.index(Kind::All, service, segment.number, &records)?;
            let failed: Vec<_> = records
                .into_iter()
                .filter(|(record, ..)| record.is_error)
                .collect();
            rows.index(Kind::Errors, service, segment.number, &failed)?;
        }
        rows.commit()
    }
}

/// Rows on their way into the engine, several MiB in one commit.
struct Rows<'a> {
    engine: &'a Engine,
    batch: OwnedWriteBatch,
    bytes: usize,
}

impl<'a> Rows<'a> {
    fn of(engine: &'a Engine) -> Self {
        Self {
            engine,
            batch: engine.database.batch(),
            bytes: 0,
        }
    }

    fn index(
        &mut self,
        kind: Kind,
        service: u32,
        segment: u64,
        records: &[Located<'_>],
    ) -> Result<(), WriteError> {
        for (part, records) in (0..).zip(records.chunks(ROW_ENTRIES)) {
            let Some((newest, ..)) = records.last() else {
                continue;
            };
            let key = BlockKey {
                kind,
                service,
                newest_ns: newest.start_ns,
                segment,
                part,
            };
            let block = Block::of(service, segment, records);
            self.insert(&self.engine.index, key.to_bytes(), block.to_bytes())?;
        }
        Ok(())
    }

    fn insert(
        &mut self,
        keyspace: &Keyspace,
        key: impl Into<UserKey>,
        value: impl Into<UserValue>,
    ) -> Result<(), WriteError> {
        let (key, value) = (key.into(), value.into());
        self.bytes += key.len() + value.len();
        self.batch.insert(keyspace, key, value);
        match self.bytes {
            0..COMMIT_BYTES => Ok(()),
            _ => std::mem::replace(self, Self::of(self.engine)).commit(),
        }
    }

    /// The commit hands the journal to the operating system (`PersistMode::Buffer`, fjall's default for batches): that
    /// survives a `kill -9`, and so the segment is not needed any more.
    fn commit(self) -> Result<(), WriteError> {
        Ok(self.batch.commit()?)
    }
}
