//! Questions after the days above or below a value, which cannot be searched for.

use chimera_questions::query::Clarification;
use chimera_questions::{Intent, Interpretation};

use super::Question;
use crate::understanding::phrases::List;
use crate::understanding::words::Kind;

/// Words that a value to be reached follows.
const REACHING: List = List(
    "above, below, over, under, beyond, reach, reached, reaches, hit, hits, cross, crosses, crossed, pass, passed, \
     exceed, exceeded, exceeds, surpass, surpassed, break, broke, than, least",
);

/// Words that ask for a day to be found rather than for what was on a day.
const FINDING: List = List("when, did, has, had, ever, often");

/// Words after a sum of money.
const MONEY: &[&str] = &["dollar", "dollars", "usd", "bucks"];

/// The token of the value that is to be reached.
pub(super) fn value(question: &Question<'_>) -> Option<usize> {
    let words = question.words;
    (0..words.tokens.len()).find(|at| {
        let reached = words.is_in_before(*at, REACHING)
            || words.is_any_before(*at, &["to"])
            || words.is_any_before(*at, &["a", "the", "usd"])
                && words.is_in_before(*at - 1, REACHING);
        let sum = words.is_any(*at + 1, MONEY) && words.is_any(0, &["when"]);
        is_value(question, *at) && (reached || sum)
    })
}

/// What to ask back about a value to be reached, unless the value of the one day asked for says it.
pub(super) fn ask_instead(
    question: &Question<'_>,
    asked: &Interpretation,
) -> Option<Clarification> {
    let at = value(question)?;
    let told = matches!(
        asked.intent,
        Intent::Value | Intent::Trend | Intent::Extreme | Intent::Summary
    );
    let named = !question.entities.days.is_empty();
    let finding = (0..question.words.tokens.len()).any(|at| question.words.is_in(at, FINDING));
    let one_day = asked.from == asked.to && (named || !finding);
    let key = asked.series.first()?;
    if !told || one_day {
        return None;
    }
    let subject = format!("{} of {}", key.metric.label(), key.asset);
    let range = if named {
        format!(" from {} to {}", asked.from, asked.to)
    } else {
        String::new()
    };
    Some(Clarification {
        question: format!(
            "Days above or below a value, here {}, cannot be searched for. What else would you like to know about the \
             {subject}?",
            question.words.tokens[at].text
        ),
        choices: ["highest", "lowest", "trend of the"]
            .map(|what| format!("{what} {subject}{range}"))
            .to_vec(),
    })
}

/// Whether a number stands at `at` that is no day: `100`, `10,000`, `10k`.
fn is_value(question: &Question<'_>, at: usize) -> bool {
    let short = |word: &str| {
        word.strip_suffix(['k', 'm'])
            .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
    };
    let words = question.words;
    let number = matches!(words.kind(at), Some(Kind::Number(_) | Kind::Amount));
    (number || words.word(at).is_some_and(short)) && !question.entities.is_taken(at)
}
