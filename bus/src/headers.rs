//! The header table of a message, typed as AMQP types its fields.

use serde::{Deserialize, Serialize};

/// Names of the headers that Chimera itself reads and writes.
pub mod name {
    /// W3C trace context, `traceparent`.
    pub const TRACEPARENT: &str = "traceparent";
    /// W3C trace context, `tracestate`.
    pub const TRACESTATE: &str = "tracestate";
    /// W3C baggage.
    pub const BAGGAGE: &str = "baggage";
    /// Which attempt this is, from 1.
    pub const ATTEMPT: &str = "x-attempt";
    /// When the message was first published, milliseconds since the Unix epoch.
    pub const FIRST_PUBLISHED: &str = "x-first-published";
    /// When this attempt became ready to be delivered, microseconds since the Unix epoch: AMQP's own timestamp has
    /// whole seconds only, and a queue wait may be shorter than a millisecond.
    pub const READY_AT: &str = "x-ready-at";
    /// When the work is no longer wanted, milliseconds since the Unix epoch.
    pub const DEADLINE: &str = "x-deadline";
    /// The span that made the attempt before this one, as a `traceparent`.
    pub const PREVIOUS_ATTEMPT: &str = "x-previous-attempt";
    /// On a dead letter and on an error reply: the kind of error.
    pub const ERROR_TYPE: &str = "x-error-type";
    /// On a dead letter and on an error reply: what went wrong.
    pub const ERROR_MESSAGE: &str = "x-error-message";
    /// On a dead letter and on an error reply: the agent that failed.
    pub const FAILED_AGENT: &str = "x-failed-agent";
    /// On a dead letter: when it failed, milliseconds since the Unix epoch.
    pub const FAILED_AT: &str = "x-failed-at";
    /// On a retried message and a dead letter: the routing key it was first published with.
    pub const ORIGINAL_ROUTING_KEY: &str = "x-original-routing-key";
}

/// A value of a header table, as AMQP 0-9-1 (with RabbitMQ's errata) types it.
///
/// Source: <https://www.rabbitmq.com/amqp-0-9-1-errata#section_3>.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum FieldValue {
    /// `t`
    Bool(bool),
    /// `b`
    I8(i8),
    /// `B`
    U8(u8),
    /// `s`
    I16(i16),
    /// `u`
    U16(u16),
    /// `I`
    I32(i32),
    /// `i`
    U32(u32),
    /// `l`
    I64(i64),
    /// `f`
    F32(f32),
    /// `d`
    F64(f64),
    /// `D`: `value` divided by ten to the power of `scale`.
    Decimal {
        /// Digits after the decimal point.
        scale: u8,
        /// The digits.
        value: u32,
    },
    /// A short string, at most 255 bytes. RabbitMQ has no such field type; some clients send it all the same.
    ShortString(String),
    /// `S`: bytes that need not be UTF-8.
    LongString(Vec<u8>),
    /// `x`
    Bytes(Vec<u8>),
    /// `A`
    Array(Vec<FieldValue>),
    /// `T`: seconds since the Unix epoch.
    Timestamp(u64),
    /// `F`
    Table(Headers),
    /// `V`
    Void,
}

impl FieldValue {
    /// The text of a long string, short string or byte value, when it is UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::ShortString(text) => Some(text),
            Self::LongString(bytes) | Self::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// About how many bytes the value takes beyond itself.
    pub(crate) fn approximate_bytes(&self) -> usize {
        match self {
            Self::ShortString(text) => text.len(),
            Self::LongString(bytes) | Self::Bytes(bytes) => bytes.len(),
            Self::Array(values) => values
                .iter()
                .map(|value| 40 + value.approximate_bytes())
                .sum(),
            Self::Table(table) => table
                .iter()
                .map(|(name, value)| 64 + name.len() + value.approximate_bytes())
                .sum(),
            _ => 0,
        }
    }

    /// The value of any integer type (and of a timestamp) that is not negative.
    pub fn as_u64(&self) -> Option<u64> {
        match *self {
            Self::I8(value) => value.try_into().ok(),
            Self::U8(value) => Some(value.into()),
            Self::I16(value) => value.try_into().ok(),
            Self::U16(value) => Some(value.into()),
            Self::I32(value) => value.try_into().ok(),
            Self::U32(value) => Some(value.into()),
            Self::I64(value) => value.try_into().ok(),
            Self::Timestamp(value) => Some(value),
            _ => None,
        }
    }
}

