//! The intent of a question: what kind of answer is asked for.

mod cues;
mod ranking;

use chimera_questions::Intent;
use chimera_questions::interpretation::Extreme;

use super::entities::Entities;
use super::vocabulary::{FILLER, TOPIC};
use super::words::{Kind, Words};
use cues::{BEFORE_NOUN, BETWEEN, GAINS, LOSSES, PHRASES, SIZES, VAGUE};
pub(super) use cues::{Cue, words};

/// Whether the word at `at` is a verb of movement, such as an asset's name stands before.
pub(super) fn is_movement(words: &Words, at: usize) -> bool {
    matches!(
        PHRASES.longest_at(words, at, |_| false),
        Some((Cue::Trend | Cue::Correlate | Cue::Compare, _))
    )
}

/// What kind of answer a question asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The kind of answer.
    pub intent: Intent,
    /// For an extreme: which.
    pub extreme: Option<Extreme>,
    /// Whether a word of the question says so; otherwise it follows from the range.
    pub said: bool,
    /// Whether the word that says so says hardly anything else ("trend", but not "how is").
    pub telling: bool,
    /// What was assumed about it.
    pub assumption: Option<&'static str>,
    /// The tokens that nothing was made of.
    pub unread: Vec<usize>,
}

/// Tells what kind of answer a question asks for.
pub fn classify(words: &Words, entities: &Entities) -> Reading {
    let (cues, read) = cues(words, entities);
    let unread = (0..words.tokens.len())
        .filter(|at| !read[*at] && is_content(words, *at))
        .collect();
    let (intent, extreme, assumption) = decide(words, entities, &cues);
    Reading {
        intent,
        extreme,
        said: !cues.is_empty(),
        telling: cues.iter().any(|(_, at)| !words.is_in(*at, VAGUE)),
        assumption,
        unread,
    }
}

/// Whether a token says something, rather than holding the sentence together.
fn is_content(words: &Words, at: usize) -> bool {
    let token = &words.tokens[at];
    match token.kind {
        Kind::Mark(mark) => mark.is_alphanumeric(),
        Kind::Word => !FILLER.contains(token.text.as_str()) && !TOPIC.contains(token.text.as_str()),
        Kind::Number(1) => false,
        Kind::Number(_) | Kind::Ordinal(_) | Kind::Amount => true,
    }
}

/// The hints of a question with the tokens they begin at, and which tokens have been made something of.
fn cues(words: &Words, entities: &Entities) -> (Vec<(Cue, usize)>, Vec<bool>) {
    let mut read = entities.taken.clone();
    let mut cues = Vec::new();
    for at in 0..words.tokens.len() {
        if read[at] {
            continue;
        }
        let skip = |between| entities.is_taken(between) || words.is_in(between, BETWEEN);
        let found = change_of_a_day(words, entities, at, skip).or_else(|| {
            PHRASES
                .longest_at(words, at, skip)
                .filter(|(_, tokens)| tokens.iter().all(|token| !entities.taken[*token]))
        });
        let Some((cue, tokens)) = found else { continue };
        for token in tokens {
            read[token] = true;
        }
        if let Some(cue) = meant(cue, words, entities, at) {
            if matches!(cue, Cue::Extreme(_))
                && let Some(count) = ranking::count(words, entities, at)
            {
                read[count] = true;
            }
            cues.push((cue, at));
        }
    }
    (cues, read)
}

/// "The biggest drop": the day with the worst change; "the biggest supply growth" is the highest of a figure.
fn change_of_a_day(
    words: &Words,
    entities: &Entities,
    at: usize,
    skip: impl Fn(usize) -> bool,
) -> Option<(Cue, Vec<usize>)> {
    if !words.is_in(at, SIZES) {
        return None;
    }
    let noun = (at + 1..at + 5)
        .filter(|next| !entities.is_metric(*next))
        .filter(|next| ranking::count(words, entities, at) != Some(*next))
        .find(|next| words.is_in(*next, GAINS) || words.is_in(*next, LOSSES) || !skip(*next))?;
    let extreme = match (words.is_in(noun, GAINS), words.is_in(noun, LOSSES)) {
        (true, _) if words.is_any(at, &["worst"]) => Extreme::WorstDay,
        (true, _) => Extreme::BestDay,
        (_, true) => Extreme::WorstDay,
        _ => return None,
    };
    Some((Cue::Extreme(extreme), vec![at, noun]))
}

/// What a hint means in its place; `None` when nothing.
fn meant(cue: Cue, words: &Words, entities: &Entities, at: usize) -> Option<Cue> {
    match cue {
        Cue::HowFar(extreme) => Some(Cue::Extreme(extreme)),
        Cue::Noun(extreme) => {
            // "The high fees" are no extreme, "the 52 week high price" is one.
            let adjective = entities.is_metric(at + 1)
                && words.is_any_before(at, &["the", "a", "its", "what", "hit"]);
            (is_noun(words, at) && !adjective).then_some(Cue::Extreme(extreme))
        }
        Cue::Most(extreme) => {
            let figure = (at + 1..at + 3).any(|next| entities.is_metric(next));
            let recent = words.is_any(at + 1, &["recent", "of", "likely"]);
            (figure && !recent).then_some(Cue::Extreme(extreme))
        }
        // "Which day was the best": the day with the best change.
        Cue::Extreme(Extreme::Highest) if is_said_of_a_day(words, entities, at, "best") => {
            Some(Cue::Extreme(Extreme::BestDay))
        }
        Cue::Extreme(Extreme::Lowest) if is_said_of_a_day(words, entities, at, "worst") => {
            Some(Cue::Extreme(Extreme::WorstDay))
        }
        // "The top 10" ranks, and "more than 100" compares with a number.
        Cue::Extreme(Extreme::Highest) if words.is_any(at, &["top"]) => {
            let ranks = is_count(words, entities, at + 1);
            (!ranks || ranking::count(words, entities, at).is_some()).then_some(cue)
        }
        Cue::Compare if words.is_any(at, &["than", "against"]) => {
            let number = is_count(words, entities, at + 1);
            let dollar = words.is_any(at, &["against"])
                && (at + 1..at + 4).any(|next| words.is_any(next, &["dollar", "usd", "dollars"]));
            (!number && !dollar).then_some(cue)
        }
        // "Mean" is a verb in "what does it mean".
        Cue::Summary
            if words.is_any(at, &["mean"])
                && words.is_any_before(at, &["it", "you", "that", "this"]) =>
        {
            None
        }
        // Prepositions of other phrases: "the price went up to", "up to now".
        Cue::Trend if words.is_any(at, &["up", "down"]) && words.is_any(at + 1, &["to"]) => None,
        // "Expected" of a person who asks is no forecast.
        cue => Some(cue),
    }
}

