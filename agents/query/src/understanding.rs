//! Understanding a question: from plain English to what has to be fetched and computed.
//!
//! Pure logic: no input or output, and no clock but the catalog's. The phases are functions of their own, so that the
//! agent can trace each: [`tokenize`], [`extract`], [`classify`], [`interpret`]; [`understand`] is all of them.
//! The work is bounded by the question's length, whatever is in it.

mod assets;
mod days;
mod entities;
mod intents;
mod interpret;
mod metrics;
mod phrases;
mod spelling;
mod vocabulary;
mod words;

#[cfg(test)]
mod tests;

use chimera_questions::messages::Catalog;
use chimera_questions::query::{Clarification, Failure};
use chimera_questions::{Interpretation, Ticker};

pub use assets::AssetMention;
pub use days::{DayMention, End, Expression, Stretch, Third, Turn, Unit, Year, YearPart};
pub use entities::{Entities, FigureMention, extract};
pub use intents::{Reading, classify};
pub use interpret::interpret;
pub use metrics::Figure;
pub use words::{Correction, Kind, Token, Words};

/// What came of reading a question.
#[derive(Debug, Clone, PartialEq)]
pub enum Understanding {
    /// It can be answered.
    Understood(Interpretation),
    /// It has to be asked back.
    NeedsClarification {
        /// What was understood so far.
        interpretation: Option<Interpretation>,
        /// What to ask back, with what can be answered.
        questions: Vec<Clarification>,
    },
    /// It cannot be answered.
    Failed {
        /// What was understood of it.
        interpretation: Option<Interpretation>,
        /// Why, and what can be asked instead.
        failure: Failure,
    },
}

/// Reads a question.
///
/// `catalog` says what data there is, what "today" is, and from when each metric is known; `session` is the asset that
/// an earlier question of the same person was about.
pub fn understand(question: &str, catalog: &Catalog, session: Option<&Ticker>) -> Understanding {
    let words = tokenize(question, catalog);
    let entities = extract(&words, catalog);
    let reading = classify(&words, &entities);
    interpret(&words, &entities, &reading, catalog, session)
}

/// Splits a question into words, with misspelt names and keywords corrected. The catalog's tickers are words too.
pub fn tokenize(question: &str, catalog: &Catalog) -> Words {
    let mut words = words::split(question);
    spelling::correct(&mut words, catalog);
    words
}
