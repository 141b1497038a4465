//! A file of the tail.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::atomic::{
        AtomicU64,
        Ordering::{Acquire, Release},
    },
};

use crate::store::record::frames;

/// Records one after the other, in the order in which they came. Readers and the one writer share it.
#[derive(Debug)]
pub(in crate::store) struct Segment {
    /// Later ones have higher numbers; no two segments of a store have the same.
    pub(in crate::store) number: u64,
    path: PathBuf,
    file: File,
    /// How long the whole records are that are in the file.
    length: AtomicU64,
}

const EXTENSION: &str = "spans";
/// Stands behind the last record, where nothing else tells it from what was in the file before.
const END: [u8; 4] = [0; 4];

impl Segment {
    /// An empty one in `dir`. Its space is not taken yet, but its length is: then writing changes no more than the content.
    pub(super) fn create(dir: &Path, number: u64, space: u64) -> io::Result<Self> {
        let path = path_of(dir, number);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)?;
        file.set_len(space)?;
        Ok(Self {
            number,
            path,
            file,
            length: AtomicU64::new(0),
        })
    }

    /// The same file without what was in it, to be used again: its pages are there already, which spares the system a third
    /// of the work of each write.
    pub(super) fn emptied(self) -> io::Result<Self> {
        self.file.write_all_at(&END, 0)?;
        Ok(Self {
            length: AtomicU64::new(0),
            ..self
        })
    }

    /// The same file under another number.
    pub(super) fn renamed(self, dir: &Path, number: u64) -> io::Result<Self> {
        let path = path_of(dir, number);
        fs::rename(&self.path, &path)?;
        Ok(Self {
            number,
            path,
            ..self
        })
    }

    /// One that a process left behind. What it was writing when it was killed is not counted.
    fn reopen(path: PathBuf, number: u64) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(&path)?;
        let bytes = fs::read(&path)?;
        let whole = frames(&bytes).take_while(|frame| frame.is_whole);
        let length = whole.last().map_or(0, |frame| frame.range.end);
        let behind = &bytes[length..];
        if !behind.is_empty() && !behind.starts_with(&END) {
            tracing::warn!(file = %path.display(), "the last span of a trace store that was killed is not whole: it is left out");
        }
        Ok(Self {
            number,
            path,
            file,
            length: AtomicU64::new(length as u64),
        })
    }

    /// One on a disk that is full.
    #[cfg(test)]
    pub(super) fn without_space(number: u64) -> Self {
        let path = PathBuf::from("/dev/full");
        let file = OpenOptions::new().read(true).write(true).open(&path);
        Self {
            number,
            path,
            file: file.unwrap(),
            length: AtomicU64::new(0),
        }
    }

    /// Those that are in `dir`, the oldest first.
    pub(super) fn left_behind(dir: &Path) -> io::Result<Vec<Self>> {
        let mut segments = Vec::new();
        for entry in fs::read_dir(dir)? {
            let path = entry?.path();
            if let Some(number) = number_of(&path) {
                segments.push(Self::reopen(path, number)?);
            }
        }
        segments.sort_unstable_by_key(|segment| segment.number);
        Ok(segments)
    }

    pub(super) fn len(&self) -> u64 {
        self.length.load(Acquire)
    }

    /// Writes records behind those that are there, and returns the length then. One at a time, says the caller.
    ///
    /// The operating system has them when this returns. A part of them that was written before an error is written over.
    pub(super) fn append(&self, mut records: Vec<u8>) -> io::Result<u64> {
        let length = self.len();
        let added = records.len() as u64;
        records.extend_from_slice(&END);
        self.file.write_all_at(&records, length)?;
        let length = length + added;
        self.length.store(length, Release);
        Ok(length)
    }

    /// The first `length` bytes: those that were there at some moment.
    pub(super) fn read(&self, length: u64) -> io::Result<Vec<u8>> {
        let length = usize::try_from(length).map_err(io::Error::other)?;
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, 0)?;
        Ok(bytes)
    }

    /// Who reads it still can, to the end.
    pub(super) fn remove(&self) -> io::Result<()> {
        fs::remove_file(&self.path)
    }
}

fn path_of(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:020}.{EXTENSION}"))
}

fn number_of(path: &Path) -> Option<u64> {
    let is_segment = path.extension().is_some_and(|found| found == EXTENSION);
    let stem = path.file_stem().filter(|_| is_segment)?;
    stem.to_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::trace::v1::Span;

    use super::*;
    use crate::store::record::{self, records};

    /// Three records, and where each ends.
    fn three() -> (Vec<u8>, [usize; 3]) {
        let mut bytes = Vec::new();
        let ends = [1, 2, 3].map(|id: u64| {
            let span = Span {
                trace_id: vec![1; 16],
                span_id: id.to_be_bytes().to_vec(),
                name: "work".repeat(id as usize),
                ..Span::default()
            };
            record::push(&mut bytes, &record::tests::origin(), &span).unwrap();
            bytes.len()
        });
        (bytes, ends)
    }

    fn left_behind(content: &[u8]) -> u64 {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("00000000000000000007.spans"), content).unwrap();
        fs::write(dir.path().join("other.txt"), content).unwrap();
        let segments = Segment::left_behind(dir.path()).unwrap();
        let [segment] = &segments[..] else {
            panic!("{segments:?}");
        };
        assert_eq!(segment.number, 7);
        let bytes = segment.read(segment.len()).unwrap();
        assert_eq!(bytes, content[..bytes.len()]);
        assert!(records(&bytes).all(|(_, record)| record.is_some()));
        // What comes now is behind what is whole.
        let length = segment.append(three().0).unwrap();
        let bytes = segment.read(length).unwrap();
        assert!(records(&bytes).all(|(_, record)| record.is_some()));
        length - three().0.len() as u64
    }

    #[test]
    fn only_whole_records_count() {
        let (bytes, ends) = three();
        for cut in 0..=bytes.len() {
            let whole = ends.iter().rfind(|end| **end <= cut);
            let expected = whole.copied().unwrap_or_default() as u64;
            assert_eq!(left_behind(&bytes[..cut]), expected, "cut at {cut}");
            // As in a file whose space was taken ahead.
            let mut spaced = bytes[..cut].to_vec();
            spaced.resize(bytes.len() + 100, 0);
            assert_eq!(left_behind(&spaced), expected, "zeros from {cut}");
        }
        for flipped in ends[0]..ends[1] {
            let mut bytes = bytes.clone();
            bytes[flipped] ^= 1;
            assert_eq!(left_behind(&bytes), ends[0] as u64, "flipped at {flipped}");
        }
    }

    #[test]
    fn nothing_of_a_former_segment_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let reopened = |number| {
            let mut left = Segment::left_behind(dir.path()).unwrap();
            assert_eq!(left.len(), 1, "{left:?}");
            let left = left.pop().unwrap();
            assert_eq!(left.number, number);
            left.len()
        };
        let (bytes, ends) = three();
        let former = Segment::create(dir.path(), 1, 10_000).unwrap();
        former.append(bytes.clone()).unwrap();
        assert_eq!(reopened(1), bytes.len() as u64);
        let spare = former.emptied().unwrap();
        assert_eq!(reopened(1), 0);
        let segment = spare.renamed(dir.path(), 2).unwrap();
        assert_eq!(segment.len(), 0);
        assert_eq!(reopened(2), 0);
        // The second and the third of before are whole, and right behind the first.
        segment.append(bytes[..ends[0]].to_vec()).unwrap();
        assert_eq!(segment.len(), ends[0] as u64);
        assert_eq!(reopened(2), ends[0] as u64);
    }
}