impl From<&str> for FieldValue {
    fn from(text: &str) -> Self {
        Self::LongString(text.as_bytes().to_vec())
    }
}

impl From<String> for FieldValue {
    fn from(text: String) -> Self {
        Self::LongString(text.into_bytes())
    }
}

impl From<u64> for FieldValue {
    /// A signed 64-bit integer, the widest that AMQP has; larger values are held at its maximum.
    fn from(value: u64) -> Self {
        Self::I64(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

/// A header table in the order it was written.
///
/// Names are compared exactly. [`Headers::set`] keeps a name once; a table that came over the wire may hold it more
/// often, which [`Headers::get_all`] shows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Headers(Vec<(String, FieldValue)>);

impl Headers {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// The first value under `name`.
    pub fn get(&self, name: &str) -> Option<&FieldValue> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value)
    }

    /// Every value under `name`, in order.
    pub fn get_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a FieldValue> {
        self.0
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value)
    }

    /// The first value under `name` as text.
    pub fn get_str(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// The first value under `name` as an integer that is not negative.
    pub fn get_u64(&self, name: &str) -> Option<u64> {
        self.get(name)?.as_u64()
    }

    /// Puts `value` under `name`, in place of what was there.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<FieldValue>) {
        let (name, value) = (name.into(), value.into());
        match self.0.iter().position(|(key, _)| *key == name) {
            Some(at) => {
                self.0[at].1 = value;
                // Only what a broken sender wrote twice is left behind `at`.
                let mut seen = 0;
                self.0.retain(|(key, _)| {
                    *key != name || {
                        seen += 1;
                        seen == 1
                    }
                });
            }
            None => self.0.push((name, value)),
        }
    }

    /// Puts `text` under `name` as a long string, in place of what was there and in its memory.
    pub fn set_text(&mut self, name: &str, text: &str) {
        let Some(at) = self.0.iter().position(|(key, _)| key == name) else {
            return self.append(name, text);
        };
        match &mut self.0[at].1 {
            FieldValue::LongString(bytes) => {
                bytes.clear();
                bytes.extend_from_slice(text.as_bytes());
            }
            other => *other = text.into(),
        }
        if self.0[at + 1..].iter().any(|(key, _)| key == name) {
            self.set(name, text);
        }
    }

    /// Adds a value under `name`, also where there is one already; for tables read from the wire.
    pub fn append(&mut self, name: impl Into<String>, value: impl Into<FieldValue>) {
        self.0.push((name.into(), value.into()));
    }

    /// Takes every value under `name` out.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(key, _)| key != name);
    }

    /// Keeps only the headers that `keep` says yes to.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        self.0.retain(|(key, _)| keep(key));
    }

    /// Names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &FieldValue)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(String, FieldValue)> for Headers {
    fn from_iter<I: IntoIterator<Item = (String, FieldValue)>>(entries: I) -> Self {
        Self(entries.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setting_keeps_a_name_once_and_in_its_place() {
        let mut headers = Headers::new();
        headers.append("a", "1");
        headers.append("b", "2");
        headers.append("a", "3");
        headers.set("a", "4");
        assert_eq!(
            headers.iter().collect::<Vec<_>>(),
            [("a", &FieldValue::from("4")), ("b", &FieldValue::from("2"))]
        );
    }

    #[test]
    fn setting_text_is_setting() {
        for before in [&[][..], &["x"], &["x", "y", "x", "a"], &["a", "x"]] {
            let mut headers: Headers = before
                .iter()
                .map(|name| ((*name).to_owned(), FieldValue::from("a longer text")))
                .collect();
            let mut expected = headers.clone();
            headers.set_text("x", "text");
            expected.set("x", "text");
            assert_eq!(headers, expected);
        }
        let mut headers = Headers::new();
        headers.set("x", 1);
        headers.set_text("x", "text");
        assert_eq!(headers.get_str("x"), Some("text"));
    }

    #[test]
    fn text_is_read_from_every_type_that_can_hold_it() {
        assert_eq!(FieldValue::ShortString("x".to_owned()).as_str(), Some("x"));
        assert_eq!(FieldValue::Bytes(b"x".to_vec()).as_str(), Some("x"));
        assert_eq!(FieldValue::LongString(vec![0xff]).as_str(), None);
        assert_eq!(FieldValue::I32(-1).as_u64(), None);
    }
}
