//! What the terminal can do, and writing to it.

use std::io::{self, IsTerminal as _, Write as _};

use anstream::{AutoStream, ColorChoice};
use chimera_traces::waterfall::{Colors, Glyphs, Names, Options};
use unicode_width::UnicodeWidthStr as _;

/// The width that is drawn for when standard output is not a terminal.
const DEFAULT_WIDTH: usize = 100;

/// Lines of text longer than this are hard to read.
const MAX_TEXT: usize = 100;

/// Standard output, as it is now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terminal {
    pub(crate) width: usize,
    /// Lines end there: it is a terminal, and no file or pipe.
    pub(crate) is_bounded: bool,
    pub(crate) colors: bool,
    /// Somebody looks at standard error, so that progress may be shown there.
    pub(crate) watched: bool,
}

/// How a text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Strong,
    /// An aside.
    Dim,
    Good,
    Doubtful,
    Bad,
    /// What can be clicked or copied.
    Address,
}

impl Terminal {
    /// What standard output can do; `NO_COLOR` and `CLICOLOR_FORCE` are honoured.
    pub(crate) fn detect() -> Self {
        let is_terminal = io::stdout().is_terminal();
        let width = if is_terminal {
            terminal_size::terminal_size()
        } else {
            None
        };
        Self {
            width: width.map_or(DEFAULT_WIDTH, |(width, _)| usize::from(width.0)),
            is_bounded: is_terminal,
            colors: AutoStream::choice(&io::stdout()) != ColorChoice::Never,
            watched: is_terminal && io::stderr().is_terminal(),
        }
    }

    /// One without colours.
    #[cfg(test)]
    pub(crate) fn plain(width: usize) -> Self {
        Self {
            width,
            is_bounded: true,
            colors: false,
            watched: false,
        }
    }

    /// How a waterfall is drawn here.
    pub(crate) fn waterfall(self, wide: bool) -> Options {
        Options {
            width: self.width,
            colors: if self.colors {
                Colors::Ansi
            } else {
                Colors::Off
            },
            glyphs: Glyphs::Unicode,
            names: if wide { Names::Full } else { Names::Fitted },
        }
    }

    /// `text` as `style` says, where there are colours.
    pub(crate) fn paint(self, style: Style, text: &str) -> String {
        let code = match style {
            Style::Plain => return text.to_owned(),
            Style::Strong => "1",
            Style::Dim => "2",
            Style::Good => "32",
            Style::Doubtful => "33",
            Style::Bad => "31",
            Style::Address => "36",
        };
        if self.colors && !text.is_empty() {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    /// `text` in lines that fit, broken between words; its own line ends stay.
    pub(crate) fn wrap(self, text: &str) -> String {
        let columns = self.width.min(MAX_TEXT);
        let lines = text.lines().flat_map(|line| wrapped(line, columns));
        lines.collect::<Vec<_>>().join("\n")
    }
}

fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is always a line");
        if !line.is_empty() && line.width() + 1 + word.width() > columns {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

/// Writes `text` and a line end to standard output. A reader that went away (as `head` does) is no error of ours.
///
/// # Errors
/// Those of writing, for example to a full disk.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    write(&format!("{text}\n"))
}

/// Writes `text` as it is to standard output, as [`print`] does.
///
/// # Errors
/// Those of writing.
pub(crate) fn write(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(anyhow::Error::new(error).context("writing to standard output")),
        Ok(()) => Ok(()),
    }
}

/// Writes `text` and a line end to standard error: what is for the person, not for the pipe.
pub(crate) fn remark(text: &str) {
    // Where nobody can be told, nobody can be told that either.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_where_the_text_does() {
        assert_eq!(
            Terminal::plain(9).wrap("one two  three four\nfive"),
            "one two\nthree\nfour\nfive"
        );
    }
}
