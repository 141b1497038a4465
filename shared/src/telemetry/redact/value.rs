//! Where the value behind the name of a secret begins and ends.

use super::{
    REDACTED, group, ordinary,
    quoted::Quote,
    scan::{FAR, ends_url},
};

/// How many bytes stand before the value itself: blanks, the `>` of `=>`, the wrapper of `Some("…")`, the `b` of `b"…"`.
pub(super) fn blanks(after: &str) -> usize {
    let mut rest = after.strip_prefix('>').unwrap_or(after);
    // The end of a line in a text in quotes.
    rest = rest.strip_prefix("\\n ").unwrap_or(rest);
    rest = rest.trim_start_matches([' ', '\t']);
    let letters = rest.find(|c: char| !c.is_ascii_alphanumeric());
    if let Some(open) = letters.filter(|open| *open > 0) {
        let is_literal = || {
            rest[..open]
                .bytes()
                .all(|byte| b"bBrRuUfFc".contains(&byte))
        };
        let behind = rest[open..].trim_start_matches('#');
        if let Some(behind) = rest[open..].strip_prefix('(')
            && Quote::opens(behind).is_some()
        {
            rest = behind;
        } else if is_literal() && Quote::opens(behind).is_some() {
            rest = behind;
        }
    }
    after.len() - rest.len()
}

/// Where the value that begins at `start` begins without its quotes, and where it ends. One that was redacted before has no
/// end here: looking for it, again and again, would take time by the square of the length of a text full of them.
pub(super) fn of(
    text: &str,
    start: usize,
    name: &str,
    is_assigned: bool,
) -> Option<(usize, usize)> {
    let rest = &text[start..];
    if let Some(quote) = Quote::opens(rest) {
        let start = start + quote.length();
        let quoted = &text[start..];
        let is_hidden = quoted.starts_with(REDACTED);
        return (!is_hidden).then(|| (start, start + quote.end(quoted)));
    }
    if rest.starts_with(REDACTED) {
        return None;
    }
    let end = group::end(rest).unwrap_or_else(|| end_of_bare(rest, name, is_assigned));
    // What is below it was redacted before.
    let is_mark = end > 0 && rest[..end].bytes().all(|byte| b"|>+-".contains(&byte));
    (!is_mark).then_some(())?;
    Some((start, start + end))
}

/// The value of a name in YAML whose colon is at `colon`, when it stands on the lines below: where those begin that are
/// further in than the name's, and where they end.
pub(super) fn below(text: &str, colon: usize) -> Option<(usize, usize)> {
    let after = &text[colon + 1..];
    let blanks = after.len()
        - after
            .trim_start_matches([' ', '\t', '|', '>', '-', '+', '\r'])
            .len();
    after[blanks..].starts_with('\n').then_some(())?;
    let line = text[..colon].rfind('\n').map_or(0, |newline| newline + 1);
    let indent = indentation(&text[line..]);
    let first = colon + 1 + blanks + 1;
    let start = text.len() - text[first..].trim_start().len();
    let own = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
    let is_hidden = text[start..].starts_with(REDACTED);
    if is_hidden || start - own <= indent || ordinary::begins_sentence(&text[start..]) {
        return None;
    }
    if Quote::opens(&text[start..]).is_some() || group::end(&text[start..]).is_some() {
        return of(text, start, "", false);
    }
    let mut end = start;
    for line in text[start..].split_inclusive('\n') {
        let is_deeper = end == start || line.trim().is_empty() || indentation(line) > indent;
        if !is_deeper {
            break;
        }
        end += line.len();
    }
    Some((start, start + text[start..end].trim_end().len()))
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// A value without quotes. Where it ends is a guess, which rather takes too much: a cookie has blanks and semicolons, a
/// header a scheme before its credentials, a connection string a password with blanks that a semicolon ends.
fn end_of_bare(rest: &str, name: &str, is_assigned: bool) -> usize {
    if contains(name, "cookie") {
        return end_of_line(rest);
    }
    if contains(name, "authorization") {
        return end_of_authorization(rest);
    }
    let word = end_of_word(rest);
    let near = near(rest, word);
    match near.find([';', '&', '\'', '<', '>', '`']) {
        Some(end) if is_assigned && near[end..].starts_with(';') => end,
        Some(_) | None => word,
    }
}

/// A scheme and what belongs to it: a word, or a list of pairs, as `Digest` and `AWS4-HMAC-SHA256` have.
fn end_of_authorization(value: &str) -> usize {
    let scheme = value.find([' ', '\n', '\r', '"']).unwrap_or(value.len());
    let behind = value[scheme..].trim_start_matches([' ', '\t']);
    let start = value.len() - behind.len();
    let pairs = end_of_pairs(behind);
    let word = end_of_word(behind);
    let end = match near(behind, word) {
        "" => 0,
        pairs if pairs.contains('=') && pairs.contains(',') => end_of_line(behind),
        _ => word,
    };
    start + end.max(pairs)
}

/// Behind the last of the pairs that `text` begins with, `name="value", name=value`.
fn end_of_pairs(text: &str) -> usize {
    let (mut end, mut at) = (0, 0);
    loop {
        let rest = text[at..].trim_start_matches([' ', '\t', ',']);
        let name = rest.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_'));
        let Some(name) = name.filter(|name| *name > 0 && rest[*name..].starts_with('=')) else {
            return end;
        };
        let value = &rest[name + 1..];
        let length = match Quote::opens(value) {
            Some(quote) => {
                let end = quote.length() + quote.end(&value[quote.length()..]);
                (end + quote.length()).min(value.len())
            }
            None => value
                .find([' ', '\t', ',', '"', '\n', '\r'])
                .unwrap_or(value.len()),
        };
        end = text.len() - value.len() + length;
        at = end;
    }
}

/// The first `known` bytes and what follows them on the same line, but not far.
fn near(text: &str, known: usize) -> &str {
    let near = &text[..text.floor_char_boundary(known + FAR)];
    &near[..end_of_line(near)]
}

fn end_of_line(text: &str) -> usize {
    text.find(['\n', '\r', '"']).unwrap_or(text.len())
}

fn end_of_word(text: &str) -> usize {
    let end = text
        .find(|c: char| ends_url(c) || matches!(c, ';' | '&'))
        .unwrap_or(text.len());
    // What closes a sentence or a bracket is not the value's.
    let word = &text[..end];
    word.trim_end_matches([',', '.', ')', ']', '}']).len()
}

fn contains(name: &str, part: &str) -> bool {
    let windows = name.as_bytes().windows(part.len());
    windows
        .into_iter()
        .any(|window| window.eq_ignore_ascii_case(part.as_bytes()))
}
