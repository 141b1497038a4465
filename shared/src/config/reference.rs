//! What keys there are: the default file, and the same for programs.

use super::keys::variable_of;
use super::otel;
use super::sections::Config;
use super::settings::{Leaf, Section as _, Visitor};

/// `config/chimera.toml` as it comes with the program: every key with its meaning and its default, commented out.
pub fn default_toml() -> &'static str {
    include_str!("../../../config/chimera.toml")
}

/// A section and its keys, those of sections below it not included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SectionReference {
    /// Its name, as `telemetry.otlp`; empty for what stands above all sections.
    pub name: String,
    /// What it is about, in lines.
    pub about: Vec<&'static str>,
    /// Its keys, in the order of their declaration.
    pub keys: Vec<KeyReference>,
}

/// One key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyReference {
    /// The key in full, as `bus.url`.
    pub key: String,
    /// What it means, in lines.
    pub about: Vec<&'static str>,
    /// What may stand there, in words.
    pub expected: String,
    /// Its default, as TOML.
    pub default: String,
    /// The variables that set it; where several are set, the first of them wins.
    pub variables: Vec<String>,
}

/// All keys there are.
pub fn reference() -> Vec<SectionReference> {
    let top = SectionReference {
        name: String::new(),
        about: Vec::new(),
        keys: Vec::new(),
    };
    let mut collection = Collection(vec![top]);
    Config::defaults().visit("", &mut collection);
    collection.0
}

struct Collection(Vec<SectionReference>);

impl Visitor for Collection {
    fn section(&mut self, path: &str, about: &'static [&'static str]) {
        let (name, about) = (path.to_owned(), trimmed(about));
        self.0.push(SectionReference {
            name,
            about,
            keys: Vec::new(),
        });
    }

    fn leaf(&mut self, leaf: Leaf<'_>) {
        let section = self
            .0
            .last_mut()
            .expect("it begins with the keys above all sections");
        section.keys.push(KeyReference {
            about: trimmed(leaf.about),
            expected: leaf.slot.expected(),
            default: leaf.slot.show(),
            variables: variables_of(&leaf.key),
            key: leaf.key,
        });
    }
}

fn trimmed(lines: &[&'static str]) -> Vec<&'static str> {
    lines.iter().map(|line| line.trim()).collect()
}

fn variables_of(key: &str) -> Vec<String> {
    let mut standard: Vec<_> = otel::variables()
        .filter(|(_, set)| set == key)
        .map(|(name, _)| name)
        .collect();
    standard.push(variable_of(key));
    standard.reverse();
    standard
}

#[cfg(test)]
mod tests;
