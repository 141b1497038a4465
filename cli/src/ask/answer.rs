//! An answer as a person reads it: the text, the facts in a table, the series as a chart.

use chimera_questions::{
    Answer, Fact, Status, StoredQuery, Unit,
    answer::{Direction, FactValue},
};
use comfy_table::{CellAlignment, Table, presets::NOTHING};

use super::chart;
use crate::terminal::Terminal;

/// How a query ended, for the terminal.
pub(super) fn text(query: &StoredQuery, terminal: Terminal) -> String {
    match (&query.answer, &query.error) {
        (Some(answer), _) => answered(answer, terminal),
        (None, Some(failure)) => format!("{} {}", terminal.bold("No answer:"), failure.message),
        (None, None) if query.status == Status::NeedsClarification => asked_back(query, terminal),
        (None, None) => format!(
            "{} the question is {:?}",
            terminal.bold("No answer:"),
            query.status
        ),
    }
}

fn answered(answer: &Answer, terminal: Terminal) -> String {
    let mut parts = vec![wrap(&answer.text, terminal.width.min(100))];
    parts.extend(
        answer
            .series
            .iter()
            .filter_map(|series| chart::chart(series, terminal)),
    );
    if !answer.facts.is_empty() {
        parts.push(facts(&answer.facts));
    }
    let sources: Vec<String> = answer
        .sources
        .iter()
        .map(|source| {
            let recorded = if source.recorded { "recorded" } else { "live" };
            let cached = if source.cached {
                ", from the cache"
            } else {
                ""
            };
            format!("{} ({recorded}{cached})", source.name)
        })
        .collect();
    if !sources.is_empty() {
        parts.push(terminal.dim(&format!("  Sources: {}", sources.join(", "))));
    }
    parts.extend(
        answer
            .warnings
            .iter()
            .map(|warning| format!("{} {warning}", terminal.bold("Note:"))),
    );
    parts.join("\n\n")
}

fn asked_back(query: &StoredQuery, terminal: Terminal) -> String {
    let questions = query.questions.iter().map(|asked| {
        let choices = asked.choices.iter().map(|choice| format!("\n  - {choice}"));
        format!(
            "{}{}",
            terminal.bold(&asked.question),
            choices.collect::<String>()
        )
    });
    questions.collect::<Vec<_>>().join("\n")
}

/// One column for each series where there are several, one row for each fact.
fn facts(facts: &[Fact]) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    let several = facts
        .windows(2)
        .any(|pair| pair[0].asset != pair[1].asset || pair[0].metric != pair[1].metric);
    for fact in facts {
        let whose = match (&fact.asset, fact.metric) {
            (Some(asset), Some(metric)) if several => format!("{asset} {metric}"),
            _ => String::new(),
        };
        let date = fact.date.map(|date| date.to_string()).unwrap_or_default();
        table.add_row(vec![
            format!("  {}", name(fact)),
            number(fact),
            unit(fact.unit).to_owned(),
            date,
            whose,
        ]);
    }
    if let Some(column) = table.column_mut(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.trim_fmt()
}

/// The name as the JSON has it.
fn name(fact: &Fact) -> String {
    serde_json::to_value(fact.name)
        .ok()
        .and_then(|name| name.as_str().map(str::to_owned))
        .unwrap_or_default()
}

fn number(fact: &Fact) -> String {
    match fact.value {
        FactValue::Direction(Direction::Rising) => "rising".to_owned(),
        FactValue::Direction(Direction::Falling) => "falling".to_owned(),
        FactValue::Direction(Direction::Flat) => "flat".to_owned(),
        FactValue::Number(value) => readable(value),
    }
}

fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Usd => "USD",
        Unit::Native => "coins",
        Unit::Bytes => "bytes",
        Unit::Blocks => "blocks",
        Unit::Percent => "%",
        Unit::PercentagePoints => "points",
        Unit::Days => "days",
        Unit::UsdPerDay => "USD/day",
        Unit::CountPerDay | Unit::PerDay => "per day",
        Unit::NativePerDay => "coins/day",
        Unit::BytesPerDay => "bytes/day",
        Unit::Count | Unit::None => "",
    }
}

/// A number with thousands separated and about six significant digits.
pub(super) fn readable(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude != 0.0 && !(1e-4..1e15).contains(&magnitude) {
        return format!("{value:.3e}");
    }
    let decimals = match magnitude {
        _ if value.fract() == 0.0 => 0,
        m if m >= 1_000.0 => 2,
        m if m >= 1.0 => 4,
        _ => 6,
    };
    let text = format!("{magnitude:.decimals$}");
    let (whole, fraction) = text
        .split_once('.')
        .map_or((text.as_str(), None), |(whole, fraction)| {
            (whole, Some(fraction))
        });
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let sign = if value < 0.0 { "-" } else { "" };
    match fraction {
        Some(fraction) => format!("{sign}{grouped}.{fraction}"),
        None => format!("{sign}{grouped}"),
    }
}

/// `text` in lines of at most `width` characters, broken between words.
fn wrap(text: &str, width: usize) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is always a line");
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        fn check(value: f64, expected: &str) {
            assert_eq!(readable(value), expected);
        }
        check(-11.713627503101186, "-11.7136");
        check(56.43, "56.4300");
        check(505_720.0, "505,720");
        check(1_234_567.891, "1,234,567.89");
        check(0.0, "0");
        check(0.0123, "0.012300");
        check(1.16e-5, "1.160e-5");
        check(-1_000.5, "-1,000.50");
    }

    #[test]
    fn lines_break_between_words() {
        assert_eq!(wrap("one two  three four", 9), "one two\nthree\nfour");
    }
}
