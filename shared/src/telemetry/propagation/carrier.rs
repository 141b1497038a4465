//! Where the headers are: a message's table, or HTTP headers.

use chimera_bus::{Headers, headers::name};
use opentelemetry::propagation::{Extractor, Injector};

/// What stands for a value that is not text, and for several where there may be one: no header of ours can hold it, so it
/// is seen, and invalid.
const UNREADABLE: &str = "\0";

const OURS: [&str; 3] = [name::TRACEPARENT, name::TRACESTATE, name::BAGGAGE];

/// Whether the propagator writes a header called `key`, in any case.
pub(super) fn is_ours(key: &str) -> bool {
    OURS.iter().any(|name| name.eq_ignore_ascii_case(key))
}

pub(super) struct HeaderInjector<'a>(pub(super) &'a mut Headers);

impl Injector for HeaderInjector<'_> {
    fn set(&mut self, key: &str, value: String) {
        self.0.set(key, value);
    }
}

pub(super) struct HeaderExtractor<'a>(pub(super) &'a Headers);

impl<'a> HeaderExtractor<'a> {
    fn values<'k>(&self, key: &'k str) -> impl Iterator<Item = &'a str> + use<'a, 'k> {
        let entries = self.0.iter();
        let named = entries.filter(move |(name, _)| name.eq_ignore_ascii_case(key));
        named.map(|(_, value)| value.as_str().unwrap_or(UNREADABLE))
    }
}

impl Extractor for HeaderExtractor<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        only(self.values(key))
    }

    fn keys(&self) -> Vec<&str> {
        self.0.iter().map(|(key, _)| key).collect()
    }

    fn get_all(&self, key: &str) -> Option<Vec<&str>> {
        some(self.values(key))
    }
}

/// The only value, if there is one.
fn only<'a>(mut values: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let first = values.next()?;
    Some(if values.next().is_some() {
        UNREADABLE
    } else {
        first
    })
}

/// `None` when there are no values, without an allocation.
fn some<'a>(values: impl Iterator<Item = &'a str>) -> Option<Vec<&'a str>> {
    let values: Vec<_> = values.collect();
    (!values.is_empty()).then_some(values)
}

/// Takes out every header that the propagator writes.
pub(super) fn clear_http(headers: &mut http::HeaderMap) {
    for key in OURS {
        headers.remove(key);
    }
}

pub(super) struct HttpInjector<'a>(pub(super) &'a mut http::HeaderMap);

impl Injector for HttpInjector<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(key), Ok(value)) = (
            http::HeaderName::try_from(key),
            http::HeaderValue::try_from(value),
        ) {
            self.0.insert(key, value);
        }
    }
}

pub(super) struct HttpExtractor<'a>(pub(super) &'a http::HeaderMap);

impl<'a> HttpExtractor<'a> {
    fn values(&self, key: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        let values = self.0.get_all(key).iter();
        values.map(|value| value.to_str().unwrap_or(UNREADABLE))
    }
}

impl Extractor for HttpExtractor<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        only(self.values(key))
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(http::HeaderName::as_str).collect()
    }

    fn get_all(&self, key: &str) -> Option<Vec<&str>> {
        some(self.values(key))
    }
}
