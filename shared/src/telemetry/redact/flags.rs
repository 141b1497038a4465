//! Values of flags in command lines: `--password X`, `-p X`.

use super::ordinary;
use crate::config::looks_secret;

/// How far before a `-p` it is looked for what makes it a password: it is a port or a directory in other programs.
const NEAR: usize = 128;

/// What stands in a command line in which `-p` is a password.
const LOGINS: [&str; 6] = ["login ", "-u ", "--user", "--password ", "mysql", "sshpass"];

/// The name, and where the value begins, of the flag whose first dash is at `at`.
pub(super) fn flag(text: &str, at: usize) -> Option<(&str, usize)> {
    let is_start = text[..at].ends_with([' ', '\t', '\n', '"', '\'', '`', '[', '(']);
    (at == 0 || is_start).then_some(())?;
    let rest = &text[at..];
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_'))?;
    let behind = &rest[end..];
    let value = behind.trim_start_matches([' ', '\t']);
    // Between quotes, as Debug shows a list of arguments.
    let value = match value.trim_start_matches(['"', '\'', ',', ' ']) {
        next if text[..at].ends_with(['"', '\'']) && value.starts_with(['"', '\'']) => {
            &value[value.len() - next.len()..]
        }
        _ => value,
    };
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

/// The user and password behind `curl -u`, where the value begins at `start`, and where they end.
pub(super) fn login(text: &str, at: usize) -> Option<(usize, usize)> {
    let rest = &text[at..];
    let name = ["-u ", "--user ", "-U ", "--proxy-user "]
        .into_iter()
        .find(|name| rest.starts_with(name))?;
    let near = &text[text.ceil_char_boundary(at.saturating_sub(NEAR))..at];
    (near.contains("curl ")).then_some(())?;
    let value = rest[name.len()..].trim_start_matches([' ', '"', '\'']);
    let start = text.len() - value.len();
    let end = value
        .find([' ', '\n', '"', '\'', '`'])
        .unwrap_or(value.len());
    value[..end].contains(':').then_some((start, start + end))
}

fn is_login(text: &str, at: usize) -> bool {
    let near = &text[text.ceil_char_boundary(at.saturating_sub(NEAR))..at];
    LOGINS.iter().any(|login| near.contains(login))
}
