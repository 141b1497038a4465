//! Finds credentials in a text, in one pass.

use super::{REDACTED, flags, group, ordinary, quoted::Quote, shapes, urls, value};
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
pub(super) const FAR: usize = 512;

/// What stands for `user:password`.
const USER_AND_PASSWORD: &str = "REDACTED:REDACTED";

/// Names of a session's id in cookies and URLs.
const SESSIONS: [&str; 9] = [
    "jsessionid",
    "phpsessid",
    "aspsessionid",
    "asp.net_sessionid",
    "connect.sid",
    "sessionid",
    "session_id",
    "session-id",
    "sessid",
];

/// The bytes that every credential has: one of the marks between a name and a value, or the last of a token's prefix.
/// Other bytes, nine of ten, are passed by without a closer look.
const MARKS: [bool; 256] = {
    let mut marks = [false; 256];
    let bytes = b":=@ _-JAG(,.%<>";
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
    // Where the content of an element may have begun.
    let (mut content, mut is_in_tag) = (None, false);
    loop {
        at += bytes[at..]
            .iter()
            .position(|byte| MARKS[usize::from(*byte)])?;
        let found = match bytes[at] {
            b':' if bytes[at..].starts_with(b"://") => in_url(text, at + 3),
            b':' | b'=' => in_pair(text, from, at),
            b'@' => before_host(text, word.extended(text, at)),
            b' ' if bytes.get(at + 1) == Some(&b'{') => in_type(text, from, at, at + 1),
            b' ' => shapes::credentials(text, from, at).and_then(|range| plain(text, range)),
            b'(' => in_type(text, from, at, at),
            b',' => in_tuple(text, from, at),
            b'%' => in_encoded(text, from, at),
            b'<' => {
                is_in_tag |= bytes.get(at + 1) != Some(&b'!');
                content.and_then(|start| in_element(text, start, at))
            }
            b'>' => {
                if std::mem::take(&mut is_in_tag) {
                    content = Some(at + 1);
                }
                None
            }
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
            let path = start + authority.len();
            if let Some(range) = urls::webhook(text, start, path) {
                return plain(text, range);
            }
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

pub(super) fn ends_url(c: char) -> bool {
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
    (text.as_bytes()[at] == b'-').then_some(())?;
    if let Some((start, end)) = flags::login(text, at) {
        return user(&text[start..end], start);
    }
    let (name, start) = flags::flag(text, at)?;
    let (start, end) = value::of(text, start, name, false)?;
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
    let is_code = bytes[at] == b'=' && name == "code" && urls::is_code(text, at);
    if !is_code && !names_secret(name) {
        return None;
    }
    if bytes[at] == b':'
        && let Some(range) = value::below(text, at)
    {
        return plain(text, range);
    }
    let start = at + 1 + value::blanks(after);
    if bytes[at] == b':' && !is_joined && ordinary::begins_sentence(&text[start..]) {
        return None;
    }
    let (start, end) = value::of(text, start, name, bytes[at] == b'=')?;
    (start < end).then_some(())?;
    plain(text, (start, end))
}

/// What is in the brackets behind the name of a type whose values are secrets, as Debug shows them: `Password("…")`,
/// `Token { value: "…" }`. The name ends before `at`, and the bracket is at `open`.
fn in_type(text: &str, from: usize, at: usize, open: usize) -> Option<Found> {
    let name = name_before(text, from, at)?;
    group::is_secret_type(name).then_some(())?;
    let inside = &text[open + 1..];
    if let Some(quote) = Quote::opens(inside) {
        let start = open + 1 + quote.length();
        (!text[start..].starts_with(REDACTED)).then_some(())?;
        return plain(text, (start, start + quote.end(&text[start..])));
    }
    (!inside.starts_with(REDACTED)).then_some(())?;
    let end = open + group::end_of_brackets(&text[open..]);
    let is_closed = text[..end].ends_with([')', '}']) && end > open + 1;
    let end = end - usize::from(is_closed);
    let inside = text[open + 1..end].trim();
    let start = text[..end].len() - text[open + 1..end].trim_start().len();
    (!inside.is_empty()).then_some(())?;
    plain(text, (start, start + inside.len()))
}

/// The value of `("name", "value")`; `at` is where the comma stands.
fn in_tuple(text: &str, from: usize, at: usize) -> Option<Found> {
    let bytes = text.as_bytes();
    let last = *bytes[from..at].last()?;
    matches!(last, b'"' | b'\'').then_some(())?;
    let name = name_before(text, from, at)?;
    let end = text[..at].trim_end_matches(['"', '\'', '\\']).len();
    let open = text[from..end - name.len()].trim_end_matches(['"', '\'', '\\']);
    let start = at + 1 + value::blanks(&text[at + 1..]);
    let is_pair = open.ends_with('(') && Quote::opens(&text[start..]).is_some();
    (is_pair && names_secret(name)).then_some(())?;
    let (start, end) = value::of(text, start, name, false)?;
    (start < end).then_some(())?;
    plain(text, (start, end))
}

/// What stands in percent-encoding: a user and a password, or `name%3Dvalue`.
fn in_encoded(text: &str, from: usize, at: usize) -> Option<Found> {
    const ASSIGNED: &str = "%3D";
    if let Some((start, end)) = urls::encoded(text, at) {
        let has_password = text[start..end].contains('%');
        let with = if has_password {
            "REDACTED%3AREDACTED"
        } else {
            REDACTED
        };
        return Some(Found { start, end, with });
    }
    let mark = text.get(at..at + ASSIGNED.len())?;
    (mark.eq_ignore_ascii_case(ASSIGNED) && names_secret(name_before(text, from, at)?))
        .then_some(())?;
    let start = at + ASSIGNED.len();
    let rest = &text[start..];
    (!rest.starts_with(REDACTED)).then_some(())?;
    let end = rest.find("%26").unwrap_or(rest.len());
    let end = rest[..end]
        .find(|c: char| ends_url(c) || c == '&')
        .unwrap_or(end);
    (end > 0).then_some(())?;
    plain(text, (start, start + end))
}

/// The content of an element of XML, which begins at `start`; the `<` that ends it is at `at`.
fn in_element(text: &str, start: usize, at: usize) -> Option<Found> {
    let tag = text[at..].strip_prefix("</")?;
    let is_of_tag = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
    let name = &tag[..tag.find(|c| !is_of_tag(c)).unwrap_or(tag.len())];
    let is_filled = !text[start..at].trim().is_empty();
    (is_filled && names_secret(name)).then_some(())?;
    plain(text, (start, at))
}

/// Beside what the configuration knows, the ids of sessions, which are as good as a password in a cookie or a URL. (As keys
/// of attributes they are not: the conventions have `session.id`.)
fn names_secret(name: &str) -> bool {
    let is = |known: &&str| name.eq_ignore_ascii_case(known);
    looks_secret(name) || SESSIONS.iter().any(is)
}

/// The name that ends before `at`: quotes and blanks may stand between.
fn name_before(text: &str, from: usize, at: usize) -> Option<&str> {
    let bytes = text.as_bytes();
    let mut end = at;
    let ends_with = |end: usize, set: &[u8]| end > from && set.contains(&bytes[end - 1]);
    while ends_with(end, b" \t") {
        end -= 1;
    }
    end -= usize::from(ends_with(end, b"\"'"));
    while ends_with(end, b"\\") {
        end -= 1;
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
