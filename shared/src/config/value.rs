//! What can stand behind a key: how each type is read, and shown again.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::{NonZeroU16, NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;

use super::problem::{Problem, quoted};
use super::secret::{REDACTED, looks_secret};

/// A type that configuration values can have.
pub(super) trait Value: Sized {
    /// What may stand here, in words that follow "expected".
    fn expected() -> String;

    /// Reads it from a file.
    fn from_toml(value: &toml::Value) -> Result<Self, Problem>;

    /// Reads it from a variable or a flag: as TOML if that is a value of this type, else as the bare text.
    fn from_text(text: &str) -> Result<Self, Problem> {
        let as_text = || Self::from_toml(&toml::Value::String(text.to_owned()));
        match parse_toml(text) {
            Some(value) => {
                Self::from_toml(&value).or_else(|problem| as_text().map_err(|_| problem))
            }
            None => as_text(),
        }
    }

    /// The value as it would stand in a file, secrets hidden.
    fn to_toml(&self) -> toml::Value;
}

/// `text` as a TOML value, if it is one.
fn parse_toml(text: &str) -> Option<toml::Value> {
    toml::Value::from_str(text).ok()
}

/// The error for a value of another type.
pub(super) fn wrong_type<T: Value>(value: &toml::Value) -> Problem {
    let found = match value {
        toml::Value::String(_) => "a string",
        toml::Value::Integer(_) => "a whole number",
        toml::Value::Float(_) => "a number",
        toml::Value::Boolean(_) => "true or false",
        toml::Value::Datetime(_) => "a date",
        toml::Value::Array(_) => "a list",
        toml::Value::Table(_) => "a section",
    };
    Problem::WrongType {
        expected: T::expected(),
        found,
    }
}

/// The text of `value`.
pub(super) fn text_of<T: Value>(value: &toml::Value) -> Result<&str, Problem> {
    value.as_str().ok_or_else(|| wrong_type::<T>(value))
}

