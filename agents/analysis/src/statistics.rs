//! The statistics that facts are made of, as the contract defines them, over plain numbers.

pub(crate) mod order;
pub(crate) mod returns;
pub(crate) mod slope;
pub(crate) mod trend_test;

/// The arithmetic mean; `None` of nothing.
pub(crate) fn mean(values: &[f64]) -> Option<f64> {
    let first = *values.first()?;
    // Summing differences keeps the mean of equal values equal to them, so that their deviation is 0 and not 1e-20.
    let differences: f64 = values.iter().map(|value| value - first).sum();
    Some(first + differences / values.len() as f64)
}

/// The sample standard deviation (n - 1); `None` of fewer than two values.
pub(crate) fn sample_deviation(values: &[f64]) -> Option<f64> {
    let mean = mean(values).filter(|_| values.len() > 1)?;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some((squares / (values.len() - 1) as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deviation_is_that_of_a_sample() {
        let check = |values: &[f64], expected| assert_eq!(sample_deviation(values), expected);
        check(&[], None);
        check(&[5.0], None);
        check(&[1e-4; 28], Some(0.0));
        check(&[1.0, 3.0], Some(2.0_f64.sqrt()));
        check(&[-2.0, 0.0, 2.0], Some(2.0));
    }

    #[test]
    fn nothing_has_no_mean() {
        assert_eq!(mean(&[]), None);
        assert_eq!(mean(&[1.0, 2.0, 6.0]), Some(3.0));
    }
}
