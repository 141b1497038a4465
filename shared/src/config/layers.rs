//! The layers of a configuration, laid one over the other.

use std::collections::BTreeMap;

use super::keys::Keys;
use super::problem::{ConfigError, Origin, Problem};
use super::sections::Config;
use super::settings::{Leaf, Section as _, Visitor};

/// One value that somebody gave to one key.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) input: Input,
    pub(super) origin: Origin,
    pub(super) when_wrong: WhenWrong,
}

/// A value, as it was found.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Input {
    /// In a file.
    Toml(toml::Value),
    /// In a variable or flag.
    Text(String),
}

/// What a value that cannot be used leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WhenWrong {
    /// The configuration is refused.
    Refuse,
    /// The value is left out, with a warning.
    Warn,
}

impl Entry {
    /// A value that is refused when it is wrong.
    pub(super) fn new(key: String, input: Input, origin: Origin) -> Self {
        Self {
            key,
            input,
            origin,
            when_wrong: WhenWrong::Refuse,
        }
    }
}

/// A configuration while its layers are laid.
pub(super) struct Draft {
    pub(super) config: Config,
    pub(super) origins: BTreeMap<String, Origin>,
    pub(super) errors: Vec<ConfigError>,
    pub(super) warnings: Vec<String>,
}

impl Draft {
    /// The defaults, with nothing over them.
    pub(super) fn new() -> Self {
        Self {
            config: Config::defaults(),
            origins: BTreeMap::new(),
            errors: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Lays one layer over what is there. Each of its values is checked, also one that a later layer replaces.
    pub(super) fn lay(&mut self, layer: Vec<Entry>, keys: &Keys) {
        for entry in layer {
            match keys.has(&entry.key) {
                true => self.set(entry),
                false => {
                    let problem = Problem::UnknownKey {
                        nearest: keys.nearest(&entry.key),
                    };
                    self.errors.push(ConfigError {
                        key: Some(entry.key),
                        origin: entry.origin,
                        problem,
                    });
                }
            }
        }
    }

    fn set(&mut self, entry: Entry) {
        let mut setter = Setter {
            entry: &entry,
            outcome: Ok(()),
        };
        self.config.visit("", &mut setter);
        match (setter.outcome, entry.when_wrong) {
            (Ok(()), _) => {
                self.origins.insert(entry.key, entry.origin);
            }
            (Err(problem), WhenWrong::Refuse) => {
                self.errors.push(ConfigError {
                    key: Some(entry.key),
                    origin: entry.origin,
                    problem,
                });
            }
            (Err(problem), WhenWrong::Warn) => {
                self.warnings
                    .push(format!("{} is ignored: {problem}", entry.origin));
            }
        }
    }

    /// Where the value of `key` comes from.
    pub(super) fn origin(&self, key: &str) -> Origin {
        self.origins.get(key).cloned().unwrap_or(Origin::Default)
    }
}

/// Sets one key.
struct Setter<'a> {
    entry: &'a Entry,
    outcome: Result<(), Problem>,
}

impl Visitor for Setter<'_> {
    fn leaf(&mut self, leaf: Leaf<'_>) {
        if leaf.key == self.entry.key {
            self.outcome = match &self.entry.input {
                Input::Toml(value) => leaf.slot.set_toml(value),
                Input::Text(text) if text.contains(char::REPLACEMENT_CHARACTER) => {
                    Err(Problem::NotUtf8)
                }
                Input::Text(text) => leaf.slot.set_text(text),
            };
        }
    }
}
