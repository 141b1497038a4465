//! Why a question cannot be answered, and what can be asked instead.

use chimera_questions::messages::Catalog;
use chimera_questions::query::{Clarification, Failure, FailureCode};
use chimera_questions::{Intent, Interpretation, Metric, Period, SeriesKey};

use super::range::{Range, known};
use super::strangers::{has_strong_figure, is_everyday};
use super::{Question, across, thresholds};
use crate::understanding::Understanding;
use crate::understanding::metrics::Figure;
use crate::understanding::vocabulary::TOPIC;
use crate::understanding::words::Kind;

/// How many assets are named when it is said what can be asked.
pub(super) const MAX_NAMED: usize = 20;

/// What can be told before anything is assumed: that the question is about something else, or too little is said.
pub(super) fn before_reading(
    question: &Question<'_>,
    strangers: &[String],
) -> Option<Understanding> {
    let entities = question.entities;
    let unread = !question.reading.unread.is_empty();
    if !entities.assets.is_empty() {
        let nothing_asked =
            entities.figures.is_empty() && entities.days.is_empty() && !question.reading.said;
        let nothing_asked = nothing_asked && thresholds::value(question).is_none();
        return (nothing_asked && unread && strangers.is_empty()).then(|| ask_what(question));
    }
    if is_everyday(question) {
        return Some(off_topic(question.catalog));
    }
    if !strangers.is_empty() {
        return None;
    }
    let about = !entities.figures.is_empty() || question.reading.said;
    if about && let Some(which) = across::ask_which(question) {
        return Some(Understanding::NeedsClarification {
            interpretation: None,
            questions: vec![which],
        });
    }
    if !entities.figures.is_empty() {
        return (unread && !has_strong_figure(question)).then(|| off_topic(question.catalog));
    }
    let topic = (0..question.words.tokens.len()).any(|at| {
        question
            .words
            .word(at)
            .is_some_and(|word| TOPIC.contains(word))
    });
    let telling = !unread
        && (question.reading.telling || question.session.is_some() && !entities.days.is_empty());
    match (topic || telling, question.session) {
        (false, _) => Some(off_topic(question.catalog)),
        (true, Some(_)) => None,
        (true, None) => Some(ask_about_which(question.catalog)),
    }
}

/// What can be told once everything is read.
pub(super) fn after_reading(
    question: &Question<'_>,
    interpretation: Interpretation,
    range: &Range,
    strangers: &[String],
) -> Understanding {
    let catalog = question.catalog;
    if let Some(instead) = thresholds::ask_instead(question, &interpretation) {
        return Understanding::NeedsClarification {
            interpretation: Some(interpretation),
            questions: vec![instead],
        };
    }
    let unknown = unknown_assets(&interpretation, catalog, strangers);
    if !unknown.is_empty() {
        let message = format!(
            "There is no data about {}. Ask about {}.",
            list(&unknown, "or"),
            assets(catalog)
        );
        return failed(interpretation, FailureCode::UnknownAsset, message);
    }
    if let Some(questions) = unavailable_figure(question).or_else(|| mostly_unread(question)) {
        return Understanding::NeedsClarification {
            interpretation: Some(interpretation),
            questions: vec![questions],
        };
    }
    if let Some(question) = one_sided(question, &interpretation) {
        return Understanding::NeedsClarification {
            interpretation: Some(interpretation),
            questions: vec![question],
        };
    }
    if let Some(message) = not_yet(interpretation.intent) {
        return failed(interpretation, FailureCode::NotYet, message);
    }
    if let Some(message) = no_data(&interpretation, range, catalog) {
        return failed(interpretation, FailureCode::NoData, message);
    }
    Understanding::Understood(interpretation)
}

fn failed(interpretation: Interpretation, code: FailureCode, message: String) -> Understanding {
    Understanding::Failed {
        interpretation: Some(interpretation),
        failure: Failure { code, message },
    }
}

fn off_topic(catalog: &Catalog) -> Understanding {
    let message = format!(
        "This is not a question about markets or chains. Ask about prices, volumes, transactions, fees and the like of {}, \
         for example: How did the ZEC price trend in January 2019?",
        assets(catalog)
    );
    Understanding::Failed {
        interpretation: None,
        failure: Failure {
            code: FailureCode::OffTopic,
            message,
        },
    }
}

fn ask_about_which(catalog: &Catalog) -> Understanding {
    let label = Metric::PriceUsd.label();
    let choices = catalog.assets.keys().take(MAX_NAMED);
    Understanding::NeedsClarification {
        interpretation: None,
        questions: vec![Clarification {
            question: "Which asset is this about, and which of its figures?".to_owned(),
            choices: choices
                .map(|ticker| format!("{label} of {ticker}"))
                .collect(),
        }],
    }
}

/// An asset is named, and what is asked about it was not understood.
fn ask_what(question: &Question<'_>) -> Understanding {
    let asset = &question.entities.assets[0].ticker;
    Understanding::NeedsClarification {
        interpretation: None,
        questions: vec![Clarification {
            question: format!("What would you like to know about {asset}?"),
            choices: metric_choices(question.catalog, asset),
        }],
    }
}

fn metric_choices(catalog: &Catalog, asset: &chimera_questions::Ticker) -> Vec<String> {
    let metrics = catalog
        .assets
        .get(asset)
        .or_else(|| catalog.assets.values().next());
    metrics
        .into_iter()
        .flat_map(|metrics| metrics.keys())
        .map(|metric| metric.label().to_owned())
        .collect()
}

fn unknown_assets(
    interpretation: &Interpretation,
    catalog: &Catalog,
    strangers: &[String],
) -> Vec<String> {
    interpretation
        .assets
        .iter()
        .filter(|ticker| !catalog.assets.contains_key(ticker))
        .map(|ticker| ticker.to_string())
        .chain(strangers.iter().map(|stranger| format!("\"{stranger}\"")))
        .collect()
}

