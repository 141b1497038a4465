//! Text in columns for the terminal.

use unicode_width::UnicodeWidthStr as _;

use crate::terminal::{Style, Terminal};

/// Between two columns.
const GAP: &str = "  ";

/// On which side of its column a text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// A text in a row, and how it is painted.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    pub(crate) fn styled(text: impl Into<String>, style: Style) -> Self {
        Self {
            text: text.into(),
            style,
        }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::styled(text, Style::Plain)
    }
}

/// Rows of cells under titles. A column without a text is left out, its title too.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<(&'static str, Align)>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table of `columns`, each with its title, which may be empty.
    pub(crate) fn new(columns: &[(&'static str, Align)]) -> Self {
        Self {
            columns: columns.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row, a cell for each column.
    pub(crate) fn row(&mut self, cells: Vec<Cell>) {
        debug_assert_eq!(cells.len(), self.columns.len());
        self.rows.push(cells);
    }

    /// The lines, the titles first where there are any. The last column is cut where the terminal ends.
    pub(crate) fn lines(&self, terminal: Terminal) -> Vec<String> {
        let widths = self.widths();
        let titles = self.titles();
        titles
            .iter()
            .chain(&self.rows)
            .map(|row| self.line(row, &widths, terminal))
            .collect()
    }

    /// The same, but where the last column does not fit whole, each of its texts has a line of its own below its row.
    pub(crate) fn folded(&self, terminal: Terminal) -> Vec<String> {
        let mut widths = self.widths();
        let shown = || widths.iter().filter(|width| **width > 0);
        let needed = shown().sum::<usize>() + GAP.len() * shown().count().saturating_sub(1);
        if !terminal.is_bounded || needed <= terminal.width {
            return self.lines(terminal);
        }
        let last = widths.len() - 1;
        widths[last] = 0;
        let room = terminal.width.saturating_sub(GAP.len());
        let below = |cell: &Cell| {
            let text = terminal.paint(cell.style, &fitted(&cell.text, room));
            format!("{GAP}{text}")
        };
        let rows = self.rows.iter();
        let rows = rows.flat_map(|row| [self.line(row, &widths, terminal), below(&row[last])]);
        let titles = self.titles();
        let titles = titles.iter().map(|row| self.line(row, &widths, terminal));
        titles.chain(rows).collect()
    }

    fn titles(&self) -> Option<Vec<Cell>> {
        let has_titles = self.columns.iter().any(|(title, _)| !title.is_empty());
        let titles = self.columns.iter();
        let titles = titles.map(|(title, _)| Cell::styled(*title, Style::Dim));
        has_titles.then(|| titles.collect())
    }

    fn widths(&self) -> Vec<usize> {
        let columns = 0..self.columns.len();
        columns.map(|column| self.width(column)).collect()
    }

    /// The widest text of a column, its title included; 0 of one without a text.
    fn width(&self, column: usize) -> usize {
        let widest = self.rows.iter().map(|row| row[column].text.width()).max();
        match widest.unwrap_or_default() {
            0 => 0,
            widest => widest.max(self.columns[column].0.width()),
        }
    }

    fn line(&self, row: &[Cell], widths: &[usize], terminal: Terminal) -> String {
        let mut line = String::new();
        let mut used = 0;
        let last = widths.iter().rposition(|width| *width > 0);
        for (at, (cell, width)) in row.iter().zip(widths).enumerate() {
            if *width == 0 {
                continue;
            }
            if used > 0 {
                line.push_str(GAP);
                used += GAP.len();
            }
            let text = if Some(at) == last && terminal.is_bounded {
                fitted(&cell.text, terminal.width.saturating_sub(used))
            } else {
                cell.text.clone()
            };
            let padding = " ".repeat(width.saturating_sub(text.width()));
            let painted = terminal.paint(cell.style, &text);
            match self.columns[at].1 {
                Align::Right => line += &(padding + &painted),
                Align::Left if Some(at) == last => line += &painted,
                Align::Left => line += &(painted + &padding),
            }
            used += width;
        }
        line.trim_end().to_owned()
    }
}

/// The beginning of `text`, in at most `columns` columns.
fn fitted(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut short = String::new();
    for character in text.chars() {
        if short.width() + 2 > columns {
            break;
        }
        short.push(character);
    }
    short + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other_and_end_with_the_terminal() {
        let mut table = Table::new(&[
            ("name", Align::Left),
            ("errors", Align::Right),
            ("spans", Align::Right),
            ("root", Align::Left),
        ]);
        table.row(vec!["a".into(), "".into(), "7".into(), "short".into()]);
        table.row(vec![
            "bcdefg".into(),
            "".into(),
            "53".into(),
            "POST /api/queries".into(),
        ]);
        assert_eq!(
            table.lines(Terminal::plain(26)),
            [
                "name    spans  root",
                "a           7  short",
                "bcdefg     53  POST /api/…"
            ]
        );
    }

    #[test]
    fn what_does_not_fit_stands_below_its_row() {
        let mut table = Table::new(&[
            ("trace", Align::Left),
            ("spans", Align::Right),
            ("root", Align::Left),
        ]);
        table.row(vec!["4bf9".into(), "7".into(), "POST /api/queries".into()]);
        table.row(vec!["0af7".into(), "53".into(), "GET /".into()]);
        assert_eq!(
            table.folded(Terminal::plain(31)),
            [
                "trace  spans  root",
                "4bf9       7  POST /api/queries",
                "0af7      53  GET /",
            ]
        );
        assert_eq!(
            table.folded(Terminal::plain(18)),
            [
                "trace  spans",
                "4bf9       7",
                "  POST /api/queri…",
                "0af7      53",
                "  GET /",
            ]
        );
    }

    #[test]
    fn without_titles_there_is_no_line_of_them() {
        let mut table = Table::new(&[("", Align::Right)]);
        table.row(vec!["1".into()]);
        assert_eq!(table.lines(Terminal::plain(80)), ["1"]);
    }
}
