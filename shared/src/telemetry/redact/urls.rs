//! Credentials of URLs that stand elsewhere than before an `@`.

use super::{REDACTED, scan::ends_url};

/// Addresses to post to that are secrets themselves: whoever knows one may post. What the host ends in, and what stands
/// before the secret.
const WEBHOOKS: [(&str, &str); 8] = [
    ("hooks.slack.com", "/services/"),
    ("hooks.slack.com", "/workflows/"),
    ("hooks.slack.com", "/triggers/"),
    ("discord.com", "/api/webhooks/"),
    ("discordapp.com", "/api/webhooks/"),
    ("api.telegram.org", "/bot"),
    ("api.telegram.org", "/file/bot"),
    (".webhook.office.com", "/webhookb2/"),
];

/// The secret in the path of the URL whose authority is what begins at `start` and ends at `path`.
pub(super) fn webhook(text: &str, start: usize, path: usize) -> Option<(usize, usize)> {
    let (host, rest) = (&text[start..path], &text[path..]);
    let (_, before) = WEBHOOKS
        .iter()
        .find(|(end, before)| host.ends_with(end) && rest.starts_with(before))?;
    let secret = &rest[before.len()..];
    (!secret.starts_with(REDACTED)).then_some(())?;
    // What a bot is asked to do is none.
    let is_bot = before.ends_with("bot");
    let end = secret.find(|c: char| ends_url(c) || matches!(c, '?' | '#') || is_bot && c == '/');
    let start = path + before.len();
    let end = start + end.unwrap_or(secret.len());
    (start < end).then_some((start, end))
}

/// The user and password of a URL inside another, `http%3A%2F%2Fuser%3Apassword%40host`; the first `%` is at `at`.
pub(super) fn encoded(text: &str, at: usize) -> Option<(usize, usize)> {
    const BEFORE: &str = "%3A%2F%2F";
    let before = text.get(at..at + BEFORE.len())?;
    before.eq_ignore_ascii_case(BEFORE).then_some(())?;
    let start = at + BEFORE.len();
    let rest = &text[start..];
    if rest.starts_with(REDACTED) {
        return None;
    }
    let mut user = None;
    let mut from = 0;
    while let Some(found) = rest[from..].find(|c: char| ends_url(c) || matches!(c, '%' | '&')) {
        let mark = from + found;
        match rest.as_bytes().get(mark..mark + 3) {
            Some(b"%40") => user = Some(mark),
            Some(b"%2F" | b"%2f" | b"%3F" | b"%3f" | b"%23") => break,
            _ if rest.as_bytes()[mark] != b'%' => break,
            _ => {}
        }
        from = mark + 1;
    }
    user.filter(|user| *user > 0)
        .map(|user| (start, start + user))
}

/// Fewer characters has no code that a server gives out in exchange for a token, and any other code.
const LEAST_CODE: usize = 10;

/// Whether the `=` at `at` ends `?code` or `&code`, and what follows it is long enough for a code of OAuth.
pub(super) fn is_code(text: &str, at: usize) -> bool {
    let is_parameter = text[..at].ends_with("?code") || text[..at].ends_with("&code");
    let is_inside = |byte: &u8| !matches!(byte, b'&' | b'#' | b' ' | b'"' | b'\'');
    let value = text[at + 1..].bytes().take_while(|byte| is_inside(byte));
    is_parameter && value.take(LEAST_CODE).count() == LEAST_CODE
}
