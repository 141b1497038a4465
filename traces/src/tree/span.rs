//! A span with plain fields, and its JSON.

use std::fmt;

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::Value;

use crate::attribute;

/// A span as people and scripts read it.
///
/// Its JSON is the element of `trace` in `chimera ask --json`: `trace_id`, `span_id`, `parent_span_id` (null for a root),
/// `service`, `name`, `kind` (`"SERVER"`), `start` (RFC 3339 in UTC with nine decimals), `duration` (nanoseconds, an
/// integer), `status` (`"UNSET"`, `"OK"`, `"ERROR"`), `attributes` (an object), `links`; and where there are any,
/// `status_message` and `events`. Ids are lower-case hex.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Span {
    /// 32 hex digits.
    pub trace_id: String,
    /// 16 hex digits.
    pub span_id: String,
    /// 16 hex digits; `None` for a root.
    pub parent_span_id: Option<String>,
    /// `service.name` of the resource; empty if it has none.
    pub service: String,
    /// The span's name.
    pub name: String,
    /// Its kind.
    pub kind: Kind,
    /// Nanoseconds since the Unix epoch.
    #[serde(rename = "start", serialize_with = "rfc3339")]
    pub start_ns: u64,
    /// Nanoseconds; 0 for a span that ends before it starts, which [`Span::ends_before_start`] tells.
    #[serde(rename = "duration")]
    pub duration_ns: u64,
    /// Its status.
    pub status: Status,
    /// What the status says about an error; mostly empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub status_message: String,
    /// In the order in which they were set.
    pub attributes: Attributes,
    /// In the order in which they were recorded.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Event>,
    /// In the order in which they were added.
    pub links: Vec<Link>,
    /// Whether the span ended before it started, by its host's clock.
    #[serde(skip)]
    pub ends_before_start: bool,
}

/// The kind of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Kind {
    /// Not said.
    Unspecified,
    /// Work inside a service.
    Internal,
    /// Serves a request.
    Server,
    /// Waits for another service.
    Client,
    /// Sends a message.
    Producer,
    /// Handles a message.
    Consumer,
}

/// The status of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// Not said, which is how most spans succeed.
    Unset,
    /// Said to have succeeded.
    Ok,
    /// Failed.
    Error,
}

/// Something that happened during a span.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    /// What happened: `exception` for an error.
    pub name: String,
    /// Nanoseconds since the Unix epoch; RFC 3339 in JSON.
    #[serde(rename = "time", serialize_with = "rfc3339")]
    pub time_ns: u64,
    /// In the order in which they were set.
    pub attributes: Attributes,
}

/// A reference to a span, of this trace or another.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Link {
    /// 32 hex digits.
    pub trace_id: String,
    /// 16 hex digits.
    pub span_id: String,
    /// In the order in which they were set.
    pub attributes: Attributes,
}

/// Attributes in the order in which they were set; a JSON object. Bytes are base16 text.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Attributes(pub Vec<(String, Value)>);

impl Span {
    /// When it ends, in nanoseconds since the Unix epoch.
    pub fn end_ns(&self) -> u64 {
        self.start_ns.saturating_add(self.duration_ns)
    }

    /// Whether it failed.
    pub fn is_error(&self) -> bool {
        self.status == Status::Error
    }

    /// How long its message waited in the queue, in milliseconds; only CONSUMER spans have it.
    pub fn queue_wait_ms(&self) -> Option<f64> {
        self.attributes.get(attribute::QUEUE_WAIT_MS)?.as_f64()
    }
}

impl Attributes {
    /// The value under a key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value)
    }

    /// The text under a key; `None` if it is not text.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_str()
    }
}

impl Serialize for Attributes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unspecified => "UNSPECIFIED",
            Self::Internal => "INTERNAL",
            Self::Server => "SERVER",
            Self::Client => "CLIENT",
            Self::Producer => "PRODUCER",
            Self::Consumer => "CONSUMER",
        })
    }
}

fn rfc3339<S: Serializer>(ns: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{:.9}", timestamp(*ns)))
}

pub(super) fn timestamp(ns: u64) -> jiff::Timestamp {
    jiff::Timestamp::from_nanosecond(i128::from(ns))
        .expect("64 bits of nanoseconds end in the year 2554")
}
