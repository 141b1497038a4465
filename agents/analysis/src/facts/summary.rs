//! Statistics of a range.

use chimera_questions::{FactName, Unit};

use super::Sheet;
use crate::statistics::{
    mean,
    order::{Sorted, first_largest, first_smallest},
    sample_deviation,
};

/// `count`, `mean`, `median`, `std`, `min`, `max`, `q1`, `q3`, `missing` and `volatility_pct`.
pub(crate) fn describe(sheet: &mut Sheet<'_>) {
    sheet.warn_missing_days();
    let points = &sheet.observed.series.points;
    let values = sheet.observed.values();
    let sorted = Sorted::new(&values);
    sheet.put_as(FactName::Count, values.len() as f64, Unit::Count);
    sheet.put_known(FactName::Mean, mean(&values));
    sheet.put_known(FactName::Median, sorted.quantile(0.5));
    match sample_deviation(&values) {
        Some(deviation) => sheet.put(FactName::Std, deviation),
        None => sheet.warn_too_few("std needs", 2),
    }
    sheet.put_found(FactName::Min, first_smallest(points));
    sheet.put_found(FactName::Max, first_largest(points));
    sheet.put_known(FactName::Q1, sorted.quantile(0.25));
    sheet.put_known(FactName::Q3, sorted.quantile(0.75));
    let missing = sheet.observed.days() - values.len();
    sheet.put_as(FactName::Missing, missing as f64, Unit::Days);
    sheet.put_volatility();
}
