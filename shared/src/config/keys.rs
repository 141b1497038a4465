//! Every key that there is, for telling a known one from a misspelt one.

use std::collections::BTreeSet;

use super::choices::nearest;
use super::sections::Config;
use super::settings::{Leaf, Section as _, Visitor};

/// The names of all keys and sections.
pub(super) struct Keys {
    leaves: BTreeSet<String>,
    sections: BTreeSet<String>,
}

impl Keys {
    /// The keys of [`Config`].
    pub(super) fn all() -> Self {
        let mut keys = Self {
            leaves: BTreeSet::new(),
            sections: BTreeSet::new(),
        };
        Config::defaults().visit("", &mut keys);
        keys
    }

    /// Whether `key` has a value.
    pub(super) fn has(&self, key: &str) -> bool {
        self.leaves.contains(key)
    }

    /// Whether there are keys below `key`.
    pub(super) fn is_section(&self, key: &str) -> bool {
        self.sections.contains(key)
    }

    /// The key that looks most like `key`.
    pub(super) fn nearest(&self, key: &str) -> String {
        nearest(key, self.leaves.iter().map(String::as_str)).to_owned()
    }

    /// The section that looks most like `key`.
    pub(super) fn nearest_section(&self, key: &str) -> String {
        nearest(key, self.sections.iter().map(String::as_str)).to_owned()
    }

    /// The key that the variable would set, had it its underscores in the right places.
    pub(super) fn meant_by(&self, variable: &str) -> Option<&str> {
        let plain = |text: &str| text.replace(['_', '.'], "").to_lowercase();
        let wanted = plain(variable.strip_prefix(PREFIX.trim_end_matches('_'))?);
        self.leaves
            .iter()
            .find(|key| plain(key) == wanted)
            .map(String::as_str)
    }
}

impl Visitor for Keys {
    fn section(&mut self, path: &str, _about: &'static [&'static str]) {
        self.sections.insert(path.to_owned());
    }

    fn leaf(&mut self, leaf: Leaf<'_>) {
        self.leaves.insert(leaf.key);
    }
}

/// What the variables of the configuration begin with.
pub(super) const PREFIX: &str = "CHIMERA__";

/// The environment variable that sets `key`.
pub(super) fn variable_of(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "__").to_uppercase())
}

/// The key that `variable` sets, if it is one of ours.
pub(super) fn key_of(variable: &str) -> Option<String> {
    let name = variable.strip_prefix(PREFIX)?;
    Some(name.replace("__", ".").to_lowercase())
}
