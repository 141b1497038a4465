//! Values of flags in command lines: `--password X`, `-p X`.

use super::ordinary;
use crate::config::looks_secret;

/// How far before a `-p` it is looked for what makes it a password: it is a port or a directory in other programs.
const NEAR: usize = 128;

/// What stands in a command line in which `-p` is a password.
const LOGINS: [&str; 5] = ["login ", "-u ", "--user", "--password ", "mysql"];

/// The name, and where the value begins, of the flag whose first dash is at `at`.
pub(super) fn flag(text: &str, at: usize) -> Option<(&str, usize)> {
    let is_start = text[..at].ends_with([' ', '\t', '\n', '"', '\'', '`', '[', '(']);
    (at == 0 || is_start).then_some(())?;
    let rest = &text[at..];
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_'))?;
    let behind = &rest[end..];
    let value = behind.trim_start_matches([' ', '\t']);
    let is_spaced = value.len() < behind.len();
    if !is_spaced || value.starts_with('-') || ordinary::begins_sentence(value) {
        return None;
    }
    let name = &rest[..end];
    let is_secret = match name.strip_prefix("--") {
        Some(long) => looks_secret(long),
        None => name == "-p" && is_login(text, at),
    };
    is_secret.then(|| (name, text.len() - value.len()))
}

fn is_login(text: &str, at: usize) -> bool {
    let near = &text[text.ceil_char_boundary(at.saturating_sub(NEAR))..at];
    LOGINS.iter().any(|login| near.contains(login))
}
