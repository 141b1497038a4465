//! What is said of days that were read in one of several ways, or not at all.

use chimera_questions::Day;
use chimera_questions::query::Clarification;

use crate::understanding::days::names::month_name;
use crate::understanding::days::resolve::moved;
use crate::understanding::days::{Expression, Stretch, Unit, YearPart};

/// The stretches that an expression is made of.
pub(super) fn stretches(expression: &Expression) -> Vec<&Stretch> {
    match expression {
        Expression::Within(stretch)
        | Expression::Since(stretch)
        | Expression::After(stretch)
        | Expression::Before(stretch)
        | Expression::Until(stretch) => vec![stretch],
        Expression::Between(start, end) => vec![start, end],
    }
}

/// What has to be said of how a stretch was read.
pub(super) fn taken_for(stretch: &Stretch) -> Option<String> {
    let (part, ambiguous) = match stretch {
        Stretch::OfYear {
            part, ambiguous, ..
        } => (*part, *ambiguous),
        other => (other.part()?, false),
    };
    match part {
        YearPart::Day { month, .. } if ambiguous => Some(format!(
            "The first number of a date with slashes is taken for the month, which is {}.",
            month_name(month)
        )),
        YearPart::Season(month) => {
            let last = (month + 1) % 12 + 1;
            Some(format!(
                "The season is taken for {} to {}.",
                month_name(month),
                month_name(last)
            ))
        }
        _ => None,
    }
}

/// What to ask back about a day that does not exist.
pub(super) fn no_such_day(expression: &Expression) -> Clarification {
    let missing = stretches(expression)
        .into_iter()
        .find_map(|stretch| match stretch {
            Stretch::NoSuchDay { year, month, day } => Some((*year, *month, *day)),
            _ => None,
        });
    let (question, choices) = match missing {
        Some((year, month, day)) => no_such_date(year, month, day),
        None => (
            "Such a day does not exist. Which day do you mean?".to_owned(),
            Vec::new(),
        ),
    };
    Clarification { question, choices }
}

fn no_such_date(year: Option<i16>, month: u32, day: u32) -> (String, Vec<String>) {
    let first = i8::try_from(month)
        .ok()
        .and_then(|month| Day::new(year.unwrap_or(2000), month, 1).ok());
    let Some(first) = first else {
        return (
            format!("There is no month {month}. Which day do you mean?"),
            Vec::new(),
        );
    };
    let name = month_name(first.month());
    let (said, choices) = match year {
        Some(year) => {
            let last = first.last_of_month();
            (
                format!("{name} {year}"),
                vec![last.to_string(), moved(last, 1, Unit::Day).to_string()],
            )
        }
        None => (
            name.clone(),
            vec![format!("{} {name}", first.days_in_month())],
        ),
    };
    (
        format!("{said} has no day {day}. Which day do you mean?"),
        choices,
    )
}
