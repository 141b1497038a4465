//! Which names collections, documents and fields may have: what every engine takes as it is.

use std::{borrow::Cow, fmt};

use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};

use super::DocumentError;

const MAX_COLLECTION_BYTES: usize = 100;
const MAX_ID_BYTES: usize = 512;

pub(super) fn check_collection(name: &str) -> Result<(), DocumentError> {
    let starts_well = name.starts_with(|first: char| first.is_ascii_alphabetic());
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if starts_well && name.len() <= MAX_COLLECTION_BYTES && name.chars().all(allowed) {
        return Ok(());
    }
    Err(DocumentError::Name {
        what: "collection",
        bytes: name.len(),
        rule: "1 to 100 ASCII letters, digits, `_` and `-`, the first a letter",
    })
}

pub(super) fn check_id(id: &str) -> Result<(), DocumentError> {
    if (1..=MAX_ID_BYTES).contains(&id.len()) && !id.chars().any(char::is_control) {
        return Ok(());
    }
    Err(DocumentError::Name {
        what: "document",
        bytes: id.len(),
        rule: "1 to 512 bytes without control characters",
    })
}

/// The field in which servers keep when a document expires.
pub(super) const EXPIRES_AT: &str = "_expires_at";

pub(super) fn check_field(name: &str) -> Result<(), DocumentError> {
    let reserved = matches!(name, "" | "_id" | EXPIRES_AT) || name.starts_with('$');
    if !reserved && !name.contains(['.', '\0']) {
        return Ok(());
    }
    Err(DocumentError::Name {
        what: "field",
        bytes: name.len(),
        rule: "a top-level field other than `_id` and `_expires_at`, without a dot and not starting with `$`",
    })
}

/// Checks the top-level fields of a document as JSON.
pub(super) fn check_fields(json: &[u8]) -> Result<(), DocumentError> {
    let read = serde_json::Deserializer::from_slice(json).deserialize_map(Fields);
    read.map_err(|source| DocumentError::Encode {
        what: "a document".to_owned(),
        source,
    })?
}

/// Looks at the names of fields and skips what is in them.
struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = Result<(), DocumentError>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a document")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut checked = Ok(());
        while let Some(name) = map.next_key::<Cow<'_, str>>()? {
            checked = checked.and_then(|()| check_field(&name));
            map.next_value::<IgnoredAny>()?;
        }
        Ok(checked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_some_engine_would_refuse_are_refused() {
        let check = |result: Result<(), DocumentError>, expected: bool, name: &str| {
            assert_eq!(result.is_ok(), expected, "{name:?}");
        };
        let long = "x".repeat(513);
        for (name, ok) in [
            ("queries", true),
            ("handled-messages_2", true),
            ("", false),
            ("2fast", false),
            ("system.users", false),
            ("a b", false),
            ("naïve", false),
            (&long[..100], true),
            (&long[..101], false),
        ] {
            check(check_collection(name), ok, name);
        }
        for (id, ok) in [
            ("0192f1d2-7c2e-7000-8000-000000000001", true),
            ("query_agent:Nachricht ü", true),
            ("", false),
            ("a\0b", false),
            ("a\nb", false),
            (&long[..512], true),
            (&long, false),
        ] {
            check(check_id(id), ok, id);
        }
        for (field, ok) in [
            ("status", true),
            ("", false),
            ("_id", false),
            ("_expires_at", false),
            ("$set", false),
            ("a.b", false),
            ("a\0", false),
        ] {
            check(check_field(field), ok, field);
        }
    }
}
