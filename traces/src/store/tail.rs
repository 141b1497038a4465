//! Where spans go as they end: to the end of a file. They are sorted into the engine later, many at once.
//!
//! Writing to the end of a file is the least that makes a span survive `kill -9`. To find one here takes reading all,
//! which is quick enough for the few MiB that there are.

mod segment;

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
};

pub(super) use self::segment::Segment;
use super::{health::WriteError, record::records};

/// A segment that is longer is moved at once.
const SEGMENT_BYTES: u64 = 8 << 20;

/// The segments that are not in the engine yet.
#[derive(Debug)]
pub(super) struct Tail {
    dir: PathBuf,
    segments: Mutex<Segments>,
    news: SyncSender<News>,
    limit_bytes: u64,
}

#[derive(Debug)]
struct Segments {
    active: Arc<Segment>,
    /// To be moved, the oldest first.
    sealed: Vec<Arc<Segment>>,
    sealed_bytes: u64,
    /// Was moved, and is the next one's file.
    spare: Option<Segment>,
}

/// What the mover is woken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    /// There is something to move, in a while.
    Begun,
    /// There is much to move, now.
    Full,
    /// The store is being closed.
    Closing,
}

impl Tail {
    /// The tail in `dir`. `next` is a number above those of all segments that were moved, and `limit_bytes` is how much may
    /// wait to be moved.
    pub(super) fn open(
        dir: &Path,
        next: u64,
        limit_bytes: u64,
    ) -> io::Result<(Self, Receiver<News>)> {
        fs::create_dir_all(dir)?;
        let mut sealed = Vec::new();
        for segment in Segment::left_behind(dir)? {
            match segment.len() {
                0 => segment.remove()?,
                _ => sealed.push(Arc::new(segment)),
            }
        }
        let last = sealed.last().map_or(0, |segment| segment.number + 1);
        let active = Segment::create(dir, next.max(last), SEGMENT_BYTES)?;
        // Two, so that neither of the news is lost when nobody listens for a while.
        let (news, listener) = sync_channel(2);
        let tail = Self {
            dir: dir.to_owned(),
            news,
            limit_bytes,
            segments: Mutex::new(Segments {
                active: Arc::new(active),
                sealed_bytes: sealed.iter().map(|segment| segment.len()).sum(),
                sealed,
                spare: None,
            }),
        };
        if !tail.lock().sealed.is_empty() {
            tail.tell(News::Full);
        }
        Ok((tail, listener))
    }

    /// Writes records to the end. When it returns, they survive a kill.
    pub(super) fn append(&self, records: Vec<u8>) -> Result<(), WriteError> {
        let segments = self.lock();
        let before = segments.active.len();
        if segments.sealed_bytes + before >= self.limit_bytes {
            return Err(WriteError::Behind);
        }
        let after = segments.active.append(records)?;
        drop(segments);
        if before < SEGMENT_BYTES && after >= SEGMENT_BYTES {
            self.tell(News::Full);
        } else if before == 0 {
            self.tell(News::Begun);
        }
        Ok(())
    }

    /// Has the mover move what there is, and end.
    pub(super) fn close(&self) {
        // Without a mover there is nobody to wait for.
        let _ = self.news.send(News::Closing);
    }

    fn tell(&self, news: News) {
        // With two in the channel it knows that there is something to do.
        let _ = self.news.try_send(news);
    }

    /// What is to be moved, the oldest first; what comes from now on goes to another segment.
    pub(super) fn seal(&self) -> io::Result<Vec<Arc<Segment>>> {
        let (number, length) = {
            let active = &self.lock().active;
            (active.number, active.len())
        };
        if length > 0 {
            // Writers do not wait for the file to be made.
            let spare = self.lock().spare.take();
            let next = match spare {
                Some(spare) => spare.renamed(&self.dir, number + 1)?,
                None => Segment::create(&self.dir, number + 1, SEGMENT_BYTES)?,
            };
            let mut segments = self.lock();
            let sealed = std::mem::replace(&mut segments.active, Arc::new(next));
            segments.sealed_bytes += sealed.len();
            segments.sealed.push(sealed);
        }
        Ok(self.lock().sealed.clone())
    }

    /// The segment is in the engine now, all of it.
    pub(super) fn moved(&self, moved: Arc<Segment>) -> io::Result<()> {
        let mut segments = self.lock();
        segments
            .sealed
            .retain(|segment| segment.number != moved.number);
        segments.sealed_bytes -= moved.len();
        let is_wanted = segments.spare.is_none() && moved.len() <= 2 * SEGMENT_BYTES;
        drop(segments);
        match Arc::try_unwrap(moved) {
            Ok(moved) if is_wanted => {
                let spare = moved.emptied()?;
                self.lock().spare = Some(spare);
                Ok(())
            }
            Ok(moved) => moved.remove(),
            // Somebody reads it, and can to its end.
            Err(moved) => moved.remove(),
        }
    }

