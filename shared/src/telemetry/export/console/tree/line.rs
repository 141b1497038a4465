//! One line of a drawing, cut where the screen ends.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::Look;

/// Longest value that a line is given: no screen is wider.
const MAX_VALUE: usize = 1_000;

const RESET: &str = "\x1b[0m";

/// How a piece of a line is shown, where there are colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Bold,
    Dim,
    Red,
    Cyan,
}

impl Style {
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Bold => "\x1b[1m",
            Self::Dim => "\x1b[2m",
            Self::Red => "\x1b[31m",
            Self::Cyan => "\x1b[36m",
        }
    }
}

/// Pieces of text that are written beside each other.
#[derive(Debug, Default)]
pub(super) struct Line(Vec<(Style, String)>);

impl Line {
    pub(super) fn put(&mut self, style: Style, text: impl Into<String>) {
        self.0.push((style, text.into()));
    }

    /// `text` in `columns`, and two more that keep what follows apart.
    pub(super) fn put_column(&mut self, style: Style, text: &str, columns: usize) {
        let shown = cut(text, columns);
        let blanks = " ".repeat(columns.saturating_sub(shown.width()) + 2);
        self.put(style, shown);
        self.put(Style::Plain, blanks);
    }

    /// Writes what fits, and a line feed.
    pub(super) fn write(self, look: Look, to: &mut String) {
        let whole: usize = self.0.iter().map(|(_, text)| text.width()).sum();
        let is_cut = whole > look.columns;
        let mut left = look.columns.saturating_sub(usize::from(is_cut));
        for (style, text) in self.0 {
            let shown = head(&text, left);
            left -= shown.width();
            if look.has_colours && style != Style::Plain && !shown.is_empty() {
                to.extend([style.code(), shown, RESET]);
            } else {
                to.push_str(shown);
            }
            if shown.len() < text.len() {
                break;
            }
        }
        if is_cut && look.columns > 0 {
            to.push('…');
        }
        to.push('\n');
    }
}

/// What of `text` fits into `columns`.
fn head(text: &str, columns: usize) -> &str {
    let mut used = 0;
    let beyond = text.char_indices().find(|(_, character)| {
        used += character.width().unwrap_or(0);
        used > columns
    });
    beyond.map_or(text, |(at, _)| &text[..at])
}

/// The beginning of `text`, with a `…` where it does not fit into `columns`.
fn cut(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    format!("{}…", head(text, columns.saturating_sub(1)))
}

/// Values come from outside: they must not be able to forge a line, to paint, or to fill the memory.
pub(super) fn clean(text: &str) -> String {
    let text = text.chars().take(MAX_VALUE);
    text.map(|char| if char.is_control() { ' ' } else { char })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_ends_where_the_screen_does() {
        #[track_caller]
        fn check(columns: usize, expected: &str) {
            let mut line = Line::default();
            line.put(Style::Plain, "├─ ");
            line.put(Style::Bold, "取得");
            line.put(Style::Dim, " key=value");
            let look = |has_colours| Look {
                has_colours,
                columns,
            };
            let mut plain = String::new();
            let pieces = line.0.clone();
            line.write(look(false), &mut plain);
            assert_eq!(plain, format!("{expected}\n"));
            assert!(plain.trim_end().width() <= columns);
            let mut painted = String::new();
            Line(pieces).write(look(true), &mut painted);
            let codes = ["\x1b[1m", "\x1b[2m", RESET];
            let bare = codes
                .iter()
                .fold(painted, |text, code| text.replace(code, ""));
            assert_eq!(bare, plain);
        }
        check(17, "├─ 取得 key=value");
        check(16, "├─ 取得 key=val…");
        check(8, "├─ 取得…");
        check(7, "├─ 取…");
        check(6, "├─ 取…");
        check(5, "├─ …");
        check(1, "…");
        check(0, "");
    }

    #[test]
    fn a_column_keeps_its_width() {
        #[track_caller]
        fn check(text: &str, expected: &str) {
            let mut line = Line::default();
            line.put_column(Style::Cyan, text, 5);
            let mut shown = String::new();
            let look = Look {
                has_colours: false,
                columns: 100,
            };
            line.write(look, &mut shown);
            assert_eq!(shown, format!("{expected}\n"));
        }
        check("api", "api    ");
        check("query_agent", "quer…  ");
        check("", "       ");
    }
}
