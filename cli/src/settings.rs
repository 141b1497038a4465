//! `chimera config`: the effective configuration, and where each value comes from.

use std::{fmt::Write as _, process::ExitCode};

use chimera_shared::config::{Loaded, Origin};

use crate::terminal::print;

/// Prints every setting as TOML, with its source behind it where it is not the default.
pub(crate) fn show(loaded: &Loaded) -> anyhow::Result<ExitCode> {
    let mut text = String::new();
    for setting in loaded.explain() {
        let line = format!("{} = {}", setting.key, setting.value);
        match setting.source {
            Origin::Default => writeln!(text, "{line}")?,
            source => writeln!(text, "{line:<48}  # {source}")?,
        }
    }
    print(text.trim_end())?;
    Ok(ExitCode::SUCCESS)
}
