//! What of the fetched data lies inside the question.

use chimera_questions::{
    Day, Intent, Interpretation, Metric, Period, Series, SeriesKey, messages::Fetched,
};

/// One series asked for, with at least one value in the range asked for.
#[derive(Debug)]
pub(crate) struct Observed {
    /// The values inside the range.
    pub(crate) series: Series,
    /// The last value before the range, where it was fetched.
    pub(crate) before: Option<(Day, f64)>,
    /// The range.
    pub(crate) period: Period,
}

impl Observed {
    /// How many days the range has.
    pub(crate) fn days(&self) -> usize {
        (day_number(self.period.to) - day_number(self.period.from)) as usize + 1
    }

    /// The values without their days.
    pub(crate) fn values(&self) -> Vec<f64> {
        self.series.points.iter().map(|&(_, value)| value).collect()
    }
}

/// The series asked for that have a value in the range, and those that have none, each in the order asked.
pub(crate) fn observe<'q>(
    question: &'q Interpretation,
    data: &Fetched,
) -> (Vec<Observed>, Vec<&'q SeriesKey>) {
    let (mut seen, mut empty) = (Vec::new(), Vec::new());
    for key in &question.series {
        let observed = series_of(key, question, data)
            .map(|series| within(series, question.period()))
            .filter(|observed| !observed.series.points.is_empty());
        match observed {
            Some(observed) => seen.push(observed),
            None => empty.push(key),
        }
    }
    (seen, empty)
}

/// Whether `series` is the one that `key` names.
pub(crate) fn is(series: &Series, key: &SeriesKey) -> bool {
    series.asset == key.asset && series.metric == key.metric
}

/// Both days of a period, or the one that it is.
pub(crate) fn range(period: Period) -> String {
    if period.from == period.to {
        period.from.to_string()
    } else {
        format!("{} to {}", period.from, period.to)
    }
}

/// Days since a fixed day, for differences.
pub(crate) fn day_number(day: Day) -> i64 {
    day.duration_since(Day::constant(1970, 1, 1)).as_hours() / 24
}

fn series_of(key: &SeriesKey, question: &Interpretation, data: &Fetched) -> Option<Series> {
    if key.metric == Metric::BlockHeight {
        return height_of(key, question, data);
    }
    data.series.iter().find(|series| is(series, key)).cloned()
}

/// A chain's height is known of the day it was asked on and of no other, so only a value can be had.
fn height_of(key: &SeriesKey, question: &Interpretation, data: &Fetched) -> Option<Series> {
    let height = data
        .heights
        .iter()
        .find(|height| height.asset == key.asset && question.intent == Intent::Value)?;
    Some(Series {
        asset: key.asset.clone(),
        metric: key.metric,
        unit: key.metric.unit(),
        points: vec![(height.day, height.blocks as f64)],
    })
}

fn within(mut series: Series, period: Period) -> Observed {
    let begin = series.points.partition_point(|&(day, _)| day < period.from);
    let end = series.points.partition_point(|&(day, _)| day <= period.to);
    let before = begin.checked_sub(1).map(|last| series.points[last]);
    series.points.truncate(end.max(begin));
    series.points.drain(..begin);
    Observed {
        series,
        before,
        period,
    }
}
