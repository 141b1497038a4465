//! Finds credentials in a text, in one pass.

use super::{REDACTED, flags, ordinary, shapes};
use crate::config::looks_secret;

/// A part of a text that must not be seen.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) start: usize,
    pub(super) end: usize,
    /// What stands there instead.
    pub(super) with: &'static str,
}

/// How far beyond a word it is looked for what shows that a credential goes on there. Looking to the end each time would
/// take time by the square of the length of a text that somebody made up for it.
const FAR: usize = 512;

/// What stands for `user:password`.
const USER_AND_PASSWORD: &str = "REDACTED:REDACTED";

/// The bytes that every credential has: one of the marks between a name and a value, or the last of a token's prefix.
/// Other bytes, nine of ten, are passed by without a closer look.
const MARKS: [bool; 256] = {
    let mut marks = [false; 256];
    let bytes = b":=@ _-JAG";
    let mut index = 0;
    while index < bytes.len() {
        marks[bytes[index] as usize] = true;
        index += 1;
    }
    marks
};

/// The first credential of `text` from `from` on.
pub(super) fn next(text: &str, from: usize) -> Option<Found> {
    let bytes = text.as_bytes();
    let mut at = from;
    let mut word = Word::begin(from);
    loop {
        at += bytes[at..]
            .iter()
            .position(|byte| MARKS[usize::from(*byte)])?;
        let found = match bytes[at] {
            b':' if bytes[at..].starts_with(b"://") => in_url(text, at + 3),
            b':' | b'=' => in_pair(text, from, at),
            b'@' => before_host(text, word.extended(text, at)),
            b' ' => shapes::credentials(text, from, at).and_then(|range| plain(text, range)),
            b'A' => shapes::cloud_key(bytes, at).and_then(|range| plain(text, range)),
            b'-' if bytes[at..].starts_with(b"-----") => {
                shapes::private_key(text, at).and_then(|range| plain(text, range))
            }
            b'G' => shapes::sendgrid(bytes, from, at).and_then(|range| plain(text, range)),
            _ => of_flag(text, at)
                .or_else(|| shapes::token(bytes, from, at).and_then(|range| plain(text, range))),
        };
        if found.is_some() {
            return found;
        }
        at += 1;
    }
}

/// What was redacted before stays as it is: spans pass several places that do it.
fn plain(text: &str, (start, end): (usize, usize)) -> Option<Found> {
    let value = &text[start..end];
    let is_hidden = value.starts_with(REDACTED) || value.bytes().all(|byte| byte == b'*');
    (!is_hidden).then_some(Found {
        start,
        end,
        with: REDACTED,
    })
}

/// The user and password of the URL whose authority begins at `start`.
fn in_url(text: &str, start: usize) -> Option<Found> {
    let rest = &text[start..];
    let end = rest.find(|c: char| ends_url(c) || matches!(c, '/' | '?' | '#'));
    let authority = &rest[..end.unwrap_or(rest.len())];
    let at = match authority.rfind('@') {
        Some(at) => at,
        // A password with a slash that nobody encoded: what looks like its host has no port of digits.
        None => {
            let (_, port) = authority.split_once(':')?;
            let is_port = port
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b',');
            if is_port || authority.starts_with('[') || authority.contains(',') {
                return None;
            }
            let near = &rest[..rest.floor_char_boundary(authority.len() + FAR)];
            near[..near.find(ends_url).unwrap_or(near.len())].rfind('@')?
        }
    };
    user(&rest[..at], start)
}

fn ends_url(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '`')
}

/// `user:password` or `user` at `start`.
fn user(credentials: &str, start: usize) -> Option<Found> {
    if credentials.is_empty() || credentials.starts_with(REDACTED) {
        return None;
    }
    let with = if credentials.contains(':') {
        USER_AND_PASSWORD
    } else {
        REDACTED
    };
    Some(Found {
        start,
        end: start + credentials.len(),
        with,
    })
}

/// What stands before an `@`, back to where a word begins. It grows from one `@` to the next, so that nothing is gone
/// through twice.
struct Word {
    start: usize,
    end: usize,
    /// The first one in it.
    colon: Option<usize>,
    is_url: bool,
}

impl Word {
    fn begin(start: usize) -> Self {
        Self {
            start,
            end: start,
            colon: None,
            is_url: false,
        }
    }

    /// The same up to `at`, or the word that has begun since.
    fn extended(&mut self, text: &str, at: usize) -> &Self {
        let begins_word = |c: char| ends_url(c) || matches!(c, '(' | ',' | '=');
        let new = &text[self.end..at];
        if let Some((before, mark)) = new.rmatch_indices(begins_word).next() {
            *self = Self::begin(self.end + before + mark.len());
        }
        let new = &text[self.end..at];
        let colon = || new.find(':').map(|colon| self.end + colon);
        self.colon = self.colon.or_else(colon);
        self.is_url |= new.contains("://");
        self.end = at;
        self
    }
}

