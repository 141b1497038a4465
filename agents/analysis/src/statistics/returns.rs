//! Changes from one day to the next.
//!
//! Only neighbouring days make a pair: a change over a gap would be counted as the change of one day.

use chimera_questions::Day;

use super::sample_deviation;

/// Changes between neighbouring days, and how many pairs had none because of a value that is not above 0.
#[derive(Debug)]
pub(crate) struct Changes {
    /// The later day of each pair, and the change.
    pub(crate) days: Vec<(Day, f64)>,
    /// Pairs of neighbouring days left out because of their values.
    pub(crate) left_out: usize,
}

impl Changes {
    /// `ln(v / previous)`, of pairs with both above 0.
    pub(crate) fn log_returns(points: &[(Day, f64)]) -> Self {
        Self::of(points, |previous, value| {
            (previous > 0.0 && value > 0.0).then(|| (value / previous).ln())
        })
    }

    /// `100 (v / previous - 1)`, of pairs whose first is above 0: a change to 0 is -100 %, one from 0 does not exist.
    pub(crate) fn percent(points: &[(Day, f64)]) -> Self {
        Self::of(points, change_percent)
    }

    fn of(points: &[(Day, f64)], change: impl Fn(f64, f64) -> Option<f64>) -> Self {
        let neighbours = || points.windows(2).filter(|pair| are_neighbours(pair));
        let days: Vec<_> = neighbours()
            .filter_map(|pair| Some((pair[1].0, change(pair[0].1, pair[1].1)?)))
            .collect();
        let left_out = neighbours().count() - days.len();
        Self { days, left_out }
    }

    /// The changes without their days.
    pub(crate) fn values(&self) -> Vec<f64> {
        self.days.iter().map(|&(_, change)| change).collect()
    }
}

/// `100 (last / first - 1)`; `None` when `first` is not above 0.
pub(crate) fn change_percent(first: f64, last: f64) -> Option<f64> {
    (first > 0.0).then(|| 100.0 * (last / first - 1.0))
}

/// Annual volatility in per cent of daily log returns: 100 sqrt(365) times their sample standard deviation.
pub(crate) fn volatility_percent(log_returns: &[f64]) -> Option<f64> {
    Some(100.0 * 365_f64.sqrt() * sample_deviation(log_returns)?)
}

fn are_neighbours(pair: &[(Day, f64)]) -> bool {
    pair[0].0.tomorrow().ok() == Some(pair[1].0)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn changes_lie_between_neighbouring_days_above_zero() {
        let points: Vec<_> = [
            (1, 0.0),
            (2, 4.0),
            (3, 2.0),
            (5, 8.0),
            (6, 0.0),
            (7, -1.0),
            (8, 3.0),
        ]
        .map(|(day, value)| (date(2019, 1, day), value))
        .into();
        let changes = Changes::percent(&points);
        assert_eq!(
            changes.days,
            [(date(2019, 1, 3), -50.0), (date(2019, 1, 6), -100.0)]
        );
        assert_eq!(changes.left_out, 3);
        let returns = Changes::log_returns(&points);
        assert_eq!(returns.days, [(date(2019, 1, 3), 0.5_f64.ln())]);
        assert_eq!(returns.left_out, 4);
    }

    #[test]
    fn a_change_from_zero_does_not_exist_and_one_to_zero_is_all() {
        assert_eq!(change_percent(0.0, 1.0), None);
        assert_eq!(change_percent(0.0, 0.0), None);
        assert_eq!(change_percent(-1.0, 1.0), None);
        assert_eq!(change_percent(4.0, 0.0), Some(-100.0));
        assert_eq!(
            change_percent(56.43, 49.82),
            Some(100.0 * (49.82 / 56.43 - 1.0))
        );
    }
}
