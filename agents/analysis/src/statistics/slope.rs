//! The Theil-Sen slope: the median of the slopes of all pairs of points.
//!
//! Sources: Theil, "A rank-invariant method of linear and polynomial regression analysis", 1950; Sen, "Estimates of the
//! regression coefficient based on Kendall's tau", 1968.
//!
//! Three thousand days have 4.5 million pairs. Keeping and sorting their slopes would cost 36 MB and a few hundred
//! milliseconds; here a sample tells where the median must lie, one pass over all pairs counts what lies below that
//! window and keeps what lies in it, and the rank is selected among those few. The result is that of the definition to
//! the last bit, since every slope is computed as the definition has it and only compared.

use std::ops::RangeInclusive;

/// Up to this many pairs, all slopes are kept.
const FEW_PAIRS: usize = 1 << 15;
const SAMPLE: usize = 1 << 13;
/// Ranks in the sample on either side of its median: over five standard deviations (half the root of the sample).
const WINDOW: usize = 256;

/// The median of `(y[j] - y[i]) / (x[j] - x[i])` over all pairs; `x` strictly ascending. `None` of fewer than two points.
pub(crate) fn theil_sen(x: &[f64], y: &[f64]) -> Option<f64> {
    let pairs = x.len() * x.len().saturating_sub(1) / 2;
    if pairs == 0 {
        return None;
    }
    let window = if pairs <= FEW_PAIRS {
        EVERYTHING
    } else {
        likely_window(x, y)
    };
    // The second try cannot miss: nothing lies outside its window.
    median_within(x, y, pairs, window).or_else(|| median_within(x, y, pairs, EVERYTHING))
}

const EVERYTHING: RangeInclusive<f64> = f64::NEG_INFINITY..=f64::INFINITY;

/// Where the median lies almost certainly, told from slopes of random pairs.
fn likely_window(x: &[f64], y: &[f64]) -> RangeInclusive<f64> {
    let mut random = SplitMix(x.len() as u64);
    let mut sample = Vec::with_capacity(SAMPLE);
    while sample.len() < SAMPLE {
        let (a, b) = (random.below(x.len()), random.below(x.len()));
        if a != b {
            sample.push((y[b] - y[a]) / (x[b] - x[a]));
        }
    }
    sample.sort_unstable_by(f64::total_cmp);
    sample[SAMPLE / 2 - WINDOW]..=sample[SAMPLE / 2 + WINDOW]
}

/// The median, if both its ranks lie in `window`.
fn median_within(x: &[f64], y: &[f64], pairs: usize, window: RangeInclusive<f64>) -> Option<f64> {
    let (low, high) = window.into_inner();
    let (mut below, mut inside) = (0, Vec::new());
    let mut row = vec![0.0; x.len()];
    for i in 0..x.len() {
        // Row by row without branches, so that the compiler uses vector instructions for divisions and counts.
        let row = &mut row[i + 1..];
        for ((slope, &xj), &yj) in row.iter_mut().zip(&x[i + 1..]).zip(&y[i + 1..]) {
            *slope = (yj - y[i]) / (xj - x[i]);
        }
        below += row.iter().map(|&slope| u32::from(slope < low)).sum::<u32>() as usize;
        inside.extend(
            row.iter()
                .copied()
                .filter(|&slope| slope >= low && slope <= high),
        );
    }
    let lower = ((pairs - 1) / 2).checked_sub(below)?;
    let upper = pairs / 2 - below;
    if upper >= inside.len() {
        return None;
    }
    let (smaller, &mut at_upper, _) = inside.select_nth_unstable_by(upper, f64::total_cmp);
    let at_lower = if lower == upper {
        at_upper
    } else {
        smaller
            .iter()
            .copied()
            .max_by(f64::total_cmp)
            .expect("the lower of two middle ranks stands before the upper")
    };
    Some(f64::midpoint(at_lower, at_upper))
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
pub(crate) mod tests {
    use std::time::Instant;

    use super::*;

    /// Numbers from 0 to 1, the same for the same seed.
    pub(crate) fn noise(seed: u64) -> impl Iterator<Item = f64> {
        let mut random = SplitMix(seed);
        std::iter::repeat_with(move || random.below(1 << 30) as f64 / f64::from(1 << 30))
    }

    fn by_definition(x: &[f64], y: &[f64]) -> f64 {
        let mut slopes: Vec<f64> = (0..x.len())
            .flat_map(|i| (i + 1..x.len()).map(move |j| (i, j)))
            .map(|(i, j)| (y[j] - y[i]) / (x[j] - x[i]))
            .collect();
        slopes.sort_unstable_by(f64::total_cmp);
        f64::midpoint(slopes[(slopes.len() - 1) / 2], slopes[slopes.len() / 2])
    }

    fn check(x: &[f64], y: &[f64]) {
        assert_eq!(
            theil_sen(x, y),
            Some(by_definition(x, y)),
            "{} points",
            x.len()
        );
    }

    #[test]
    fn the_median_is_that_of_the_definition() {
        for length in [2_u32, 3, 4, 5, 30, 256, 257, 300, 701] {
            let days: Vec<f64> = (0..length).map(f64::from).collect();
            let walk: Vec<f64> = noise(u64::from(length))
                .take(days.len())
                .scan(100.0, |level, step| {
                    *level += step - 0.4;
                    Some(*level)
                })
                .collect();
            check(&days, &walk);
            check(
                &days,
                &walk.iter().map(|value| value.round()).collect::<Vec<_>>(),
            );
            let gaps: Vec<f64> = days.iter().map(|day| day * 3.0 + day % 2.0).collect();
            check(&gaps, &walk);
        }
    }

    #[test]
    fn extreme_shapes_do_not_miss_the_window() {
        let days: Vec<f64> = (0..400).map(f64::from).collect();
        check(&days, &vec![7.0; days.len()]);
        check(
            &days,
            &days.iter().map(|day| day.powi(9)).collect::<Vec<_>>(),
        );
        check(
            &days,
            &days
                .iter()
                .map(|day| f64::from(u8::from(*day > 399.0)))
                .collect::<Vec<_>>(),
        );
        check(
            &days,
            &days
                .iter()
                .map(|day| day.rem_euclid(2.0))
                .collect::<Vec<_>>(),
        );
    }

    #[test]
    fn a_single_point_has_no_slope() {
        assert_eq!(theil_sen(&[], &[]), None);
        assert_eq!(theil_sen(&[1.0], &[1.0]), None);
    }

    /// No assertion on the time: it is printed for those who look (`--nocapture`, release build).
    #[test]
    fn thousands_of_days() {
        for length in [10_u32, 100, 1_000, 3_200] {
            let days: Vec<f64> = (0..length).map(f64::from).collect();
            let values: Vec<f64> = noise(7).take(days.len()).collect();
            let begin = Instant::now();
            assert!(theil_sen(&days, &values).is_some());
            println!("Theil-Sen over {length} days: {:?}", begin.elapsed());
        }
    }
}
