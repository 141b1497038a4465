//! Two stretches as a range: what one end leaves out, the other one says.

use super::{Expression, Stretch, Turn, Year, YearPart};

/// A range whose ends lend each other the month and the year that only one of them has.
pub(super) fn range(start: Stretch, end: Stretch) -> Expression {
    let (start, end) = match (start, end) {
        (Stretch::DayOfMonth(day), end) if end.part().is_some() => (lend_month(day, &end), end),
        (start, Stretch::DayOfMonth(day)) if start.part().is_some() => {
            let end = lend_month(day, &start);
            (start, end)
        }
        ends => ends,
    };
    let (Some(first), Some(last)) = (start.part(), end.part()) else {
        return Expression::Between(start, end);
    };
    let turns = i16::from(first.start() > last.start());
    match (start.year(), end.year()) {
        (Some(Year::Unsaid(Turn::Nearest)), Some(year)) if !end.has_open_year() => {
            Expression::Between(start.in_year(moved(year, -turns)), end)
        }
        (Some(year), Some(Year::Unsaid(Turn::Nearest))) if !start.has_open_year() => {
            Expression::Between(start, end.in_year(moved(year, turns)))
        }
        _ => Expression::Between(start, end),
    }
}

fn lend_month(day: i8, other: &Stretch) -> Stretch {
    let (month, _) = other.part().map_or((1, 1), YearPart::start);
    let year = other.year().unwrap_or(Year::Unsaid(Turn::Nearest));
    Stretch::of_year(YearPart::Day { month, day }, year)
}

fn moved(year: Year, by: i16) -> Year {
    match year {
        Year::Said(said) => Year::Said(said + by),
        Year::Offset(offset) => Year::Offset(offset + by),
        Year::Unsaid(turn) => Year::Unsaid(turn),
    }
}
