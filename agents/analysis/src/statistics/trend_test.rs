//! The Mann-Kendall test: whether values rise or fall with time, whatever the shape of the rise.
//!
//! Sources: Mann, "Nonparametric Tests Against Trend", 1945; Kendall, "Rank Correlation Methods", 1975, whose variance
//! with ties this is.

/// What the test found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct MannKendall {
    /// Pairs that rise less pairs that fall.
    pub(crate) s: i64,
    /// Two-sided, from the normal distribution with continuity correction.
    pub(crate) p: f64,
}

/// Tests `values`, in the order of time, in O(n log n).
pub(crate) fn mann_kendall(values: &[f64]) -> MannKendall {
    let mut sorted = values.to_vec();
    let falling = count_falling(&mut sorted, &mut values.to_vec());
    let ties: Vec<i64> = sorted
        .chunk_by(|a, b| a == b)
        .map(|tie| tie.len() as i64)
        .collect();
    let tied: i64 = ties.iter().map(|t| pairs(*t)).sum();
    let n = values.len() as i64;
    let s = pairs(n) - tied - 2 * falling;
    let spread = |n: i64| (n * (n - 1) * (2 * n + 5)) as f64;
    let variance = (spread(n) - ties.iter().map(|t| spread(*t)).sum::<f64>()) / 18.0;
    // With S = 0 the continuity correction leaves nothing, and of equal values the variance is 0 as well.
    let z = if s == 0 {
        0.0
    } else {
        (s.abs() - 1) as f64 / variance.sqrt()
    };
    MannKendall {
        s,
        p: libm::erfc(z / std::f64::consts::SQRT_2),
    }
}

fn pairs(n: i64) -> i64 {
    n * (n - 1) / 2
}

/// Sorts `values` by merging, and counts the pairs that stand in falling order; `spare` has the same length.
fn count_falling(values: &mut [f64], spare: &mut [f64]) -> i64 {
    if values.len() < 2 {
        return 0;
    }
    let middle = values.len() / 2;
    let (left, right) = values.split_at_mut(middle);
    let (spare_left, spare_right) = spare.split_at_mut(middle);
    let mut falling = count_falling(left, spare_left) + count_falling(right, spare_right);
    let (mut l, mut r) = (0, 0);
    for slot in spare.iter_mut() {
        if r == right.len() || (l < left.len() && left[l] <= right[r]) {
            *slot = left[l];
            l += 1;
        } else {
            // Everything that is left of the left half is larger than this one, and came before it.
            falling += (left.len() - l) as i64;
            *slot = right[r];
            r += 1;
        }
    }
    values.copy_from_slice(spare);
    falling
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::slope::tests::noise;

    fn s_by_definition(values: &[f64]) -> i64 {
        let sign = |a: f64, b: f64| i64::from(b > a) - i64::from(b < a);
        (0..values.len())
            .flat_map(|i| (i + 1..values.len()).map(move |j| (i, j)))
            .map(|(i, j)| sign(values[i], values[j]))
            .sum()
    }

    #[test]
    fn s_is_that_of_the_definition() {
        for length in [0, 1, 2, 3, 4, 5, 8, 31, 100, 257] {
            let values: Vec<f64> = noise(length as u64).take(length).collect();
            assert_eq!(mann_kendall(&values).s, s_by_definition(&values));
            let tied: Vec<f64> = values.iter().map(|value| (value * 7.0).floor()).collect();
            assert_eq!(mann_kendall(&tied).s, s_by_definition(&tied));
        }
    }

    #[test]
    fn equal_values_have_no_trend() {
        assert_eq!(mann_kendall(&[3.0; 5]), MannKendall { s: 0, p: 1.0 });
        assert_eq!(
            mann_kendall(&[1.0, 2.0, 2.0, 1.0]),
            MannKendall { s: 0, p: 1.0 }
        );
    }

    #[test]
    fn zeros_of_either_sign_are_tied() {
        assert_eq!(mann_kendall(&[0.0, -0.0, 0.0, -0.0]).s, 0);
    }

    #[test]
    fn four_rising_values_do_not_suffice_and_five_do() {
        assert!(mann_kendall(&[1.0, 2.0, 3.0, 4.0]).p > 0.05);
        assert!(mann_kendall(&[1.0, 2.0, 3.0, 4.0, 5.0]).p < 0.05);
        assert!(mann_kendall(&[5.0, 4.0, 3.0, 2.0, 1.0]).s < 0);
    }
}
