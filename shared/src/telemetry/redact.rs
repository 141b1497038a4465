//! Keeps secrets out of telemetry: values under keys that look like a secret's, and credentials in any text, which are
//! known by the name before them, by their place in a URL, or by their shape.

mod flags;
mod group;
mod ordinary;
mod quoted;
mod scan;
mod shapes;
mod urls;
mod value;

use std::borrow::Cow;

use opentelemetry::{
    Array, KeyValue, StringValue, Value,
    trace::{SpanContext, Status, TraceState},
};
use opentelemetry_sdk::trace::SpanData;

use crate::config::looks_secret;

/// What stands in place of a secret, as the conventions have it.
///
/// Source: <https://opentelemetry.io/docs/specs/semconv/registry/attributes/url/>, `url.full`.
pub const REDACTED: &str = "REDACTED";

/// Namespaces of the conventions and of Chimera in which no key holds a secret. Nearly every attribute of a message is in
/// one, and this keeps redaction cheap. (Numbers of tokens are what `gen_ai.` speaks of.)
const HARMLESS: [&str; 3] = ["messaging.", "chimera.", "gen_ai."];

/// Whether a value under `key` is a secret by the key's name, as the configuration judges it: `password`, `X-Api-Key`,
/// `http.request.header.cookie`.
pub fn is_secret_key(key: &str) -> bool {
    !HARMLESS.iter().any(|namespace| key.starts_with(namespace)) && looks_secret(key)
}

/// Shorter texts hold no credential with the name, the host or the prefix by which it is known.
const LEAST_BYTES: usize = 6;

/// `text` without the credentials in it.
///
/// These are: user and password of URLs and of `user:password@host`; what stands behind a name that looks like a
/// secret's, as in `?token=…`, `Password=…;`, `"api_key": "…"`, `Authorization: …`, `--password …`, `<password>…<`, and on the
/// lines below it in YAML, be it one value or an array, an object or a struct; what stands behind `Bearer` and `Basic`; JSON
/// Web Tokens; tokens of GitHub, GitLab, Grafana, Slack, Stripe, Vault and the like; addresses of webhooks; keys of clouds;
/// private keys in PEM.
pub fn text(text: &str) -> Cow<'_, str> {
    if text.len() < LEAST_BYTES {
        return Cow::Borrowed(text);
    }
    let mut clean = String::new();
    let mut done = 0;
    while let Some(found) = scan::next(text, done) {
        clean.push_str(&text[done..found.start]);
        clean.push_str(found.with);
        done = found.end;
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    clean.push_str(&text[done..]);
    Cow::Owned(clean)
}

/// `value` as it may be shown under `key`.
pub fn value<'a>(key: &str, value: &'a str) -> Cow<'a, str> {
    if is_secret_key(key) {
        Cow::Borrowed(REDACTED)
    } else {
        text(value)
    }
}

/// Redacts everything in `span` that an exporter will see.
pub(super) fn span(span: &mut SpanData) {
    name(&mut span.name);
    attributes(&mut span.attributes);
    for event in &mut span.events.events {
        // The message of a `tracing` event is its name.
        name(&mut event.name);
        attributes(&mut event.attributes);
    }
    state(&mut span.span_context);
    for link in &mut span.links.links {
        attributes(&mut link.attributes);
        state(&mut link.span_context);
    }
    if let Status::Error { description } = &mut span.status
        && let Cow::Owned(clean) = text(description)
    {
        *description = clean.into();
    }
}

/// Leaves the members of `tracestate` that hold a credential out of what is shown. What is passed on is another copy, and
/// stays as the standard wants it: others' members are not ours to change.
fn state(context: &mut SpanContext) {
    let header = context.trace_state().header();
    if matches!(text(&header), Cow::Borrowed(_)) {
        return;
    }
    let members = header
        .split(',')
        .filter_map(|member| member.split_once('='));
    let harmless = members.filter(|(key, value)| {
        // Each by itself: what is around it is none of its own.
        !is_secret_key(key) && matches!(text(value), Cow::Borrowed(_))
    });
    let state = TraceState::from_key_value(harmless).unwrap_or_default();
    *context = SpanContext::new(
        context.trace_id(),
        context.span_id(),
        context.trace_flags(),
        context.is_remote(),
        state,
    );
}

fn name(name: &mut Cow<'static, str>) {
    // One that the program wrote down holds nothing that came from outside.
    if let Cow::Owned(text) = name
        && let Cow::Owned(clean) = self::text(text)
    {
        *name = clean.into();
    }
}

/// Redacts the strings among `attributes`.
pub(super) fn attributes(attributes: &mut [KeyValue]) {
    for KeyValue { key, value, .. } in attributes {
        match value {
            Value::String(value) => string(key.as_str(), value),
            Value::Array(Array::String(values)) => {
                for value in values {
                    string(key.as_str(), value);
                }
            }
            // Numbers, truth values and what the SDK may add are no secrets in themselves.
            _ => {}
        }
    }
}

fn string(key: &str, value: &mut StringValue) {
    let clean = match self::value(key, value.as_str()) {
        Cow::Owned(clean) => clean.into(),
        Cow::Borrowed(REDACTED) => REDACTED.into(),
        Cow::Borrowed(_) => return,
    };
    *value = clean;
}

#[cfg(test)]
mod tests;
