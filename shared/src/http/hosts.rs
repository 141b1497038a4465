//! Which hosts get what of a context.

/// Names of hosts, `api.example.org`, and of all below one, `*.example.org`; `*` are all. Case does not count.
#[derive(Debug)]
pub(super) struct Hosts(Vec<String>);

impl Hosts {
    pub(super) fn new(patterns: Vec<String>) -> Self {
        let lower = patterns
            .into_iter()
            .map(|pattern| pattern.to_ascii_lowercase());
        Self(lower.collect())
    }

    pub(super) fn contain(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        self.0
            .iter()
            .any(|pattern| match pattern.strip_prefix("*.") {
                None if pattern == "*" => true,
                Some(parent) => host
                    .strip_suffix(parent)
                    .is_some_and(|below| below.len() > 1 && below.ends_with('.')),
                None => host == *pattern,
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_matched_whole() {
        let hosts = Hosts::new(vec!["API.example.org".to_owned(), "*.ours.net".to_owned()]);
        let check =
            |host: &str, expected: bool| assert_eq!(hosts.contain(host), expected, "{host}");
        check("api.example.org", true);
        check("Api.Example.Org", true);
        check("example.org", false);
        check("api.example.org.evil.com", false);
        check("a.ours.net", true);
        check("a.b.ours.net", true);
        check("ours.net", false);
        check(".ours.net", false);
        check("notours.net", false);
        check("", false);
        let all = Hosts::new(vec!["*".to_owned()]);
        assert!(all.contain("example.org") && all.contain("127.0.0.1"));
    }
}
