//! Methods and versions of HTTP, as spans and labels name them.

use std::sync::Arc;

use http::Version;
use opentelemetry::StringValue;

/// What the conventions call a method that is not known, so that names and labels stay few.
const OTHER: &str = "_OTHER";

/// The methods that the conventions know.
///
/// Source: <https://opentelemetry.io/docs/specs/semconv/http/http-spans/>, `http.request.method`.
const CONVENTIONS: [&str; 10] = [
    "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE",
];

/// The methods that are known.
pub(super) struct Methods(Vec<Arc<str>>);

impl Methods {
    /// Those of `list`, written as they are there, and no others.
    pub(super) fn new(list: &[String]) -> Self {
        Self(list.iter().map(|method| method.as_str().into()).collect())
    }

    pub(super) fn name(&self, method: &str) -> MethodName {
        let mut known = self.0.iter();
        MethodName(known.find(|known| ***known == *method).cloned())
    }
}

impl Default for Methods {
    fn default() -> Self {
        Self(CONVENTIONS.map(Arc::from).into())
    }
}

/// The name of a method of HTTP, of which there are few: it is a known one, or `_OTHER`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MethodName(Option<Arc<str>>);

impl MethodName {
    /// Whether it is a known one.
    pub fn is_known(&self) -> bool {
        self.0.is_some()
    }

    /// What the name of a span says of it.
    pub fn in_span_name(&self) -> &str {
        self.0.as_deref().unwrap_or("HTTP")
    }

    /// The value of `http.request.method`.
    pub(crate) fn value(&self) -> StringValue {
        let known = self.0.clone();
        known.map_or_else(|| OTHER.into(), StringValue::from)
    }
}

/// The value of `network.protocol.version`.
pub(crate) fn protocol_version(version: Version) -> Option<&'static str> {
    match version {
        Version::HTTP_10 => Some("1.0"),
        Version::HTTP_11 => Some("1.1"),
        Version::HTTP_2 => Some("2"),
        Version::HTTP_3 => Some("3"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn methods_are_known_as_they_are_written() {
        let check = |methods: &Methods, method: &str, value: &str, in_span_name: &str| {
            let name = methods.name(method);
            assert_eq!(
                (name.value().as_str(), name.in_span_name()),
                (value, in_span_name)
            );
            assert_eq!(name.is_known(), value != OTHER);
        };
        let methods = Methods::default();
        check(&methods, "QUERY", "QUERY", "QUERY");
        check(&methods, "get", OTHER, "HTTP");
        check(&methods, OTHER, OTHER, "HTTP");
        let own = Methods::new(&["GET".to_owned(), "brew".to_owned()]);
        check(&own, "brew", "brew", "brew");
        check(&own, "BREW", OTHER, "HTTP");
        check(&own, "POST", OTHER, "HTTP");
    }

    #[test]
    fn those_of_the_conventions_are_the_default() {
        let directory = tempfile::tempdir().unwrap();
        let config = Config::for_test(directory.path());
        assert_eq!(config.telemetry.http_known_methods, CONVENTIONS);
    }
}
