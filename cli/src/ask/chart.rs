//! A small chart of a series, in characters.

use chimera_analysis::readable;
use chimera_questions::Series;

use crate::terminal::{Style, Terminal};

const HEIGHT: usize = 8;
/// Wider than this it is no longer small.
const MAX_COLUMNS: usize = 72;
/// Narrower than this it shows nothing.
const MIN_COLUMNS: usize = 20;

/// Eighths of a cell, from below.
const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The series as bars over its days, with its highest and lowest value; nothing for fewer than three points.
pub(super) fn chart(series: &Series, terminal: Terminal) -> Option<String> {
    let [(first, _), .., (last, _)] = &series.points[..] else {
        return None;
    };
    if series.points.len() < 3 {
        return None;
    }
    let days: Vec<f64> = series.points.iter().map(|point| point.1).collect();
    let (low, high) = days
        .iter()
        .fold((f64::MAX, f64::MIN), |(low, high), value| {
            (low.min(*value), high.max(*value))
        });
    let label = |row: usize| match row {
        0 => readable(high, series.unit),
        row if row == HEIGHT - 1 => readable(low, series.unit),
        _ => String::new(),
    };
    let label_width = label(0)
        .chars()
        .count()
        .max(label(HEIGHT - 1).chars().count());
    let room = terminal.width.saturating_sub(label_width + 4);
    let values = columns(&days, room.clamp(MIN_COLUMNS, MAX_COLUMNS));
    let title = format!("  {} of {}", series.metric.label(), series.asset);
    let mut lines = vec![terminal.paint(Style::Strong, &title)];
    for row in 0..HEIGHT {
        let bars: String = values
            .iter()
            .map(|value| cell(*value, low, high, HEIGHT - 1 - row))
            .collect();
        let (label, bars) = (label(row), bars.trim_end());
        let axis = if label.is_empty() { '│' } else { '┤' };
        lines.push(format!("  {label:>label_width$} {axis}{bars}"));
    }
    let (first, last) = (first.to_string(), last.to_string());
    let gap = values.len().saturating_sub(first.len() + last.len()).max(1);
    lines.push(terminal.paint(
        Style::Dim,
        &format!("  {:>label_width$}  {first}{:gap$}{last}", "", ""),
    ));
    Some(lines.join("\n"))
}

/// One value a column: a day's where there is room, else the mean of the days that share the column.
fn columns(values: &[f64], most: usize) -> Vec<f64> {
    if values.len() <= most {
        let wide = (most / values.len()).clamp(1, 2);
        return values
            .iter()
            .flat_map(|value| std::iter::repeat_n(*value, wide))
            .collect();
    }
    let share = |column: usize| column * values.len() / most..(column + 1) * values.len() / most;
    let mean = |days: &[f64]| days.iter().sum::<f64>() / days.len() as f64;
    (0..most)
        .map(|column| mean(&values[share(column)]))
        .collect()
}

/// What of a bar is seen in the cell that is `above` cells over the lowest one. The lowest value is one eighth high.
fn cell(value: f64, low: f64, high: f64, above: usize) -> char {
    let share = if high > low {
        (value - low) / (high - low)
    } else {
        0.5
    };
    let eighths = 1 + (share * (HEIGHT * 8 - 1) as f64).round() as usize;
    BLOCKS[eighths.saturating_sub(above * 8).min(8)]
}

#[cfg(test)]
mod tests {
    use chimera_questions::{Day, Metric, Ticker};

    use super::*;

    #[test]
    fn the_highest_day_is_full_and_the_lowest_one_is_seen() {
        let day = |day| Day::constant(2019, 1, day);
        let points = vec![(day(1), 1.0), (day(2), 3.0), (day(3), 2.0)];
        let series = Series {
            asset: Ticker::new("ZEC"),
            metric: Metric::PriceUsd,
            unit: Metric::PriceUsd.unit(),
            points,
        };
        let chart = chart(&series, Terminal::plain(80)).unwrap();
        let lines: Vec<&str> = chart.lines().collect();
        assert_eq!(lines[1], "  3.00 ┤  ██");
        assert_eq!(lines[8], "  1.00 ┤▁▁████");
        assert!(lines[9].contains("2019-01-01") && lines[9].contains("2019-01-03"));
    }

    #[test]
    fn two_days_are_no_chart_and_ten_years_fit() {
        assert_eq!(columns(&vec![1.0; 3_700], 50).len(), 50);
    }
}