/// `user:password@host` without a scheme; `word` is what stands before the `@`.
fn before_host(text: &str, word: &Word) -> Option<Found> {
    let colon = word.colon.filter(|_| !word.is_url)?;
    let (name, password) = (&text[word.start..colon], &text[colon + 1..word.end]);
    let after = &text[word.end + 1..];
    let is_host = after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[');
    // A digest of an image, a mail address, a path: none of them is a user.
    let is_other = after.starts_with("sha256:")
        || ["mailto", "acct", "sip"].contains(&name)
        || name.contains('/');
    if password.is_empty() || !is_host || is_other {
        return None;
    }
    user(&text[word.start..word.end], word.start)
}

/// The value of `--password value` and the like, when a dash at `at` begins it.
fn of_flag(text: &str, at: usize) -> Option<Found> {
    let (name, start) = (text.as_bytes()[at] == b'-').then(|| flags::flag(text, at))??;
    let (start, end) = value(text, start, name, false)?;
    (start < end).then_some(())?;
    plain(text, (start, end))
}

/// The value of `name=value` or `name: value`, when the name is a secret's; `at` is where the mark stands.
fn in_pair(text: &str, from: usize, at: usize) -> Option<Found> {
    let bytes = text.as_bytes();
    let name = name_before(text, from, at)?;
    let after = &text[at + 1..];
    let is_spaced = matches!(bytes.get(at + 1), Some(b' ' | b'\t' | b'"' | b'\'' | b'\\'));
    let is_joined = bytes[at] == b':' && !is_spaced;
    // In `exchange:routing.token:queue` nothing is a name.
    let is_inside = || at > name.len() && bytes[at - name.len() - 1] == b':';
    if is_joined && (name.as_bytes().contains(&b'.') || is_inside()) {
        return None;
    }
    if !looks_secret(name) {
        return None;
    }
    let start = at + 1 + blanks(after);
    if bytes[at] == b':' && !is_joined && ordinary::begins_sentence(&text[start..]) {
        return None;
    }
    let (start, end) = value(text, start, name, bytes[at] == b'=')?;
    (start < end).then_some(())?;
    plain(text, (start, end))
}

/// The name that ends before `at`: quotes and blanks may stand between.
fn name_before(text: &str, from: usize, at: usize) -> Option<&str> {
    let bytes = text.as_bytes();
    let mut end = at;
    let ends_with = |end: usize, set: &[u8]| end > from && set.contains(&bytes[end - 1]);
    while ends_with(end, b" \t") {
        end -= 1;
    }
    for quote in [b"\"'".as_slice(), b"\\"] {
        end -= usize::from(ends_with(end, quote));
    }
    let mut start = end;
    while start > from && is_of_name(bytes[start - 1]) {
        start -= 1;
    }
    (start < end).then(|| &text[start..end])
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

/// How many bytes stand before the value itself: blanks, the `>` of `=>`, and the wrapper of `Some("…")`.
fn blanks(after: &str) -> usize {
    let mut rest = after.strip_prefix('>').unwrap_or(after);
    rest = rest.trim_start_matches([' ', '\t']);
    let letters = rest.find(|c: char| !c.is_ascii_alphanumeric());
    if let Some(open) = letters
        && rest[open..].starts_with("(\"")
    {
        rest = &rest[open + 1..];
    }
    after.len() - rest.len()
}

/// Where the value that begins at `start` begins without its quotes, and where it ends. One that was redacted before has no
/// end here: looking for it, again and again, would take time by the square of the length of a text full of them.
fn value(text: &str, start: usize, name: &str, is_assigned: bool) -> Option<(usize, usize)> {
    let rest = &text[start..];
    for (open, close) in [("\\\"", "\\\""), ("\"", "\""), ("'", "'")] {
        if let Some(quoted) = rest.strip_prefix(open) {
            let start = start + open.len();
            let is_hidden = quoted.starts_with(REDACTED);
            return (!is_hidden).then(|| (start, start + end_of_quoted(quoted, close)));
        }
    }
    let is_hidden = rest.starts_with(REDACTED);
    (!is_hidden).then(|| (start, start + end_of_bare(rest, name, is_assigned)))
}

fn end_of_quoted(quoted: &str, close: &str) -> usize {
    let mut from = 0;
    while let Some(found) = quoted[from..].find(close) {
        let end = from + found;
        if close.len() > 1 || !quoted[..end].ends_with('\\') {
            return end;
        }
        from = end + close.len();
    }
    quoted.len()
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
    let word = end_of_word(behind);
    match near(behind, word) {
        "" => start,
        pairs if pairs.contains('=') && pairs.contains(',') => start + end_of_line(behind),
        _ => start + word,
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