    /// What is in the tail now.
    ///
    /// Who reads the engine too takes this first, and [leaves out](Snapshot::has) there what is in here: so each span is found
    /// once, whatever is moved meanwhile.
    pub(super) fn snapshot(&self) -> io::Result<Snapshot> {
        let segments = self.lock();
        let all = segments.sealed.iter().chain([&segments.active]);
        let all: Vec<_> = all.map(|one| (Arc::clone(one), one.len())).collect();
        drop(segments);
        let mut copies = Vec::new();
        for (segment, length) in all {
            copies.push(Copied::read(&segment, length)?);
        }
        Ok(Snapshot(copies))
    }

    fn lock(&self) -> MutexGuard<'_, Segments> {
        self.segments.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
impl Tail {
    /// From now on there is no space. Returns where was written before.
    pub(super) fn write_to_a_full_disk(&self) -> Arc<Segment> {
        let number = self.lock().active.number;
        self.write_to(Arc::new(Segment::without_space(number)))
    }

    pub(super) fn write_to(&self, segment: Arc<Segment>) -> Arc<Segment> {
        std::mem::replace(&mut self.lock().active, segment)
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        let segments = self.lock();
        let empty = Some(&*segments.active).filter(|active| active.len() == 0);
        for segment in empty.into_iter().chain(&segments.spare) {
            // If it stays, the next opening removes it.
            let _ = segment.remove();
        }
    }
}

/// A copy of what a segment had at one moment.
#[derive(Debug)]
pub(super) struct Copied {
    pub(super) number: u64,
    pub(super) bytes: Vec<u8>,
}

impl Copied {
    /// All that is in `segment` now.
    pub(super) fn of(segment: &Segment) -> io::Result<Self> {
        Self::read(segment, segment.len())
    }

    fn read(segment: &Segment, length: u64) -> io::Result<Self> {
        Ok(Self {
            number: segment.number,
            bytes: segment.read(length)?,
        })
    }
}

/// What was in the tail at one moment, the oldest segment first.
#[derive(Debug)]
pub(super) struct Snapshot(Vec<Copied>);

impl Snapshot {
    /// Whether it has the segment of this number.
    pub(super) fn has(&self, number: u64) -> bool {
        self.segment(number).is_some()
    }

    pub(super) fn segments(&self) -> &[Copied] {
        &self.0
    }

    /// Whether there is a span of this service.
    pub(super) fn has_service(&self, service: u32) -> bool {
        let mut all = self.0.iter().flat_map(|segment| records(&segment.bytes));
        all.any(|(_, record)| record.is_some_and(|record| record.service == service))
    }

    pub(super) fn segment(&self, number: u64) -> Option<&Copied> {
        self.0.iter().find(|segment| segment.number == number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_that_nobody_moves_takes_no_more() {
        let dir = tempfile::tempdir().unwrap();
        let (tail, _news) = Tail::open(dir.path(), 1, 100).unwrap();
        tail.append(vec![1; 60]).unwrap();
        let mut sealed = tail.seal().unwrap();
        tail.append(vec![2; 60]).unwrap();
        let error = tail.append(vec![3; 60]).unwrap_err();
        assert!(matches!(error, WriteError::Behind), "{error}");
        tail.moved(sealed.pop().unwrap()).unwrap();
        tail.append(vec![3; 60]).unwrap();
        let numbers: Vec<_> = tail.seal().unwrap().iter().map(|one| one.number).collect();
        assert_eq!(numbers, [2]);
    }

    #[test]
    fn the_mover_hears_of_the_first_span_and_of_the_last_that_fits() {
        let dir = tempfile::tempdir().unwrap();
        let (tail, news) = Tail::open(dir.path(), 0, u64::MAX).unwrap();
        assert!(news.try_recv().is_err());
        tail.append(vec![1; 60]).unwrap();
        tail.append(vec![1; 60]).unwrap();
        assert_eq!(news.try_recv(), Ok(News::Begun));
        assert!(news.try_recv().is_err());
        tail.append(vec![1; usize::try_from(SEGMENT_BYTES).unwrap()])
            .unwrap();
        assert_eq!(news.try_recv(), Ok(News::Full));
    }
}
