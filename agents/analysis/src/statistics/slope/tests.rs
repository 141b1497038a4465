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
    let expected = Some(by_definition(x, y));
    assert_eq!(theil_sen(x, y), expected, "{} points", x.len());
    if x.len() * (x.len() - 1) / 2 > FEW_PAIRS {
        // Falling back to all pairs would hide that the window does not do.
        let within = median_within(x, y, likely_window(x, y));
        assert_eq!(within, expected, "{} points within the window", x.len());
    }
}

fn map(x: &[f64], y: impl FnMut(&f64) -> f64) -> Vec<f64> {
    x.iter().map(y).collect()
}

/// A random walk that falls a little, over `days`.
fn walk(seed: u64, days: usize) -> Vec<f64> {
    noise(seed)
        .take(days)
        .scan(100.0, |level, step| {
            *level += step - 0.52;
            Some(*level)
        })
        .collect()
}

#[test]
fn the_median_is_that_of_the_definition() {
    for length in [2_u32, 3, 4, 5, 30, 128, 129, 256, 300, 701] {
        let days: Vec<f64> = (0..length).map(f64::from).collect();
        let walk = walk(u64::from(length), days.len());
        check(&days, &walk);
        check(&days, &map(&walk, |value| value.round()));
        check(&days, &map(&walk, |value| value.round() / 1000.0 + 0.1));
        check(&days, &map(&walk, |value| value * 1e-19));
        check(&days, &map(&walk, |value| value * 1e13 + 1e15));
        check(&map(&days, |day| 17_000.0 + day * 3.0 + day % 2.0), &walk);
    }
}

#[test]
fn shapes_with_many_equal_slopes_are_met_exactly() {
    let days: Vec<f64> = (0..400).map(f64::from).collect();
    check(&days, &map(&days, |_| 7.0));
    check(&days, &map(&days, |_| 0.1 + 0.2));
    check(&days, &map(&days, |day| 0.1 * day));
    check(&days, &map(&days, |day| -day / 3.0 + 1e9));
    check(&days, &map(&days, |day| day.powi(9)));
    check(&days, &map(&days, |day| f64::from(u8::from(*day > 398.0))));
    check(&days, &map(&days, |day| day.rem_euclid(2.0)));
    check(&days, &map(&days, |day| (day / 100.0).floor()));
    check(&days, &map(&days, |day| (day / 20.0).sin()));
}

#[test]
fn a_window_beside_the_median_is_noticed() {
    let days: Vec<f64> = (0..200).map(f64::from).collect();
    let walk = walk(3, days.len());
    let median = by_definition(&days, &walk);
    for window in [median + 0.1..=median + 0.2, median - 0.2..=median - 0.1] {
        assert_eq!(median_within(&days, &walk, window), None);
    }
}

#[test]
fn a_single_point_has_no_slope() {
    assert_eq!(theil_sen(&[], &[]), None);
    assert_eq!(theil_sen(&[1.0], &[1.0]), None);
}

/// No assertion on the time: it is printed for those who look (`--nocapture`, release build).
#[test]
fn thousands_of_days() {
    for length in [10_u32, 30, 128, 129, 365, 1_000, 3_200] {
        let days: Vec<f64> = (0..length).map(f64::from).collect();
        let values = walk(7, days.len());
        let begin = Instant::now();
        assert!(theil_sen(&days, &values).is_some());
        println!("Theil-Sen over {length} days: {:?}", begin.elapsed());
    }
}
