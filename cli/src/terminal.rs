//! What the terminal can do, and writing to it.

use std::io::{self, IsTerminal as _, Write as _};

use anstream::{AutoStream, ColorChoice};
use chimera_traces::waterfall::{Colors, Glyphs, Names, Options};

/// The width that is drawn for when standard output is not a terminal.
const DEFAULT_WIDTH: usize = 100;

/// Standard output, as it is now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terminal {
    pub(crate) width: usize,
    pub(crate) colors: bool,
    /// Somebody looks at standard error, so that progress may be shown there.
    pub(crate) watched: bool,
}

impl Terminal {
    /// What standard output can do; `NO_COLOR` and `CLICOLOR_FORCE` are honoured.
    pub(crate) fn detect() -> Self {
        let width =
            terminal_size::terminal_size().map_or(DEFAULT_WIDTH, |(width, _)| usize::from(width.0));
        let colors = AutoStream::choice(&io::stdout()) != ColorChoice::Never;
        Self {
            width,
            colors,
            watched: io::stdout().is_terminal() && io::stderr().is_terminal(),
        }
    }

    /// How a waterfall is drawn here.
    pub(crate) fn waterfall(self, wide: bool) -> Options {
        Options {
            width: self.width.max(DEFAULT_WIDTH),
            colors: if self.colors {
                Colors::Ansi
            } else {
                Colors::Off
            },
            glyphs: Glyphs::Unicode,
            names: if wide { Names::Full } else { Names::Fitted },
        }
    }

    /// `text` in bold.
    pub(crate) fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    /// `text` as an aside.
    pub(crate) fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.colors {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

/// Writes `text` and a line end to standard output. A reader that went away (as `head` does) is no error of ours.
///
/// # Errors
/// Those of writing, for example to a full disk.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// Writes `text` and a line end to standard error: what is for the person, not for the pipe.
#[expect(
    clippy::print_stderr,
    reason = "the one place that talks to the person beside standard output"
)]
pub(crate) fn remark(text: &str) {
    eprintln!("{text}");
}
