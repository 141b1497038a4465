//! An answer as a person reads it: the text, the series as a chart, the facts in a table.

use chimera_analysis::{readable, unit_name};
use chimera_questions::{
    Answer, Fact, FactName, Status, StoredQuery,
    answer::{Direction, FactValue},
};

use super::chart;
use crate::{
    table::{Align, Table},
    terminal::{Style, Terminal},
};

/// How a query ended, for the terminal.
pub(super) fn text(query: &StoredQuery, terminal: Terminal) -> String {
    let unanswered = |why: &str| {
        let text = terminal.wrap(&format!("{NO_ANSWER} {why}"));
        text.replacen(NO_ANSWER, &terminal.paint(Style::Strong, NO_ANSWER), 1)
    };
    match (&query.answer, &query.error) {
        (Some(answer), _) => answered(answer, terminal),
        (None, Some(failure)) => unanswered(&failure.message),
        (None, None) => match query.status {
            Status::NeedsClarification => asked_back(query, terminal),
            Status::Cancelled => unanswered("the question was cancelled."),
            Status::Expired => unanswered(
                "it took longer than `api.question_timeout` allows; its trace says what did.",
            ),
            Status::Pending | Status::Processing | Status::Completed | Status::Failed => {
                unanswered(&format!(
                    "it is still being worked on, as query {}.",
                    query.query_id
                ))
            }
        },
    }
}

const NO_ANSWER: &str = "No answer:";

fn answered(answer: &Answer, terminal: Terminal) -> String {
    let mut parts = vec![terminal.wrap(&answer.text)];
    let charts = answer.series.iter();
    parts.extend(charts.filter_map(|series| chart::chart(series, terminal)));
    if !answer.facts.is_empty() {
        parts.push(facts(answer, terminal));
    }
    parts.extend(from_cache(answer).map(|text| terminal.paint(Style::Dim, &text)));
    parts.extend(answer.warnings.iter().map(|warning| {
        let text = terminal.wrap(&format!("{NOTE} {warning}"));
        text.replacen(NOTE, &terminal.paint(Style::Doubtful, NOTE), 1)
    }));
    parts.join("\n\n")
}

const NOTE: &str = "Note:";

/// Which sources were not asked because the cache had what they had said.
fn from_cache(answer: &Answer) -> Option<String> {
    let cached = answer.sources.iter().filter(|source| source.cached);
    let names: Vec<&str> = cached.map(|source| source.name.as_str()).collect();
    (!names.is_empty()).then(|| format!("  From the cache: {}", names.join(", ")))
}

fn asked_back(query: &StoredQuery, terminal: Terminal) -> String {
    let questions = query.questions.iter().map(|asked| {
        let choices = asked.choices.iter().map(|choice| format!("\n  - {choice}"));
        let question = terminal.paint(Style::Strong, &terminal.wrap(&asked.question));
        format!("{question}{}", choices.collect::<String>())
    });
    questions.collect::<Vec<_>>().join("\n")
}

/// A row for each fact; whose it is, only where there are several series to tell apart.
fn facts(answer: &Answer, terminal: Terminal) -> String {
    let mut table = Table::new(&[
        ("", Align::Left),
        ("", Align::Right),
        ("", Align::Left),
        ("", Align::Left),
        ("", Align::Left),
    ]);
    let numbers: Vec<String> = answer.facts.iter().map(number).collect();
    let places = numbers.iter().map(|number| fraction(number)).max();
    for (fact, number) in answer.facts.iter().zip(&numbers) {
        let whose = match (&fact.asset, fact.metric) {
            (Some(asset), Some(metric)) if answer.series.len() > 1 => {
                format!("{asset} {}", metric.label())
            }
            _ => String::new(),
        };
        let padding = " ".repeat(places.unwrap_or_default() - fraction(number));
        table.row(vec![
            format!("  {}", name(fact.name)).into(),
            format!("{number}{padding}").into(),
            unit_name(fact.unit, fact.asset.as_ref()).into(),
            fact.date
                .map(|date| date.to_string())
                .unwrap_or_default()
                .into(),
            whose.into(),
        ]);
    }
    table.lines(terminal).join("\n")
}

/// How many columns a number takes from its point on, so that points stand below each other.
fn fraction(number: &str) -> usize {
    number.find('.').map_or(0, |point| number.len() - point)
}

/// A fact's name, as `--json` has it.
fn name(name: FactName) -> String {
    match serde_json::to_value(name) {
        Ok(serde_json::Value::String(name)) => name,
        _ => format!("{name:?}"),
    }
}

fn number(fact: &Fact) -> String {
    match fact.value {
        FactValue::Direction(Direction::Rising) => "rising".to_owned(),
        FactValue::Direction(Direction::Falling) => "falling".to_owned(),
        FactValue::Direction(Direction::Flat) => "flat".to_owned(),
        FactValue::Number(value) if fact.name == FactName::TrendP => probability(value),
        FactValue::Number(value) => readable(value, fact.unit),
    }
}

/// Two digits tell all that a p tells, and so do they of one that is next to nothing.
fn probability(p: f64) -> String {
    if p == 0.0 || p >= 1e-3 {
        readable((p * 1e4).round() / 1e4, chimera_questions::Unit::None)
    } else {
        format!("{p:.1e}")
    }
}

#[cfg(test)]
mod tests {
    use chimera_questions::{Day, Metric, Ticker, Unit};

    use super::*;

    fn fact(name: FactName, value: f64, unit: Unit) -> Fact {
        Fact {
            name,
            asset: Some(Ticker::new("ZEC")),
            metric: Some(Metric::PriceUsd),
            value: FactValue::Number(value),
            unit,
            date: (name == FactName::First).then(|| Day::constant(2019, 1, 1)),
            period: None,
        }
    }

    #[test]
    fn points_and_units_stand_below_each_other() {
        let answer = Answer {
            text: String::new(),
            facts: vec![
                fact(FactName::First, 56.43, Unit::Usd),
                fact(FactName::SlopePerDay, -0.340_909, Unit::UsdPerDay),
                fact(FactName::TrendP, 2.702e-9, Unit::None),
                fact(FactName::BlockHeight, 505_720.0, Unit::Blocks),
            ],
            series: Vec::new(),
            sources: Vec::new(),
            warnings: Vec::new(),
        };
        assert_eq!(
            facts(&answer, Terminal::plain(80)),
            "  first               56.43    USD          2019-01-01\n  \
             slope_per_day       -0.3409  USD per day\n  \
             trend_p              2.7e-9\n  \
             block_height   505,720       blocks"
        );
    }

    #[test]
    fn a_probability_has_four_decimals_or_two_digits() {
        let check = |p, expected| assert_eq!(probability(p), expected);
        check(0.0, "0");
        check(1.0, "1");
        check(0.031_249, "0.0312");
        check(0.001, "0.001");
        check(0.000_45, "4.5e-4");
        check(2.702e-9, "2.7e-9");
    }
}
