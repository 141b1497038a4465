//! Patterns of names: a `*` stands for any text, also an empty one.

/// A pattern, split at its stars.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    /// What must be at the beginning, or all there is.
    first: String,
    /// What must follow, in this order; the last one at the end. Without any, there was no star.
    rest: Vec<String>,
}

impl Pattern {
    pub(super) fn new(text: &str) -> Self {
        let mut parts = text.split('*').map(str::to_owned);
        Self {
            first: parts.next().unwrap_or_default(),
            rest: parts.collect(),
        }
    }

    pub(super) fn fits(&self, text: &str) -> bool {
        let Some((last, between)) = self.rest.split_last() else {
            return text == self.first;
        };
        let Some(mut text) = text.strip_prefix(self.first.as_str()) else {
            return false;
        };
        // The earliest place for each leaves the most for those after it.
        for part in between {
            let Some(at) = text.find(part.as_str()) else {
                return false;
            };
            text = &text[at + part.len()..];
        }
        text.ends_with(last.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        fn check(pattern: &str, text: &str, expected: bool) {
            assert_eq!(
                Pattern::new(pattern).fits(text),
                expected,
                "{pattern} {text}"
            );
        }
        check("process", "process", true);
        check("process", "processes", false);
        check("process *", "process a:b", true);
        check("process *", "process", false);
        check("*", "", true);
        check("*.done", "a.done", true);
        check("*.done", "a.done.", false);
        check("a*b*c", "a-b-b-c", true);
        check("a*b*c", "acb", false);
        check("a*a", "a", false);
        check("", "", true);
    }
}
