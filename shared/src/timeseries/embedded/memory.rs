//! Samples in this process alone, where it has no directory to keep them in.

use std::{
    collections::BTreeMap,
    sync::{Arc, RwLock},
};

use super::{
    Range, Run, Sample,
    blocks::{self, Samples},
};

/// Some 32 MiB at most: ten years of daily values of 270 series.
const MOST_SAMPLES: usize = 1_000_000;

/// A handle of the samples, which go with the last one.
#[derive(Debug, Clone)]
pub(in crate::timeseries) struct Memory {
    held: Arc<RwLock<Held>>,
    most: usize,
}

#[derive(Debug, Default)]
struct Held {
    blocks: BTreeMap<Vec<u8>, Samples>,
    /// In all blocks.
    samples: usize,
}

impl Default for Memory {
    fn default() -> Self {
        Self::of_at_most(MOST_SAMPLES)
    }
}

impl Memory {
    fn of_at_most(most: usize) -> Self {
        Self {
            held: Arc::default(),
            most,
        }
    }

    pub(in crate::timeseries) fn write(&self, measurement: &str, runs: Vec<Run>) {
        let new = blocks::by_key(measurement, runs);
        let count: usize = new.values().map(Samples::len).sum();
        let mut held = self
            .held
            .write()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        if held.samples + count > self.most {
            // All at once: who keeps a note of what was written must not find the note without the values.
            *held = Held::default();
        }
        let Held { blocks, samples } = &mut *held;
        for (key, new) in new {
            let block = blocks.entry(key.as_bytes().to_vec()).or_default();
            let before = block.len();
            block.merge(new);
            *samples += block.len() - before;
        }
    }

    pub(in crate::timeseries) fn read(
        &self,
        measurement: &str,
        ranges: &[Range],
    ) -> Vec<Vec<Sample>> {
        let held = self
            .held
            .read()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        let read = |range: &Range| {
            let blocks = held.blocks.range(blocks::of_range(measurement, range));
            blocks
                .flat_map(|(_, block)| block.within(range.from_ns, range.to_ns))
                .collect()
        };
        ranges.iter().map(read).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeseries::Tags;

    fn run(field: &str, times: std::ops::Range<i64>) -> Run {
        let sample = |at_ns| Sample {
            at_ns,
            value: at_ns as f64,
        };
        Run {
            tags: Tags::new([("asset", "ZEC")]),
            field: field.to_owned(),
            samples: times.map(sample).collect(),
        }
    }

    fn count(memory: &Memory, field: &str) -> usize {
        let range = Range {
            tags: Tags::new([("asset", "ZEC")]),
            field: field.to_owned(),
            from_ns: i64::MIN,
            to_ns: i64::MAX,
        };
        memory.read("daily", &[range]).remove(0).len()
    }

    #[test]
    fn what_would_be_too_much_takes_the_place_of_all() {
        let memory = Memory::of_at_most(10);
        memory.write("daily", vec![run("value", 0..6), run("note", 0..1)]);
        memory.write("daily", vec![run("value", 0..2)]);
        assert_eq!((count(&memory, "value"), count(&memory, "note")), (6, 1));
        memory.write("daily", vec![run("value", 6..12)]);
        assert_eq!((count(&memory, "value"), count(&memory, "note")), (6, 0));
    }
}
