//! Keeps secrets out of telemetry: values under keys that look like a secret's, and credentials in URLs.

use std::borrow::Cow;

use opentelemetry::{Array, KeyValue, StringValue, Value, trace::Status};
use opentelemetry_sdk::trace::SpanData;

use super::keys;
use crate::config::looks_secret;

/// What stands in place of a secret, as the conventions have it.
///
/// Source: <https://opentelemetry.io/docs/specs/semconv/registry/attributes/url/>, `url.full`.
pub const REDACTED: &str = "REDACTED";

/// Namespaces of the conventions and of Chimera in which no key holds a secret. Nearly every attribute is in one, and
/// this is what keeps redaction cheap.
const HARMLESS: [&str; 8] = [
    "messaging.",
    "chimera.",
    "server.",
    "error.",
    "network.",
    "exception.",
    "service.",
    "url.",
];

/// Namespaces in which only keys with a name of the user's own, below one of these words, can.
const MOSTLY_HARMLESS: [(&str, &str); 2] = [("http.", ".header."), ("db.", ".parameter.")];

fn is_harmless(key: &str) -> bool {
    HARMLESS.iter().any(|namespace| key.starts_with(namespace))
        || MOSTLY_HARMLESS
            .iter()
            .any(|(namespace, except)| key.starts_with(namespace) && !key.contains(except))
}

/// Whether a value under `key` is a secret by the key's name, as the configuration judges it: `password`, `X-Api-Key`,
/// `http.request.header.cookie`.
pub fn is_secret_key(key: &str) -> bool {
    !is_harmless(key) && looks_secret(key)
}

/// `text` without the credentials of the URLs in it: `user:password@` and the values of query parameters whose names
/// look like a secret's.
pub fn text(text: &str) -> Cow<'_, str> {
    if !has_url(text) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, url) = rest.split_at(at + 3);
        clean.push_str(before);
        let end = url
            .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '`'))
            .unwrap_or(url.len());
        push_clean_url(&mut clean, &url[..end]);
        rest = &url[end..];
    }
    clean.push_str(rest);
    if clean == text {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(clean)
    }
}

/// Looks for one byte first: most values have no colon, or one that starts no URL.
fn has_url(text: &str) -> bool {
    let mut rest = text;
    while let Some(at) = rest.find(':') {
        rest = &rest[at + 1..];
        if rest.starts_with("//") {
            return true;
        }
    }
    false
}

/// `url` is what follows `scheme://`.
fn push_clean_url(clean: &mut String, url: &str) {
    let authority_end = url.find(['/', '?', '#']).unwrap_or(url.len());
    let (authority, rest) = url.split_at(authority_end);
    match authority.rsplit_once('@') {
        Some((credentials, host)) => {
            clean.push_str(REDACTED);
            if credentials.contains(':') {
                clean.push(':');
                clean.push_str(REDACTED);
            }
            clean.push('@');
            clean.push_str(host);
        }
        None => clean.push_str(authority),
    }
    let (path, query) = rest
        .split_once('?')
        .map_or((rest, None), |(path, query)| (path, Some(query)));
    clean.push_str(path);
    if let Some(query) = query {
        clean.push('?');
        push_clean_query(clean, query);
    }
}

fn push_clean_query(clean: &mut String, query: &str) {
    for (index, parameter) in query.split('&').enumerate() {
        if index > 0 {
            clean.push('&');
        }
        match parameter.split_once('=') {
            Some((name, _)) if is_secret_key(name) || name == "sig" => {
                clean.push_str(name);
                clean.push('=');
                clean.push_str(REDACTED);
            }
            _ => clean.push_str(parameter),
        }
    }
}

/// Redacts everything in `span` that an exporter will see.
pub(super) fn span(span: &mut SpanData) {
    attributes(&mut span.attributes);
    for event in &mut span.events.events {
        attributes(&mut event.attributes);
    }
    for link in &mut span.links.links {
        attributes(&mut link.attributes);
    }
    if let Status::Error { description } = &mut span.status
        && let Cow::Owned(clean) = text(description)
    {
        *description = clean.into();
    }
}

fn attributes(attributes: &mut [KeyValue]) {
    for attribute in attributes {
        match &mut attribute.value {
            Value::String(value) => {
                if let Some(clean) = redacted(attribute.key.as_str(), value.as_str()) {
                    *value = clean;
                }
            }
            Value::Array(Array::String(values)) => {
                for value in values {
                    if let Some(clean) = redacted(attribute.key.as_str(), value.as_str()) {
                        *value = clean;
                    }
                }
            }
            // Numbers, truth values and what the SDK may add are no secrets in themselves.
            _ => {}
        }
    }
}

fn redacted(key: &str, value: &str) -> Option<StringValue> {
    if is_secret_key(key) {
        return Some(REDACTED.into());
    }
    if key == keys::URL_QUERY {
        let mut clean = String::with_capacity(value.len());
        push_clean_query(&mut clean, value);
        return Some(clean.into());
    }
    match text(value) {
        Cow::Owned(clean) => Some(clean.into()),
        Cow::Borrowed(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_look_like_a_secret() {
        for key in [
            "password",
            "db_password",
            "API-Key",
            "x.api.key",
            "http.request.header.authorization",
            "db.query.parameter.password",
            "Set-Cookie",
            "aws_secret",
            "accessToken",
            "private_key",
        ] {
            assert!(is_secret_key(key), "{key}");
        }
        for key in [
            "messaging.message.id",
            "symbol",
            "db.query.text",
            "http.request.method",
            "author",
            "key",
            "cache.key",
        ] {
            assert!(!is_secret_key(key), "{key}");
        }
    }

    fn check(input: &str, expected: &str) {
        assert_eq!(text(input), expected);
    }

    #[test]
    fn credentials_in_urls() {
        check(
            "amqp://user:pass@host:5672/vhost",
            "amqp://REDACTED:REDACTED@host:5672/vhost",
        );
        check(
            "connecting to redis://:p@ss@host",
            "connecting to redis://REDACTED:REDACTED@host",
        );
        check(
            "a https://h/?token=1&q=2 b",
            "a https://h/?token=REDACTED&q=2 b",
        );
        check("https://h/p?sig=abc", "https://h/p?sig=REDACTED");
        check("https://h/a@b", "https://h/a@b");
        check("https://token@h/", "https://REDACTED@h/");
        check(
            "chimera.events:query.request",
            "chimera.events:query.request",
        );
        check(
            "mongodb://u:p@h1,h2/db and https://x",
            "mongodb://REDACTED:REDACTED@h1,h2/db and https://x",
        );
    }
}
