//! `chimera config`: the effective configuration, and where each value comes from.

use std::process::ExitCode;

use chimera_shared::config::{Loaded, Origin};

use crate::terminal::{Style, Terminal, print};

/// Where comments begin, unless the value is longer.
const COMMENTS_FROM: usize = 48;

/// Prints every setting as TOML, with its source behind it where it is not the default.
pub(crate) fn show(loaded: &Loaded, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let lines: Vec<String> = loaded
        .explain()
        .map(|setting| {
            let line = format!("{} = {}", setting.key, setting.value);
            match setting.source {
                Origin::Default => line,
                source => {
                    let source = terminal.paint(Style::Dim, &format!("# {source}"));
                    format!("{line:<COMMENTS_FROM$}  {source}")
                }
            }
        })
        .collect();
    print(&lines.join("\n"))?;
    Ok(ExitCode::SUCCESS)
}
