//! The Theil-Sen slope: the median of the slopes of all pairs of points.
//!
//! Sources: Theil, "A rank-invariant method of linear and polynomial regression analysis", 1950; Sen, "Estimates of the
//! regression coefficient based on Kendall's tau", 1968.
//!
//! Three thousand days have 4.5 million pairs, whose slopes would take 36 MB. So of many points only the pairs are looked
//! at whose slopes lie in a window around the median, which random pairs tell. The result is that of the definition to
//! the last bit, since ranks are counted over all pairs, and slopes are computed as the definition has it.

mod crossings;

use std::ops::RangeInclusive;

use self::crossings::Crossings;

/// Up to this many pairs, all slopes are kept.
const FEW_PAIRS: usize = 1 << 13;
/// Standard deviations of a sample's median that the window reaches to either side of it.
const REACH: f64 = 5.0;

/// The median of `(y[j] - y[i]) / (x[j] - x[i])` over all pairs; `x` strictly ascending. `None` of fewer than two points.
pub(crate) fn theil_sen(x: &[f64], y: &[f64]) -> Option<f64> {
    let pairs = x.len() * x.len().saturating_sub(1) / 2;
    if pairs == 0 {
        return None;
    }
    (pairs > FEW_PAIRS)
        .then(|| median_within(x, y, likely_window(x, y)))
        .flatten()
        .or_else(|| median_of_all(x, y))
}

fn slope((x, y): (&[f64], &[f64]), i: usize, j: usize) -> f64 {
    (y[j] - y[i]) / (x[j] - x[i])
}

fn median_of_all(x: &[f64], y: &[f64]) -> Option<f64> {
    let points = (x, y);
    let mut slopes: Vec<f64> = (0..x.len())
        .flat_map(|i| (i + 1..x.len()).map(move |j| slope(points, i, j)))
        .collect();
    let (lower, upper) = middle_ranks(slopes.len());
    Some(f64::midpoint(
        ranked(&mut slopes, lower)?,
        ranked(&mut slopes, upper)?,
    ))
}

/// Where the median lies almost certainly, told from slopes of random pairs.
fn likely_window(x: &[f64], y: &[f64]) -> RangeInclusive<f64> {
    // The window's share of all pairs falls with the root of the sample; at this size both cost about the same.
    let size = ((x.len() * x.len() / 2) as f64).powf(2.0 / 3.0) as usize;
    let mut random = SplitMix(x.len() as u64);
    let mut sample = Vec::with_capacity(size);
    while sample.len() < size {
        let (a, b) = (random.below(x.len()), random.below(x.len()));
        if a != b {
            sample.push(slope((x, y), a.min(b), a.max(b)));
        }
    }
    // The rank of the median in a sample of n has a standard deviation of half the root of n.
    let reach = (REACH * (size as f64).sqrt() / 2.0).ceil() as usize;
    let last = size.saturating_sub(1);
    let edge = |sample: &mut [f64], rank: usize| ranked(sample, rank).unwrap_or(f64::NAN);
    let low = edge(&mut sample, (size / 2).saturating_sub(reach));
    let high = edge(&mut sample, (size / 2 + reach).min(last));
    low..=high
}

/// The median, if both its ranks lie in `window`.
fn median_within(x: &[f64], y: &[f64], window: RangeInclusive<f64>) -> Option<f64> {
    let (low, high) = (*window.start(), *window.end());
    let crossings = Crossings::new(x, y, window);
    let mut below = crossings.count_below();
    // Where values repeat, many slopes are the same as the window's edge; they are counted rather than kept.
    let (mut at_low, mut above_low) = (0, Vec::new());
    crossings.for_each_inside(|i, j| {
        let slope = slope((x, y), i, j);
        if slope > low {
            above_low.push(slope);
        } else if slope < low {
            below += 1;
        } else {
            at_low += 1;
        }
    });
    let mut at_rank = |rank: usize| {
        let rank = rank.checked_sub(below)?;
        let value = match rank.checked_sub(at_low) {
            None => low,
            Some(rank) => ranked(&mut above_low, rank)?,
        };
        (value <= high).then_some(value)
    };
    let (lower, upper) = middle_ranks(x.len() * (x.len() - 1) / 2);
    Some(f64::midpoint(at_rank(lower)?, at_rank(upper)?))
}

/// The ranks, from 0, of the one or two values in the middle.
fn middle_ranks(count: usize) -> (usize, usize) {
    ((count - 1) / 2, count / 2)
}

fn ranked(values: &mut [f64], rank: usize) -> Option<f64> {
    (rank < values.len()).then(|| *values.select_nth_unstable_by(rank, f64::total_cmp).1)
}

/// SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014): which pairs are looked at
/// first need not be unpredictable, but must be the same on every run.
struct SplitMix(u64);

impl SplitMix {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }
}

#[cfg(test)]
pub(crate) mod tests;
