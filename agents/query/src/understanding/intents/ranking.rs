//! Several of the highest or lowest: "the top 5 days", of which only the first is told.

use chimera_questions::interpretation::Extreme;

use super::cues::{GAINS, LOSSES};
use crate::understanding::days::names::number;
use crate::understanding::entities::Entities;
use crate::understanding::words::{Kind, Words};

/// The tokens of the count in "top 5 days", "5 highest prices", of the word for an extreme at `at`.
pub(super) fn count(words: &Words, entities: &Entities, at: usize) -> Option<usize> {
    let after = at + 1;
    if is_number(words, entities, after) {
        return is_counted(words, entities, after + 1).then_some(after);
    }
    let before = at.checked_sub(1)?;
    (is_number(words, entities, before) && is_counted(words, entities, after)).then_some(before)
}

/// What is left out when several are asked for.
pub(super) fn assumption(extreme: Extreme) -> &'static str {
    match extreme {
        Extreme::Highest => "Several were asked for; only the highest day is told.",
        Extreme::Lowest => "Several were asked for; only the lowest day is told.",
        Extreme::BestDay => "Several were asked for; only the best day is told.",
        Extreme::WorstDay => "Several were asked for; only the worst day is told.",
    }
}

fn is_number(words: &Words, entities: &Entities, at: usize) -> bool {
    let counts = match words.kind(at) {
        Some(Kind::Number(number)) => number > 1,
        _ => words
            .word(at)
            .and_then(number)
            .is_some_and(|number| number > 1),
    };
    counts && !entities.is_taken(at)
}

fn is_counted(words: &Words, entities: &Entities, at: usize) -> bool {
    let at = at + usize::from(words.is_any(at, &["trading", "single", "daily"]));
    words.is_any(at, &["days", "weeks", "months"])
        || words.is_in(at, GAINS)
        || words.is_in(at, LOSSES)
        || entities.is_metric(at)
}
