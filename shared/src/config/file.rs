//! A configuration file: which values it gives, and on which lines.

use std::fs;
use std::io;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::Keys;
use super::layers::{Entry, Input};
use super::problem::{ConfigError, Origin, Problem};
use super::settings::join;

/// Whether a file has to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// Somebody named it.
    Required,
    /// It is looked for.
    Optional,
}

/// The entries of the file `name`, looked for in `working_dir`; its unknown keys and syntax errors go to `errors`.
pub(super) fn read(
    name: &Path,
    working_dir: &Path,
    presence: Presence,
    keys: &Keys,
    errors: &mut Vec<ConfigError>,
) -> Vec<Entry> {
    let whole_file = |problem| ConfigError {
        key: None,
        origin: Origin::WholeFile(name.to_owned()),
        problem,
    };
    let bytes = match fs::read(working_dir.join(name)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound && presence == Presence::Optional => {
            return Vec::new();
        }
        Err(error) => {
            errors.push(whole_file(Problem::Unreadable(error.kind())));
            return Vec::new();
        }
    };
    match String::from_utf8(bytes) {
        Ok(text) => File {
            name,
            text: &text,
            keys,
            entries: Vec::new(),
            errors,
        }
        .entries(),
        Err(_) => {
            errors.push(whole_file(Problem::NotUtf8));
            Vec::new()
        }
    }
}

/// A file being read.
struct File<'a> {
    name: &'a Path,
    text: &'a str,
    keys: &'a Keys,
    entries: Vec<Entry>,
    errors: &'a mut Vec<ConfigError>,
}

impl File<'_> {
    fn entries(mut self) -> Vec<Entry> {
        let (table, syntax_errors) = DeTable::parse_recoverable(self.text);
        if syntax_errors.is_empty() {
            self.table("", table.get_ref());
        }
        for error in syntax_errors {
            // The message alone: the whole error repeats the line, and with it a password.
            let problem = Problem::Syntax(error.message().replace('\n', ", "));
            let origin = self.line(error.span().map_or(0, |span| span.start));
            self.errors.push(ConfigError {
                key: None,
                origin,
                problem,
            });
        }
        self.entries
    }

    fn table(&mut self, path: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            let key = join(path, name.get_ref());
            if self.keys.has(&key) {
                self.entries.push(Entry::new(
                    key,
                    Input::Toml(plain(value.get_ref())),
                    self.line(value.span().start),
                ));
            } else if let DeValue::Table(below) = value.get_ref()
                && self.keys.is_section(&key)
            {
                self.table(&key, below);
            } else {
                self.refuse(key, name, value);
            }
        }
    }

    fn refuse(&mut self, key: String, name: &Spanned<impl Sized>, value: &Spanned<DeValue<'_>>) {
        let problem = if self.keys.is_section(&key) {
            Problem::WrongType {
                expected: format!("a section [{key}]"),
                found: "a single value",
            }
        } else if value.get_ref().is_table() {
            Problem::UnknownKey {
                nearest: self.keys.nearest_section(&key),
            }
        } else {
            Problem::UnknownKey {
                nearest: self.keys.nearest(&key),
            }
        };
        let origin = self.line(name.span().start);
        self.errors.push(ConfigError {
            key: Some(key),
            origin,
            problem,
        });
    }

    /// The line of a byte of the file.
    fn line(&self, offset: usize) -> Origin {
        let before = &self.text.as_bytes()[..offset.min(self.text.len())];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        Origin::File {
            path: self.name.to_owned(),
            line,
        }
    }
}

/// The value without the places of its parts.
fn plain(value: &DeValue<'_>) -> toml::Value {
    match value {
        DeValue::String(text) => toml::Value::String(text.clone().into_owned()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => number.into(),
            // Beyond 64 bits: as a float it is refused wherever a whole number is asked for.
            Err(_) => toml::Value::Float(f64::INFINITY),
        },
        DeValue::Float(number) => number
            .as_str()
            .parse()
            .map_or(toml::Value::Float(f64::NAN), toml::Value::Float),
        DeValue::Boolean(value) => (*value).into(),
        DeValue::Datetime(when) => (*when).into(),
        DeValue::Array(list) => list
            .iter()
            .map(|value| plain(value.get_ref()))
            .collect::<Vec<_>>()
            .into(),
        DeValue::Table(table) => {
            let plain = table
                .iter()
                .map(|(key, value)| (key.get_ref().clone().into_owned(), plain(value.get_ref())));
            toml::Value::Table(plain.collect())
        }
    }
}
