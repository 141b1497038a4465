//! Rules about which traces are recorded.

use std::fmt;

use crate::config::problem::Problem;
use crate::config::value::{Value, parsed};

/// What share of the traces is recorded whose first span in the process has an attribute like this.
#[derive(Debug, Clone, PartialEq)]
pub struct SamplerRule {
    /// The attribute's key.
    pub key: String,
    /// What the value is, with `*` for anything.
    pub pattern: String,
    /// The share, 0 to 1.
    pub share: f64,
}

impl SamplerRule {
    fn parse(text: &str) -> Option<Self> {
        let (attribute, share) = text.rsplit_once("->")?;
        let (key, pattern) = attribute.split_once('=')?;
        let rule = Self {
            key: key.trim().to_owned(),
            pattern: pattern.trim().to_owned(),
            share: share.trim().parse().ok()?,
        };
        let is_valid = !rule.key.is_empty() && (0.0..=1.0).contains(&rule.share);
        is_valid.then_some(rule)
    }
}

impl fmt::Display for SamplerRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            key,
            pattern,
            share,
        } = self;
        write!(f, "{key} = {pattern} -> {share}")
    }
}

impl Value for SamplerRule {
    fn expected() -> String {
        "a rule such as \"url.path = /readyz -> 0\", with a share from 0 to 1".to_owned()
    }

    fn from_toml(value: &toml::Value) -> Result<Self, Problem> {
        parsed(value, Self::parse)
    }

    fn to_toml(&self) -> toml::Value {
        self.to_string().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_a_key_a_pattern_and_a_share() {
        let rule = SamplerRule::parse("a.b = x=*->y -> 0.5").unwrap();
        assert_eq!(
            (rule.key.as_str(), rule.pattern.as_str(), rule.share),
            ("a.b", "x=*->y", 0.5)
        );
        assert_eq!(rule.to_string(), "a.b = x=*->y -> 0.5");
        for text in ["", "a", "a=b", "a -> 1", "=b -> 1", "a=b -> 2", "a=b -> x"] {
            assert!(SamplerRule::parse(text).is_none(), "{text}");
        }
    }
}
