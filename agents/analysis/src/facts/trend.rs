//! How a figure developed.

use chimera_questions::{
    FactName, Unit,
    answer::{Direction, FactValue},
};

use super::Sheet;
use crate::{
    observed::day_number,
    statistics::{
        mean,
        order::{first_largest, first_smallest},
        returns::change_percent,
        slope::theil_sen,
        trend_test::{MannKendall, mann_kendall},
    },
};

/// Values that slope, p and direction need.
const TREND_VALUES: usize = 4;
/// Below this p a direction is more than chance.
const SIGNIFICANT: f64 = 0.05;

/// `first`, `last`, their change, `min`, `max`, `mean`, slope, p, direction and volatility.
pub(crate) fn describe(sheet: &mut Sheet<'_>) {
    sheet.warn_missing_days();
    put_change(sheet);
    put_level(sheet);
    put_direction(sheet);
    sheet.put_volatility();
}

fn put_change(sheet: &mut Sheet<'_>) {
    let points = &sheet.observed.series.points;
    let (Some(&first), Some(&last)) = (points.first(), points.last()) else {
        return;
    };
    sheet.put_on(FactName::First, first);
    sheet.put_on(FactName::Last, last);
    sheet.put(FactName::ChangeAbs, last.1 - first.1);
    match change_percent(first.1, last.1) {
        Some(change) => sheet.put_as(FactName::ChangePct, change, Unit::Percent),
        None => sheet.warn("change_pct is missing, since the first value is not above 0"),
    }
}

fn put_level(sheet: &mut Sheet<'_>) {
    let points = &sheet.observed.series.points;
    sheet.put_found(FactName::Min, first_smallest(points));
    sheet.put_found(FactName::Max, first_largest(points));
    sheet.put_known(FactName::Mean, mean(&sheet.observed.values()));
}

fn put_direction(sheet: &mut Sheet<'_>) {
    let series = &sheet.observed.series;
    if series.points.len() < TREND_VALUES {
        return sheet.warn_too_few("slope_per_day, trend_p and direction need", TREND_VALUES);
    }
    let days: Vec<f64> = series
        .points
        .iter()
        .map(|&(day, _)| day_number(day) as f64)
        .collect();
    let values = sheet.observed.values();
    if let Some(slope) = theil_sen(&days, &values) {
        sheet.put_as(FactName::SlopePerDay, slope, series.unit.per_day());
    }
    let test = mann_kendall(&values);
    sheet.put_as(FactName::TrendP, test.p, Unit::None);
    let direction = FactValue::Direction(direction(test));
    sheet.put_value(FactName::Direction, direction, Unit::None);
}

fn direction(test: MannKendall) -> Direction {
    if test.p >= SIGNIFICANT {
        Direction::Flat
    } else if test.s > 0 {
        Direction::Rising
    } else {
        Direction::Falling
    }
}
