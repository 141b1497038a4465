//! The figure of one day.

use chimera_questions::{FactName, Metric, Unit};

use super::Sheet;
use crate::statistics::returns::change_percent;

/// `value` with its day, `previous` and `change_pct` to the day before.
///
/// Of a range of several days it is the last value.
pub(crate) fn describe(sheet: &mut Sheet<'_>) {
    let points = &sheet.observed.series.points;
    let Some((&(day, value), earlier)) = points.split_last() else {
        return;
    };
    sheet.put_on(FactName::Value, (day, value));
    if sheet.observed.series.metric == Metric::BlockHeight {
        // The node tells its height now; there is no day before to compare it with.
        return;
    }
    let day_before = day.yesterday().ok();
    let previous = earlier
        .last()
        .copied()
        .or(sheet.observed.before)
        .filter(|&(day, _)| Some(day) == day_before);
    let Some(previous) = previous else {
        return sheet.warn(format!(
            "the value of the day before {day} is not known, so that previous and change_pct are missing"
        ));
    };
    sheet.put_on(FactName::Previous, previous);
    match change_percent(previous.1, value) {
        Some(change) => sheet.put_as(FactName::ChangePct, change, Unit::Percent),
        None => sheet.warn(format!(
            "change_pct is missing, since the value of {} is not above 0",
            previous.0
        )),
    }
}
