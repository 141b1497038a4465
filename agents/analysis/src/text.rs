//! The answer in plain English.
//!
//! Numbers reach the text only through facts, rounded by [`number`], so that each number in it is one of the facts.

pub(crate) mod number;
pub(crate) mod sentences;
pub(crate) mod sources;

use chimera_questions::{Fact, Intent, Interpretation, SeriesKey, messages::Fetched};

use crate::facts::{Sheet, extreme};

/// Writes the answer: a paragraph for each series, one of what is said now, what is missing and what was assumed, and
/// one of where the data is from.
pub(crate) fn write(
    question: &Interpretation,
    data: &Fetched,
    sheets: &[Sheet<'_>],
    now: &[Fact],
    empty: &[&SeriesKey],
) -> String {
    let series = sheets.iter().map(|sheet| match question.intent {
        Intent::Extreme => sentences::extreme(sheet, extreme::asked(question)),
        Intent::Summary => sentences::summary(sheet),
        Intent::Value => sentences::value(sheet),
        _ => sentences::trend(sheet),
    });
    let mut notes: Vec<String> = now.iter().map(sentences::now).collect();
    notes.extend(sources::missing(data, empty));
    notes.extend(assumed(question));
    series
        .chain([notes, sources::named(data)])
        .map(|sentences| sentences.join(" "))
        .filter(|paragraph| !paragraph.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}

/// What was assumed, each a sentence.
fn assumed(question: &Interpretation) -> Option<String> {
    (!question.assumptions.is_empty())
        .then(|| format!("Assumed: {}", question.assumptions.join(" ")))
}