/// Whether the word at `at` is `wanted` and follows "day" at a short distance, without a figure that it says more of.
fn is_said_of_a_day(words: &Words, entities: &Entities, at: usize, wanted: &str) -> bool {
    let counted = ranking::count(words, entities, at).is_some();
    words.is_any(at, &[wanted])
        && !(at + 1..at + 4).any(|next| entities.is_metric(next))
        && (counted
            || (at.saturating_sub(4)..at).any(|before| words.is_any(before, &["day", "days"])))
}

fn is_count(words: &Words, entities: &Entities, at: usize) -> bool {
    matches!(words.kind(at), Some(Kind::Number(_) | Kind::Amount)) && !entities.is_taken(at)
}

fn is_noun(words: &Words, at: usize) -> bool {
    words.is_any(at, &["highs", "lows"])
        || words.is_in_before(at, BEFORE_NOUN)
        || words.is_any(at + 1, &["of", "point", "mark", "ever"])
        || words.is_any(at + 1, &["and", "or"]) && words.is_any(at + 2, &["low", "high"])
        || words.is_any_before(at, &["and", "or"])
            && at >= 2
            && words.is_any(at - 2, &["low", "high"])
}

/// The intents that one word is enough for, the most telling first.
const ORDER: [(Cue, Intent); 5] = [
    (Cue::Why, Intent::Explanation),
    (Cue::Forecast, Intent::Forecast),
    (Cue::Correlate, Intent::Correlation),
    (Cue::Anomaly, Intent::Anomaly),
    (Cue::Compare, Intent::Comparison),
];

fn decide(
    words: &Words,
    entities: &Entities,
    cues: &[(Cue, usize)],
) -> (Intent, Option<Extreme>, Option<&'static str>) {
    let has = |wanted: Cue| cues.iter().any(|(cue, _)| *cue == wanted);
    for (cue, intent) in ORDER {
        if has(cue) {
            return (intent, None, None);
        }
        if intent == Intent::Forecast && entities.is_ahead() {
            return (Intent::Forecast, None, None);
        }
    }
    if sides_with_or(words, entities) {
        return (Intent::Comparison, None, None);
    }
    if let Some(decided) = extreme(words, entities, cues) {
        return decided;
    }
    if has(Cue::Summary) || has(Cue::Describe) && !has(Cue::Trend) {
        return (Intent::Summary, None, None);
    }
    if has(Cue::Trend) {
        return (Intent::Trend, None, None);
    }
    (Intent::Value, None, None)
}

/// "ZEC or BTC" puts two against each other.
fn sides_with_or(words: &Words, entities: &Entities) -> bool {
    entities.assets.windows(2).any(|pair| {
        let (Some(end), Some(start)) = (pair[0].tokens.last(), pair[1].tokens.first()) else {
            return false;
        };
        pair[0].ticker != pair[1].ticker && end + 2 == *start && words.is_any(end + 1, &["or"])
    })
}

fn extreme(
    words: &Words,
    entities: &Entities,
    cues: &[(Cue, usize)],
) -> Option<(Intent, Option<Extreme>, Option<&'static str>)> {
    let extremes: Vec<(Extreme, usize)> = cues
        .iter()
        .filter_map(|(cue, at)| match cue {
            Cue::Extreme(extreme) => Some((*extreme, *at)),
            _ => None,
        })
        .collect();
    let (mut first, at) = *extremes.first()?;
    let said = |wanted| extremes.iter().any(|(extreme, _)| *extreme == wanted);
    let both = said(Extreme::Highest) && said(Extreme::Lowest);
    // In "the best and worst day" both are about days.
    if said(Extreme::BestDay) || said(Extreme::WorstDay) {
        first = match words.word(at) {
            Some("best") => Extreme::BestDay,
            Some("worst") => Extreme::WorstDay,
            _ => first,
        };
    }
    // "Average and maximum" are statistics; "the highest average fee" is a highest.
    let listed = cues.iter().any(|(cue, other)| {
        let between = at.min(*other)..at.max(*other);
        *cue == Cue::Summary
            && between
                .into_iter()
                .any(|token| words.is_any(token, &["and"]) || words.is_mark(token, ','))
    });
    if both || listed {
        return Some((Intent::Summary, None, None));
    }
    let unit = words.is_any(at + 1, &["week", "month", "weeks", "months"])
        && matches!(first, Extreme::BestDay | Extreme::WorstDay);
    let assumption = if extremes.iter().any(|(other, _)| *other != first) {
        Some("Two extremes are named; this is about the first of them.")
    } else if ranking::count(words, entities, at).is_some() {
        Some(ranking::assumption(first))
    } else {
        unit.then_some("Single days are compared here, not whole weeks or months.")
    };
    Some((Intent::Extreme, Some(first), assumption))
}
