//! Order statistics: quantiles, and the first of the largest and the smallest.

/// Values in ascending order.
#[derive(Debug)]
pub(crate) struct Sorted(Vec<f64>);

impl Sorted {
    pub(crate) fn new(values: &[f64]) -> Self {
        let mut values = values.to_vec();
        values.sort_unstable_by(f64::total_cmp);
        Self(values)
    }

    /// The quantile at `share` (0 to 1), interpolated linearly between order statistics; `None` of nothing.
    ///
    /// Source: type 7 of Hyndman and Fan, "Sample Quantiles in Statistical Packages", 1996.
    pub(crate) fn quantile(&self, share: f64) -> Option<f64> {
        let position = share * self.0.len().checked_sub(1)? as f64;
        let below = position.floor() as usize;
        let (low, high) = (self.0[below], self.0[position.ceil() as usize]);
        Some(low + (position - below as f64) * (high - low))
    }
}

/// The first point with the largest value.
pub(crate) fn first_largest<D: Copy>(points: &[(D, f64)]) -> Option<(D, f64)> {
    // A later equal one does not replace an earlier one; `max_by` would take the last.
    points
        .iter()
        .copied()
        .reduce(|best, point| if point.1 > best.1 { point } else { best })
}

/// The first point with the smallest value.
pub(crate) fn first_smallest<D: Copy>(points: &[(D, f64)]) -> Option<(D, f64)> {
    points
        .iter()
        .copied()
        .reduce(|best, point| if point.1 < best.1 { point } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_type_7() {
        let check = |values: &[f64], share, expected| {
            assert_eq!(
                Sorted::new(values).quantile(share),
                expected,
                "{share} of {values:?}"
            );
        };
        check(&[], 0.5, None);
        check(&[3.0], 0.25, Some(3.0));
        check(&[4.0, 1.0], 0.25, Some(1.75));
        check(&[4.0, 1.0, 2.0], 0.5, Some(2.0));
        check(&[4.0, 1.0, 2.0, 3.0], 0.5, Some(2.5));
        check(&[4.0, 1.0, 2.0, 3.0], 0.75, Some(3.25));
        check(&[4.0, 1.0, 2.0, 3.0], 1.0, Some(4.0));
    }

    #[test]
    fn the_first_of_equal_days_is_taken() {
        let points = [(1, 2.0), (2, 5.0), (3, 1.0), (4, 5.0), (5, 1.0)];
        assert_eq!(first_largest(&points), Some((2, 5.0)));
        assert_eq!(first_smallest(&points), Some((3, 1.0)));
        assert_eq!(first_largest::<u8>(&[]), None);
    }
}