/// What `parse` makes of the text of `value`.
pub(super) fn parsed<T: Value>(
    value: &toml::Value,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<T, Problem> {
    let text = text_of::<T>(value)?;
    parse(text).ok_or_else(|| Problem::Malformed {
        expected: T::expected(),
        found: quoted(text),
    })
}

impl Value for bool {
    fn expected() -> String {
        "true or false".to_owned()
    }

    fn from_toml(value: &toml::Value) -> Result<Self, Problem> {
        value.as_bool().ok_or_else(|| wrong_type::<Self>(value))
    }

    fn to_toml(&self) -> toml::Value {
        (*self).into()
    }
}

/// Whole numbers that cannot be 0: none of our counts makes sense with 0.
macro_rules! counts {
    ($($kind:ty),+) => { $(
        impl Value for $kind {
            fn expected() -> String {
                "a whole number above 0".to_owned()
            }

            fn from_toml(value: &toml::Value) -> Result<Self, Problem> {
                let number = value.as_integer().ok_or_else(|| wrong_type::<Self>(value))?;
                number.to_string().parse().map_err(|_| Problem::OutOfRange {
                    found: number.to_string(),
                    low: Self::MIN.to_string(),
                    high: Self::MAX.to_string(),
                })
            }

            fn to_toml(&self) -> toml::Value {
                toml::Value::Integer(self.get().try_into().unwrap_or(i64::MAX))
            }
        }
    )+ };
}
counts!(NonZeroU16, NonZeroU32, NonZeroUsize);

impl Value for f64 {
    fn expected() -> String {
        "a number".to_owned()
    }

    fn from_toml(value: &toml::Value) -> Result<Self, Problem> {
        let whole = value.as_integer().map(|number| number as f64);
        whole
            .or(value.as_float())
            .ok_or_else(|| wrong_type::<Self>(value))
    }

    fn to_toml(&self) -> toml::Value {
        (*self).into()
    }
}

impl Value for String {
    fn expected() -> String {
        "a string".to_owned()
    }

    fn from_toml(value: &toml::Value) -> Result<Self, Problem> {
        text_of::<Self>(value).map(str::to_owned)
    }

    fn to_toml(&self) -> toml::Value {
        self.as_str().into()
    }
}

impl Value for PathBuf {
    fn expected() -> String {
        "a path".to_owned()
    }

    fn from_toml(value: &toml::Value) -> Result<Self, Problem> {
        text_of::<Self>(value).map(Self::from)
    }

    fn to_toml(&self) -> toml::Value {
        self.to_string_lossy().as_ref().into()
    }
}

impl Value for SocketAddr {
    fn expected() -> String {
        "an address and port such as \"127.0.0.1:8080\"".to_owned()
    }

    fn from_toml(value: &toml::Value) -> Result<Self, Problem> {
        parsed(value, |text| text.parse().ok())
    }

    fn to_toml(&self) -> toml::Value {
        self.to_string().into()
    }
}

impl Value for Duration {
    fn expected() -> String {
        "a duration such as \"30s\" or \"200ms\"".to_owned()
    }

    fn from_toml(value: &toml::Value) -> Result<Self, Problem> {
        parsed(value, |text| humantime::parse_duration(text).ok())
    }

    /// As people write it: `7d`, where humantime has `7days`.
    fn to_toml(&self) -> toml::Value {
        let long = humantime::format_duration(*self).to_string();
        long.replace("days", "d").replace("day", "d").into()
    }
}

impl Value for ByteSize {
    fn expected() -> String {
        "a size such as \"64 KiB\", or a number of bytes".to_owned()
    }

    fn from_toml(value: &toml::Value) -> Result<Self, Problem> {
        match value.as_integer() {
            Some(bytes) => u64::try_from(bytes)
                .map(Self::b)
                .map_err(|_| Problem::OutOfRange {
                    found: bytes.to_string(),
                    low: "0".to_owned(),
                    high: i64::MAX.to_string(),
                }),
            None => parsed(value, |text| text.parse().ok()),
        }
    }

    /// In the largest unit that holds it exactly: bytesize itself rounds.
    fn to_toml(&self) -> toml::Value {
        let mut count = self.as_u64();
        let mut units = ["B", "KiB", "MiB", "GiB", "TiB"].into_iter();
        let mut unit = units.next().expect("five units are there");
        while count != 0 && count.is_multiple_of(1024) {
            let Some(larger) = units.next() else { break };
            (count, unit) = (count / 1024, larger);
        }
        format!("{count} {unit}").into()
    }
}

/// The empty text is nothing: so an optional key can be written down with its default, and taken back.
impl<T: Value> Value for Option<T> {
    fn expected() -> String {
        T::expected()
    }

    fn from_toml(value: &toml::Value) -> Result<Self, Problem> {
        match value.as_str() {
            Some("") => Ok(None),
            Some(_) | None => T::from_toml(value).map(Some),
        }
    }

    fn to_toml(&self) -> toml::Value {
        self.as_ref().map_or_else(|| "".into(), Value::to_toml)
    }
}

/// A list; in variables and flags also separated by commas.
impl<T: Value> Value for Vec<T> {
    fn expected() -> String {
        format!("a list, each {}", T::expected())
    }

    fn from_toml(value: &toml::Value) -> Result<Self, Problem> {
        let list = value.as_array().ok_or_else(|| wrong_type::<Self>(value))?;
        list.iter().map(T::from_toml).collect()
    }

    fn from_text(text: &str) -> Result<Self, Problem> {
        match parse_toml(text) {
            Some(value @ toml::Value::Array(_)) => Self::from_toml(&value),
            Some(_) | None => elements(text).map(T::from_text).collect(),
        }
    }

    fn to_toml(&self) -> toml::Value {
        self.iter().map(Value::to_toml).collect::<Vec<_>>().into()
    }
}

/// A table; in variables and flags also `key=value,key=value`, percent-encoded as OpenTelemetry has it.
impl<T: Value> Value for BTreeMap<String, T> {
    fn expected() -> String {
        format!("a table, each value {}", T::expected())
    }

    fn from_toml(value: &toml::Value) -> Result<Self, Problem> {
        let table = value.as_table().ok_or_else(|| wrong_type::<Self>(value))?;
        table
            .iter()
            .map(|(key, value)| Ok((key.clone(), T::from_toml(value)?)))
            .collect()
    }

    fn from_text(text: &str) -> Result<Self, Problem> {
        if let Some(value @ toml::Value::Table(_)) = parse_toml(text) {
            return Self::from_toml(&value);
        }
        let pair = |(key, value): (String, String)| Ok((key, T::from_toml(&value.into())?));
        pairs(text)?.into_iter().map(pair).collect()
    }

    fn to_toml(&self) -> toml::Value {
        let shown = self.iter().map(|(key, value)| match looks_secret(key) {
            true => (key.clone(), REDACTED.into()),
            false => (key.clone(), value.to_toml()),
        });
        toml::Value::Table(shown.collect())
    }
}

/// The pairs of `key=value,key=value`, percent-encoded.
///
/// # Errors
/// For a pair without `=`, without a key or with bytes that are no text. The text is not repeated: values of headers are secrets.
pub(super) fn pairs(text: &str) -> Result<Vec<(String, String)>, Problem> {
    let pair = |pair: &str| {
        let (key, value) = pair.split_once('=')?;
        let key = percent_decoded(key.trim()).filter(|key| !key.is_empty())?;
        Some((key, percent_decoded(value.trim())?))
    };
    let pairs = elements(text).map(pair).collect::<Option<_>>();
    pairs.ok_or_else(|| Problem::Malformed {
        expected: "key=value pairs, separated by commas".to_owned(),
        found: "something else".to_owned(),
    })
}

/// The elements of a list separated by commas, empty ones left out.
pub(super) fn elements(text: &str) -> impl Iterator<Item = &str> {
    text.split(',')
        .map(str::trim)
        .filter(|element| !element.is_empty())
}

/// `text` with its `%20` and the like replaced, unless the result is not UTF-8.
fn percent_decoded(text: &str) -> Option<String> {
    // The form decoder of the url crate does just this, once the two characters that are special in forms alone are hidden.
    let form = text
        .replace('+', "%2B")
        .replace('&', "%26")
        .replace('=', "%3D");
    let decoded = url::form_urlencoded::parse(form.as_bytes()).next();
    let decoded = decoded.map_or_else(String::new, |(decoded, _)| decoded.into_owned());
    (!decoded.contains(char::REPLACEMENT_CHARACTER)).then_some(decoded)
}