/// A figure that people ask for, and that no source has: asked back, with the nearest one that there is.
fn unavailable_figure(question: &Question<'_>) -> Option<Clarification> {
    question.entities.figures.iter().find_map(|mention| match mention.figure {
        Figure::Unavailable(name, nearest) => {
            let asset = question.entities.assets.first().map(|asset| asset.ticker.clone());
            let asset = asset.unwrap_or_else(|| question.default_asset());
            let mut choices = metric_choices(question.catalog, &asset);
            choices.retain(|label| label != nearest.label());
            choices.insert(0, nearest.label().to_owned());
            Some(Clarification {
                question: format!("There is no {name} in the data. Which of these figures of {asset} do you mean?"),
                choices,
            })
        }
        Figure::Metric(_) => None,
    })
}

/// Words after which the second side of a comparison stands.
const OTHER_SIDE: &[&str] = &["than", "with", "to", "against", "vs", "versus"];

/// A comparison of which one side only is named. "Than last year" names the other one.
fn one_sided(question: &Question<'_>, asked: &Interpretation) -> Option<Clarification> {
    let [side] = &asked.series[..] else {
        return None;
    };
    let words = question.words;
    let names_another = question.entities.days.iter().any(|mention| {
        let start = mention.tokens.start;
        (start..=mention.tokens.end).any(|at| words.is_any(at, OTHER_SIDE))
            || words.is_any_before(start, OTHER_SIDE)
            || start > 0 && words.is_any_before(start - 1, OTHER_SIDE)
    });
    if asked.intent != Intent::Comparison || asked.periods.is_some() || names_another {
        return None;
    }
    let label = side.metric.label();
    let others = question
        .catalog
        .assets
        .keys()
        .filter(|asset| **asset != side.asset);
    Some(Clarification {
        question: format!("What is the {label} of {} to be compared with?", side.asset),
        choices: others
            .take(MAX_NAMED)
            .map(|asset| format!("{label} of {asset}"))
            .collect(),
    })
}

/// A question of which more was left than understood: in another language, or about something else.
fn mostly_unread(question: &Question<'_>) -> Option<Clarification> {
    let words = question
        .words
        .tokens
        .iter()
        .filter(|token| !matches!(token.kind, Kind::Mark(_)))
        .count();
    let unread = question.reading.unread.len();
    (unread >= 3 && 2 * unread > words).then(|| Clarification {
        question:
            "Most of the question was not understood. Can you ask it in other, English words?"
                .to_owned(),
        choices: Vec::new(),
    })
}

/// What an intent that this version cannot answer is called.
fn not_yet(intent: Intent) -> Option<String> {
    let asked = match intent {
        Intent::Value | Intent::Trend | Intent::Extreme | Intent::Summary => return None,
        Intent::Comparison => "Comparing two sides",
        Intent::Correlation => "Telling whether two figures move together",
        Intent::Anomaly => "Finding unusual days",
        Intent::Explanation => "Telling what went along with a development",
        Intent::Forecast => "Forecasting",
    };
    Some(format!(
        "{asked} is not yet possible. What can be asked today: the value of a day, how a figure developed, its highest or \
         lowest day, or its statistics."
    ))
}

/// Why there is nothing in the range, if there is nothing.
fn no_data(interpretation: &Interpretation, range: &Range, catalog: &Catalog) -> Option<String> {
    let asked = interpretation.period();
    if range.future {
        let today = catalog.today;
        return Some(format!(
            "{} is after today, {today}, and no forecast was asked for. There is data up to {today}.",
            said(asked)
        ));
    }
    let has_some = |key: &SeriesKey| {
        known(catalog, key).is_some_and(|known| match key.metric {
            Metric::BlockHeight => asked == known,
            _ => !range.empty && known.from <= asked.to && asked.from <= known.to,
        })
    };
    if interpretation.series.iter().any(has_some) {
        return None;
    }
    interpretation
        .series
        .first()
        .map(|key| nothing_of(key, asked, range.empty, catalog))
}

fn nothing_of(key: &SeriesKey, asked: Period, empty: bool, catalog: &Catalog) -> String {
    let SeriesKey { asset, metric } = key;
    let label = metric.label();
    if *metric == Metric::BlockHeight {
        return format!(
            "The block height is known for ZEC only, and only as it is today, {}.",
            catalog.today
        );
    }
    match known(catalog, key) {
        Some(known) => {
            let when = if empty {
                "then".to_owned()
            } else {
                said(asked)
            };
            format!(
                "There is no {label} of {asset} {}: it is known from {} to {}.",
                preposition(asked, &when),
                known.from,
                known.to
            )
        }
        None => format!(
            "There is no {label} of {asset}. What is known of it: {}.",
            list(&metric_choices(catalog, asset), "and")
        ),
    }
}

fn preposition(asked: Period, when: &str) -> String {
    if asked.from == asked.to && when != "then" {
        format!("on {when}")
    } else if when == "then" {
        when.to_owned()
    } else {
        format!("from {when}")
    }
}

fn said(period: Period) -> String {
    if period.from == period.to {
        period.from.to_string()
    } else {
        format!("{} to {}", period.from, period.to)
    }
}

fn assets(catalog: &Catalog) -> String {
    let tickers: Vec<String> = catalog
        .assets
        .keys()
        .take(MAX_NAMED)
        .map(ToString::to_string)
        .collect();
    if tickers.is_empty() {
        return "an asset, once there is data of one".to_owned();
    }
    list(&tickers, "or")
}

/// `a, b or c`.
fn list(items: &[String], last: &str) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., end] => format!("{} {last} {end}", first.join(", ")),
    }
}
