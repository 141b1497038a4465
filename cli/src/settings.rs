//! `chimera config`: the effective configuration, and where each value comes from.

use std::process::ExitCode;

use chimera_shared::config::Loaded;

use crate::terminal::{Style, Terminal, print};

/// Where comments begin, unless the value is longer.
const COMMENTS_FROM: usize = 48;

/// Prints every setting as TOML, with its source behind it.
pub(crate) fn show(loaded: &Loaded, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let lines: Vec<String> = loaded
        .explain()
        .map(|setting| {
            let line = format!("{} = {}", setting.key, setting.value);
            let source = terminal.paint(Style::Dim, &format!("# {}", setting.source));
            format!("{line:<COMMENTS_FROM$}  {source}")
        })
        .collect();
    print(&lines.join("\n"))?;
    Ok(ExitCode::SUCCESS)
}
