//! What can stand behind a key: how each type is read, and shown again.

mod collections;

use std::net::SocketAddr;
use std::num::{NonZeroU16, NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;

use super::problem::{Problem, quoted};
use crate::telemetry::redact;

pub(super) use collections::{elements, pairs};

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
            None => as_text().map_err(|problem| match problem {
                Problem::WrongType { expected, .. } => Problem::Malformed {
                    expected,
                    found: quoted(text),
                },
                problem => problem,
            }),
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

/// For limits, where 0 is one.
impl Value for u32 {
    fn expected() -> String {
        "a whole number".to_owned()
    }

    fn from_toml(value: &toml::Value) -> Result<Self, Problem> {
        let number = value
            .as_integer()
            .ok_or_else(|| wrong_type::<Self>(value))?;
        number.try_into().map_err(|_| Problem::OutOfRange {
            found: number.to_string(),
            low: Self::MIN.to_string(),
            high: Self::MAX.to_string(),
        })
    }

    fn to_toml(&self) -> toml::Value {
        i64::from(*self).into()
    }
}

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

    /// Without credentials in it, which may stand in any text: it is to be shown.
    fn to_toml(&self) -> toml::Value {
        redact::text(self).as_ref().into()
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
