//! From what was understood and fetched to an answer.

use chimera_questions::{
    Answer, Failure, FailureCode, Intent, Interpretation, Metric, SeriesKey, messages::Fetched,
};

use crate::{
    facts::{self, Sheet},
    observed::{self, Observed},
    text,
};

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unanswerable {
    /// The intent is understood, and this version does not compute it.
    #[error("questions of the intent {intent:?} are not answered yet")]
    NotYet {
        /// The intent.
        intent: Intent,
    },
    /// None of the series asked for has a value in the range asked for.
    #[error("no value of {wanted} in the range {range}")]
    NoData {
        /// The series, for example `ZEC price_usd`.
        wanted: String,
        /// The range, both days included.
        range: String,
    },
    /// None of the series asked for could be fetched.
    #[error("no source gave {wanted}: {causes}")]
    SourceFailed {
        /// The series, for example `ZEC price_usd`.
        wanted: String,
        /// What each source said.
        causes: String,
    },
}

impl Unanswerable {
    /// The same for the person who asked.
    pub fn failure(&self) -> Failure {
        let (code, message) = match self {
            Self::NotYet { intent } => (
                FailureCode::NotYet,
                format!(
                    "The question is understood as one of the kind {intent:?}, which cannot be answered yet. \
                     What can be: the value of a day, a trend, the highest or lowest day, and a summary."
                ),
            ),
            Self::NoData { wanted, range } => (
                FailureCode::NoData,
                format!("There is no value of {wanted} in the range {range}."),
            ),
            Self::SourceFailed { wanted, causes } => (
                FailureCode::SourceFailed,
                format!("No source gave {wanted}: {causes}."),
            ),
        };
        Failure { code, message }
    }
}

/// Computes the facts of the answer to `question` from `data`, and writes its text.
///
/// `data.series` may hold days around the range asked for; only the value before a day is taken from there. Series that
/// are missing while others are there become warnings, and so does whatever a source failed at.
///
/// # Errors
/// [`Unanswerable::NotYet`] for an intent other than value, trend, extreme and summary; [`Unanswerable::SourceFailed`]
/// when no series has a value in the range and a source failed at one; [`Unanswerable::NoData`] when merely none has.
pub fn answer(question: &Interpretation, data: &Fetched) -> Result<Answer, Unanswerable> {
    let describe: fn(&mut Sheet<'_>, &Interpretation) = match question.intent {
        Intent::Value => |sheet, _| facts::value::describe(sheet),
        Intent::Trend => |sheet, _| facts::trend::describe(sheet),
        Intent::Extreme => |sheet, question| {
            facts::extreme::describe(sheet, facts::extreme::asked(question));
        },
        Intent::Summary => |sheet, _| facts::summary::describe(sheet),
        intent @ (Intent::Comparison
        | Intent::Correlation
        | Intent::Anomaly
        | Intent::Explanation
        | Intent::Forecast) => return Err(Unanswerable::NotYet { intent }),
    };
    let (seen, empty) = observed::observe(question, data);
    if seen.is_empty() {
        return Err(nothing_seen(question, data, &empty));
    }
    let sheets: Vec<Sheet<'_>> = seen
        .iter()
        .map(|observed| {
            let mut sheet = Sheet::new(observed);
            describe(&mut sheet, question);
            sheet
        })
        .collect();
    let now = facts::now::facts(question, data);
    let text = text::write(question, data, &sheets, &now, &empty);
    let mut facts: Vec<_> = Vec::new();
    let mut warnings = missing(question, data, &empty);
    for sheet in sheets {
        facts.extend(sheet.facts);
        warnings.extend(sheet.warnings);
    }
    facts.extend(now);
    Ok(Answer {
        text,
        facts,
        series: seen
            .into_iter()
            .map(|Observed { series, .. }| series)
            .collect(),
        sources: data.sources.clone(),
        warnings,
    })
}

fn nothing_seen(question: &Interpretation, data: &Fetched, empty: &[&SeriesKey]) -> Unanswerable {
    let wanted = list(empty.iter().map(|key| name(key)));
    let absent = |key: &&SeriesKey| !data.series.iter().any(|series| observed::is(series, key));
    if empty.iter().any(absent) && !data.errors.is_empty() {
        let causes = list(
            data.errors
                .iter()
                .map(|error| format!("{} ({}): {}", error.source, error.wanted, error.message)),
        );
        return Unanswerable::SourceFailed { wanted, causes };
    }
    Unanswerable::NoData {
        wanted,
        range: observed::range(question.period()),
    }
}

/// A sentence for each series without a value and for each failure of a source.
fn missing(question: &Interpretation, data: &Fetched, empty: &[&SeriesKey]) -> Vec<String> {
    let range = observed::range(question.period());
    let series = empty
        .iter()
        .map(|key| format!("{} has no value in the range {range}", name(key)));
    let failures = data.errors.iter().map(|error| {
        format!(
            "{} is missing: {} ({}): {}",
            text::sources::wanted_of(error),
            error.source,
            error.wanted,
            error.message
        )
    });
    series.chain(failures).collect()
}

fn name(key: &SeriesKey) -> String {
    format!("{} {}", key.asset, key.metric)
}

fn list(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

/// Whether the chain's height is itself what is asked for.
pub(crate) fn asks_height(question: &Interpretation) -> bool {
    question
        .series
        .iter()
        .any(|key| key.metric == Metric::BlockHeight)
}

#[cfg(test)]
mod tests;
