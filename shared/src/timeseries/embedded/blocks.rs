//! How samples lie on the disk: a block holds those of one field of one series over 32 days.
//!
//! A block's key is the measurement, the tags, the field and the block's number, its value pairs of eight bytes: time and
//! number. A month is then one or two looks, and ten years are some hundred.

use std::{collections::BTreeMap, ops::RangeInclusive};

use super::{Range, Run, Sample};
use crate::timeseries::Tags;

/// 32 days.
const BLOCK_NS: i64 = 32 * 24 * 60 * 60 * 1_000_000_000;

/// What stands between the parts of a key, which contain no control characters; and between a tag and its value.
const PART: u8 = 0;
const VALUE: u8 = 1;

const SAMPLE_BYTES: usize = 16;

/// Where a block is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key(Vec<u8>);

impl Key {
    fn new(series: &[u8], at_ns: i64) -> Self {
        // The sign is turned, so that keys sort as times do.
        let number = (at_ns.div_euclid(BLOCK_NS) ^ i64::MIN).to_be_bytes();
        Self([series, &number].concat())
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The samples of a block, by time.
#[derive(Debug, Default)]
pub(super) struct Samples(BTreeMap<i64, f64>);

impl Samples {
    /// Adds the samples of `new`, which take the place of those at the same time.
    pub(super) fn merge(&mut self, new: Self) {
        self.0.extend(new.0);
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Those from `from_ns` to `to_ns`, which is included.
    pub(super) fn within(&self, from_ns: i64, to_ns: i64) -> impl Iterator<Item = Sample> {
        // A range that ends before it begins holds nothing, and the map would panic.
        let range = self.0.range(from_ns..=to_ns.max(from_ns));
        let found = range.filter(move |(at_ns, _)| **at_ns <= to_ns);
        found.map(|(at_ns, value)| Sample {
            at_ns: *at_ns,
            value: *value,
        })
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let pairs = self.0.iter();
        pairs
            .flat_map(|(at_ns, value)| [at_ns.to_le_bytes(), value.to_le_bytes()])
            .flatten()
            .collect()
    }
}

impl FromIterator<Sample> for Samples {
    fn from_iter<I: IntoIterator<Item = Sample>>(samples: I) -> Self {
        let pairs = samples.into_iter();
        Self(pairs.map(|sample| (sample.at_ns, sample.value)).collect())
    }
}

/// The samples of a block, ascending by time.
pub(super) fn samples(bytes: &[u8]) -> impl Iterator<Item = Sample> {
    bytes.chunks_exact(SAMPLE_BYTES).map(|pair| {
        let eight = |at: usize| pair[at..at + 8].try_into().expect("it has eight bytes");
        Sample {
            at_ns: i64::from_le_bytes(eight(0)),
            value: f64::from_le_bytes(eight(8)),
        }
    })
}

/// `runs` as parts of blocks.
pub(super) fn by_key(measurement: &str, runs: Vec<Run>) -> BTreeMap<Key, Samples> {
    let mut blocks: BTreeMap<Key, Samples> = BTreeMap::new();
    for run in runs {
        let series = series(measurement, &run.tags, &run.field);
        for sample in run.samples {
            let block = blocks.entry(Key::new(&series, sample.at_ns)).or_default();
            block.0.insert(sample.at_ns, sample.value);
        }
    }
    blocks
}

/// The keys of the blocks that `range` touches.
pub(super) fn of_range(measurement: &str, range: &Range) -> RangeInclusive<Vec<u8>> {
    let series = series(measurement, &range.tags, &range.field);
    let first = Key::new(&series, range.from_ns);
    // A range that ends before it begins holds nothing, and the engine wants none.
    let last = Key::new(&series, range.to_ns.max(range.from_ns));
    first.0..=last.0
}

fn series(measurement: &str, tags: &Tags, field: &str) -> Vec<u8> {
    let mut key = [measurement.as_bytes(), &[PART]].concat();
    for (name, value) in tags.iter() {
        key.extend([name.as_bytes(), &[VALUE], value.as_bytes(), &[PART]].concat());
    }
    key.extend([&[PART], field.as_bytes(), &[PART]].concat());
    key
}
