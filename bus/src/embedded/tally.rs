//! How often each message was delivered, kept where `kill -9` does not lose it.
//!
//! The count has to be outside of the process before the consumer sees the message: a message that kills its process
//! would else never be counted. The journal cannot do that in time, since it may be in the middle of a sync; so this is
//! a small file of its own, to which each delivery appends 16 bytes (some microseconds, in the page cache, never synced).
//! Losing it costs counts, not messages.

use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

const RECORD_BYTES: usize = 16;

/// The file is written anew, with what still counts, when it has this size.
const REWRITE_BYTES: usize = 1 << 20;

#[derive(Debug)]
pub(super) struct Tally {
    open: Mutex<Open>,
}

#[derive(Debug)]
struct Open {
    path: PathBuf,
    file: File,
    written_bytes: usize,
    counts: HashMap<u64, u32>,
    failing: bool,
}

impl Tally {
    /// Reads the file at `path`, and keeps of it what `counts` says yes to.
    pub(super) fn open(path: &Path, counts: impl Fn(u64) -> bool) -> io::Result<Self> {
        let mut counted = match std::fs::read(path) {
            Ok(bytes) => parse(&bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => HashMap::new(),
            Err(error) => return Err(error),
        };
        counted.retain(|key, _| counts(*key));
        let file = write_anew(path, &counted)?;
        let open = Open {
            path: path.to_owned(),
            file,
            written_bytes: counted.len() * RECORD_BYTES,
            counts: counted,
            failing: false,
        };
        Ok(Self {
            open: Mutex::new(open),
        })
    }

    /// How often the message was delivered, as far as is known.
    pub(super) fn count(&self, key: u64) -> u32 {
        self.lock().counts.get(&key).copied().unwrap_or(0)
    }

    /// Notes that the message was delivered `count` times.
    pub(super) fn set(&self, key: u64, count: u32) {
        let mut open = self.lock();
        open.counts.insert(key, count);
        let result = open.append(key, count);
        open.report(result);
    }

    /// Forgets a message that is gone. The file is not touched: nobody asks for the count of a message that is not there.
    pub(super) fn forget(&self, key: u64) {
        self.lock().counts.remove(&key);
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn append(&mut self, key: u64, count: u32) -> io::Result<()> {
        if self.written_bytes >= REWRITE_BYTES.max(2 * RECORD_BYTES * self.counts.len()) {
            self.file = write_anew(&self.path, &self.counts)?;
            self.written_bytes = RECORD_BYTES * self.counts.len();
        }
        let result = self.file.write_all(&record(key, count));
        self.written_bytes = match result {
            Ok(()) => self.written_bytes + RECORD_BYTES,
            // A record may have been torn, and all that follow would be misread: the next one writes the file anew.
            Err(_) => usize::MAX,
        };
        result
    }

    /// Says once that counting fails, and once that it works again.
    fn report(&mut self, result: io::Result<()>) {
        let failed = result.is_err();
        if let Err(error) = result
            && !self.failing
        {
            tracing::warn!(path = %self.path.display(), error = &error as &dyn std::error::Error, "deliveries are counted in memory only");
        }
        self.failing = failed;
    }
}

fn record(key: u64, count: u32) -> [u8; RECORD_BYTES] {
    let mut record = [0; RECORD_BYTES];
    record[..8].copy_from_slice(&key.to_le_bytes());
    record[8..12].copy_from_slice(&count.to_le_bytes());
    record[12..].copy_from_slice(&check(key, count).to_le_bytes());
    record
}

/// Tells a record from what a loss of power may leave in a file that was never synced.
fn check(key: u64, count: u32) -> u32 {
    let mixed = (key ^ u64::from(count).rotate_left(40)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 32) as u32 ^ 0x7a11_7a11
}

fn parse(bytes: &[u8]) -> HashMap<u64, u32> {
    let (records, _torn) = bytes.as_chunks::<RECORD_BYTES>();
    records
        .iter()
        .filter_map(|record| {
            let (words, _) = record.as_chunks::<4>();
            let [low, high, count, found] = [0, 1, 2, 3].map(|n| u32::from_le_bytes(words[n]));
            let key = u64::from(high) << 32 | u64::from(low);
            (check(key, count) == found).then_some((key, count))
        })
        .collect()
}

/// Writes beside the file and renames, so that a kill in between leaves one of the two.
fn write_anew(path: &Path, counts: &HashMap<u64, u32>) -> io::Result<File> {
    let beside = path.with_extension("new");
    let bytes: Vec<u8> = counts
        .iter()
        .flat_map(|(key, count)| record(*key, *count))
        .collect();
    std::fs::write(&beside, bytes)?;
    std::fs::rename(&beside, path)?;
    OpenOptions::new().append(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_there_after_a_reopening_and_garbage_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deliveries");
        let tally = Tally::open(&path, |_| true).unwrap();
        tally.set(7, 1);
        tally.set(8, 1);
        tally.set(7, 2);
        drop(tally);
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(&[0; 20]).unwrap();
        file.write_all(&[0xff; 19]).unwrap();
        let tally = Tally::open(&path, |key| key != 8).unwrap();
        assert_eq!((tally.count(7), tally.count(8), tally.count(0)), (2, 0, 0));
    }

    #[test]
    fn the_file_does_not_grow_with_what_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deliveries");
        let tally = Tally::open(&path, |_| true).unwrap();
        for key in 0..(2 * REWRITE_BYTES / RECORD_BYTES) as u64 {
            tally.set(key, 1);
            tally.forget(key);
        }
        assert!(std::fs::metadata(&path).unwrap().len() <= REWRITE_BYTES as u64);
    }
}
