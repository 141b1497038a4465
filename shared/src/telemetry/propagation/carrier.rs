//! Where the headers are: a message's table, or HTTP headers.

use chimera_bus::Headers;
use opentelemetry::propagation::{Extractor, Injector};

/// What stands for a value that is not text, and for several where there may be one: no header of ours can hold it, so it
/// is seen, and invalid.
const UNREADABLE: &str = "\0";

/// Where headers are written, each once.
pub(super) trait Sink {
    fn put(&mut self, name: &str, value: &str);
}

/// A message's table, where what was there before gives its place, and its memory, to what is written.
pub(super) struct MessageSink<'a> {
    headers: &'a mut Headers,
    fields: &'a [String],
    /// A bit for each of `fields` that was written.
    written: u32,
}

impl<'a> MessageSink<'a> {
    /// `fields` are all that may stand there from before, in lower case; there are few.
    pub(super) fn new(headers: &'a mut Headers, fields: &'a [String]) -> Self {
        Self {
            headers,
            fields,
            written: 0,
        }
    }

    pub(super) fn remove_all(&mut self, is_stale: impl Fn(&str) -> bool) {
        self.headers.retain(|key| !is_stale(key));
    }

    /// Takes out what was there before, in any case, and was not written again.
    pub(super) fn finish(self) {
        let Self {
            headers,
            fields,
            written,
        } = self;
        let is_kept = |key: &str| {
            let mut names = fields.iter();
            let field = names.position(|name| name.eq_ignore_ascii_case(key));
            field.is_none_or(|at| written & (1 << at) != 0 && *key == *fields[at])
        };
        // Mostly there is nothing to take out, and looking costs less than going through with `retain`.
        if !headers.iter().all(|(key, _)| is_kept(key)) {
            headers.retain(is_kept);
        }
    }
}

impl Sink for MessageSink<'_> {
    fn put(&mut self, name: &str, value: &str) {
        self.headers.set_text(name, value);
        if let Some(at) = self.fields.iter().position(|field| field == name) {
            self.written |= 1 << at;
        }
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

/// `None` when there are no values, before a list is begun.
fn some<'a>(mut values: impl Iterator<Item = &'a str>) -> Option<Vec<&'a str>> {
    let first = values.next()?;
    let mut all = vec![first];
    all.extend(values);
    Some(all)
}

/// Takes out every header that `is_stale` says so of.
pub(super) fn clear_http(headers: &mut http::HeaderMap, is_stale: impl Fn(&str) -> bool) {
    let stale: Vec<_> = headers
        .keys()
        .filter(|key| is_stale(key.as_str()))
        .cloned()
        .collect();
    for key in stale {
        headers.remove(key);
    }
}

pub(super) struct HttpSink<'a>(pub(super) &'a mut http::HeaderMap);

impl Sink for HttpSink<'_> {
    fn put(&mut self, name: &str, value: &str) {
        if let (Ok(name), Ok(value)) = (
            http::HeaderName::try_from(name),
            http::HeaderValue::try_from(value),
        ) {
            self.0.insert(name, value);
        }
    }
}

/// Whatever else the SDK's trait stands for.
pub(super) struct DynSink<'a>(pub(super) &'a mut dyn Injector);

impl Sink for DynSink<'_> {
    fn put(&mut self, name: &str, value: &str) {
        self.0.set(name, value.to_owned());
    }
}

#[cfg(test)]
impl Sink for Vec<(String, String)> {
    fn put(&mut self, name: &str, value: &str) {
        self.push((name.to_owned(), value.to_owned()));
    }
}

pub(super) struct HttpExtractor<'a>(pub(super) &'a http::HeaderMap);

impl<'a> HttpExtractor<'a> {
    /// A value that is not text throughout counts as the members of a list, so that only those are lost that are no text.
    fn values(&self, key: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        let values = self.0.get_all(key).iter();
        values.flat_map(|value| {
            let bytes = value.as_bytes();
            let is_text = bytes.is_ascii();
            let pieces = bytes.split(move |byte| !is_text && *byte == b',');
            pieces.map(|piece| match str::from_utf8(piece) {
                Ok(text) if text.is_ascii() => text,
                Ok(_) | Err(_) => UNREADABLE,
            })
        })
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
