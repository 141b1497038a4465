//! Optional values, lists and tables.

use std::collections::BTreeMap;

use super::{Value, parse_toml, wrong_type};
use crate::config::problem::Problem;
use crate::config::secret::{REDACTED, looks_secret};

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

    fn from_text(text: &str) -> Result<Self, Problem> {
        let is_nothing =
            text.is_empty() || parse_toml(text).is_some_and(|value| value.as_str() == Some(""));
        match is_nothing {
            true => Ok(None),
            false => T::from_text(text).map(Some),
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
/// For a pair without `=`, without a key, with a `%` that two hexadecimal digits do not follow, or with bytes that are no
/// text. The text is not repeated: values of headers are secrets.
pub(in crate::config) fn pairs(text: &str) -> Result<Vec<(String, String)>, Problem> {
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
pub(in crate::config) fn elements(text: &str) -> impl Iterator<Item = &str> {
    text.split(',')
        .map(str::trim)
        .filter(|element| !element.is_empty())
}

/// `text` with its `%20` and the like replaced, unless one is broken or the result is not UTF-8.
fn percent_decoded(text: &str) -> Option<String> {
    let is_digit = |byte: &u8| byte.is_ascii_hexdigit();
    let mut encoded = text.split('%').skip(1).map(str::as_bytes);
    let is_whole = encoded.all(|rest| rest.len() >= 2 && rest[..2].iter().all(is_digit));
    is_whole.then_some(())?;
    // The form decoder of the url crate does just this, once the two characters that are special in forms alone are hidden.
    let form = text
        .replace('+', "%2B")
        .replace('&', "%26")
        .replace('=', "%3D");
    let decoded = url::form_urlencoded::parse(form.as_bytes()).next();
    let decoded = decoded.map_or_else(String::new, |(decoded, _)| decoded.into_owned());
    (!decoded.contains(char::REPLACEMENT_CHARACTER)).then_some(decoded)
}
