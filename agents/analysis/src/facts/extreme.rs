//! The highest or lowest day.

use chimera_questions::{Day, FactName, Interpretation, Unit, interpretation::Extreme};

use super::Sheet;
use crate::statistics::{
    order::{first_largest, first_smallest},
    returns::Changes,
};

/// The extreme that `question` asks for; the highest value unless it says another.
pub(crate) fn asked(question: &Interpretation) -> Extreme {
    question.extreme.unwrap_or(Extreme::Highest)
}

/// `max` or `min` with its day: a value, or for the best and worst day a daily change in per cent.
pub(crate) fn describe(sheet: &mut Sheet<'_>, extreme: Extreme) {
    sheet.warn_missing_days();
    let points = &sheet.observed.series.points;
    match extreme {
        Extreme::Highest => sheet.put_found(FactName::Max, first_largest(points)),
        Extreme::Lowest => sheet.put_found(FactName::Min, first_smallest(points)),
        Extreme::BestDay => put_change(sheet, FactName::Max, first_largest),
        Extreme::WorstDay => put_change(sheet, FactName::Min, first_smallest),
    }
}

type Choose = fn(&[(Day, f64)]) -> Option<(Day, f64)>;

fn put_change(sheet: &mut Sheet<'_>, name: FactName, choose: Choose) {
    let changes = Changes::percent(&sheet.observed.series.points);
    if changes.left_out > 0 {
        sheet.warn(format!(
            "{} of the daily changes are left out, since they start at a value that is not above 0",
            changes.left_out
        ));
    }
    match choose(&changes.days) {
        Some((day, change)) => {
            sheet.put_as(name, change, Unit::Percent);
            sheet.date_last(day);
        }
        None => sheet.warn("there is no daily change: that needs 2 neighbouring days inside the range, the first above 0"),
    }
}
