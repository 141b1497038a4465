//! Methods of HTTP, as spans and labels name them.

/// What the conventions call a method that they do not know, so that names and labels stay few.
pub(crate) const OTHER: &str = "_OTHER";

/// `method`, where the conventions know it.
///
/// Source: <https://opentelemetry.io/docs/specs/semconv/http/http-spans/>, `http.request.method`.
pub(crate) fn known(method: &str) -> Option<&'static str> {
    const KNOWN: [&str; 10] = [
        "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE",
    ];
    KNOWN.into_iter().find(|known| *known == method)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_known_as_they_are_written() {
        assert_eq!(known("QUERY"), Some("QUERY"));
        assert_eq!(known("get"), None);
        assert_eq!(known(OTHER), None);
    }
}
