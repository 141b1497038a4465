//! Text in columns.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How many columns a text takes.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

pub(super) fn pad_right(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

pub(super) fn pad_left(text: &str, columns: usize) -> String {
    format!("{}{text}", " ".repeat(columns.saturating_sub(width(text))))
}

/// Control characters replaced: they would move the cursor, or worse.
pub(super) fn printable(text: &str) -> String {
    let plain = |character: char| {
        if character.is_control() {
            '?'
        } else {
            character
        }
    };
    text.chars().map(plain).collect()
}

/// The text, its middle left out if it is too wide: beginnings tell the operation, ends tell the object.
pub(super) fn fit(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    if columns < 2 {
        return "…".repeat(columns);
    }
    let head = columns / 2;
    let head: String = taken(text.chars(), head);
    let tail: String = taken(text.chars().rev(), columns - 1 - width(&head));
    let tail: String = tail.chars().rev().collect();
    format!("{head}…{tail}")
}

fn taken(characters: impl Iterator<Item = char>, columns: usize) -> String {
    let mut left = columns;
    let fits = |character: &char| {
        let width = character.width().unwrap_or(0);
        let fits = width <= left;
        left = left.saturating_sub(width);
        fits
    };
    characters.take_while(fits).collect()
}

/// Nanoseconds as people read them, three digits and a unit: `312 µs`, `1.24 s`, `2m 03s`.
pub fn duration(ns: f64) -> String {
    let scaled = |value: f64, unit: &str| {
        let decimals = match value {
            ..9.995 => 2,
            ..99.95 => 1,
            _ => 0,
        };
        format!("{value:.decimals$} {unit}")
    };
    match ns {
        ..999.5 => format!("{ns:.0} ns"),
        ..999.5e3 => scaled(ns / 1e3, "µs"),
        ..999.5e6 => scaled(ns / 1e6, "ms"),
        ..59.95e9 => scaled(ns / 1e9, "s"),
        _ => {
            let seconds = (ns / 1e9).round() as u64;
            format!("{}m {:02}s", seconds / 60, seconds % 60)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_three_digits() {
        #[track_caller]
        fn check(ns: f64, expected: &str) {
            assert_eq!(duration(ns), expected);
        }
        check(0.0, "0 ns");
        check(999.0, "999 ns");
        check(1_000.0, "1.00 µs");
        check(9_996.0, "10.0 µs");
        check(312_400.0, "312 µs");
        check(999_600.0, "1.00 ms");
        check(47_900_000.0, "47.9 ms");
        check(1_240_000_000.0, "1.24 s");
        check(123_000_000_000.0, "2m 03s");
    }

    #[test]
    fn the_middle_is_left_out() {
        #[track_caller]
        fn check(text: &str, columns: usize, expected: &str) {
            assert_eq!(fit(text, columns), expected);
        }
        check("short", 5, "short");
        check("data_retrieval_agent", 11, "data_…agent");
        check("data_retrieval_agent", 2, "d…");
        check("ab", 1, "…");
        check("ab", 0, "");
        // Two columns each: one is left empty rather than overrun.
        check("取得価格", 6, "取…格");
        assert_eq!(width("取…格"), 5);
    }

    #[test]
    fn a_name_cannot_steer_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\nc\u{7f}"), "a?[2Jb?c?");
    }
}
