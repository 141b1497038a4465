//! How long a client prefers to wait for an answer: the preference `wait` of RFC 7240.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, header::GetAll};

/// The header that carries preferences.
pub(crate) const PREFER: HeaderName = HeaderName::from_static("prefer");
/// The header that says which of them were honoured.
pub(crate) const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// How long the client wants to wait, at most `max`; `None` without a valid `wait`.
///
/// The first `wait` counts (RFC 7240, section 2); one that is not a number of seconds is ignored, as is every
/// preference that is not known here.
pub(crate) fn wait(headers: &HeaderMap, max: Duration) -> Option<Duration> {
    let value = first(&headers.get_all(PREFER), "wait")?;
    if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // More digits than fit is still a number, and longer than anybody may wait.
    let seconds = value.parse().unwrap_or(u64::MAX);
    Some(Duration::from_secs(seconds).min(max))
}

/// The value of the first preference called `name`, empty when it has none.
fn first(headers: &GetAll<'_, axum::http::HeaderValue>, name: &str) -> Option<String> {
    headers
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| split(header, ','))
        .find_map(|preference| {
            // Parameters of the preference follow a semicolon; `wait` has none.
            let token = split(preference, ';').next()?;
            let (key, value) = token.split_once('=').unwrap_or((token, ""));
            key.trim()
                .eq_ignore_ascii_case(name)
                .then(|| unquoted(value.trim()))
        })
}

/// The parts of `text` between the `separator`s that are not inside a quoted string.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |c| {
        let separates = c == separator && !quoted;
        quoted ^= c == '"' && !escaped;
        escaped = quoted && c == '\\' && !escaped;
        separates
    })
}

fn unquoted(value: &str) -> String {
    let Some(inner) = value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'))
    else {
        return value.to_owned();
    };
    inner.replace('\\', "")
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_first_valid_wait_counts() {
        let check = |lines: &[&str], expected: Option<u64>| {
            let headers = lines
                .iter()
                .map(|line| (PREFER, HeaderValue::from_str(line).unwrap()))
                .collect();
            assert_eq!(
                wait(&headers, Duration::from_secs(30)),
                expected.map(Duration::from_secs),
                "{lines:?}"
            );
        };
        check(&[], None);
        check(&["wait=10"], Some(10));
        check(&["Wait = 10"], Some(10));
        check(&["wait=\"10\""], Some(10));
        check(&["respond-async, wait=5"], Some(5));
        check(&["return=minimal; foo=\"a, wait=3\", wait=7; x=y"], Some(7));
        check(&["foo=\"a\\\", wait=3\", wait=7"], Some(7));
        check(&["respond-async", "wait=5"], Some(5));
        check(&["wait=3, wait=9"], Some(3));
        check(&["wait=oops, wait=9"], None);
        check(&["wait=0"], Some(0));
        check(&["wait=600"], Some(30));
        check(&["wait=99999999999999999999999"], Some(30));
        check(&["wait=-1"], None);
        check(&["wait=+1"], None);
        check(&["wait=1.5"], None);
        check(&["wait=10s"], None);
        check(&["wait"], None);
        check(&["wait="], None);
        check(&["waiting=10"], None);
        check(&["wait=\""], None);
        check(&[",;=,\"", "wait=2"], Some(2));
    }
}
