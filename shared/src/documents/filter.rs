//! Conditions on documents and changes to them, as MongoDB understands them.

use std::{borrow::Cow, fmt};

use serde::{
    Serialize,
    de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor},
};
use serde_json::{Map, Number, Value};

use super::{DocumentError, names};

/// What a document must meet: every condition that was added. One without conditions is met by all.
///
/// As in MongoDB a missing field equals null, `1` equals `1.0`, and a list meets a condition that one of its elements
/// meets.
#[derive(Debug, Default)]
#[must_use]
pub struct Filter {
    conditions: Vec<Condition>,
    error: Option<DocumentError>,
}

#[derive(Debug)]
pub(super) struct Condition {
    field: Cow<'static, str>,
    any_of: Vec<Value>,
}

impl Filter {
    /// Met by every document.
    pub fn all() -> Self {
        Self::default()
    }

    /// Met by documents whose top-level `field` equals `value`: a string, a number, a boolean or null.
    pub fn field(field: impl Into<Cow<'static, str>>, value: impl Serialize) -> Self {
        Self::all().and(field, value)
    }

    /// Met by documents that meet this filter and whose top-level `field` equals `value`.
    pub fn and(self, field: impl Into<Cow<'static, str>>, value: impl Serialize) -> Self {
        self.and_any_of(field, [value])
    }

    /// Met by documents that meet this filter and whose top-level `field` equals one of `values`.
    pub fn and_any_of<V: Serialize>(
        mut self,
        field: impl Into<Cow<'static, str>>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        let field = field.into();
        match values
            .into_iter()
            .map(|value| scalar(&field, &value))
            .collect()
        {
            Ok(any_of) => self.conditions.push(Condition { field, any_of }),
            Err(error) => self.error = self.error.or(Some(error)),
        }
        self
    }

    /// The conditions, all of them on fields and values that every engine takes.
    pub(super) fn checked(self) -> Result<Conditions, DocumentError> {
        match self.error {
            Some(error) => Err(error),
            None => Ok(Conditions(self.conditions)),
        }
    }
}

/// A filter whose names and values were checked.
#[derive(Debug, Default)]
pub(super) struct Conditions(Vec<Condition>);

impl Conditions {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each field and the values of which it must equal one.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &[Value])> {
        let conditions = self.0.iter();
        conditions.map(|condition| (&*condition.field, &*condition.any_of))
    }

    pub(super) fn are_met_by(&self, document: &Map<String, Value>) -> bool {
        self.0
            .iter()
            .all(|condition| condition.is_met_by(document.get(&*condition.field)))
    }

    /// Whether the document in `json` meets them; reads only the fields that are asked about.
    pub(super) fn are_met_by_json(&self, json: &[u8]) -> serde_json::Result<bool> {
        if self.is_empty() {
            return Ok(true);
        }
        let mut reader = serde_json::Deserializer::from_slice(json);
        Ok(self.are_met_by(&Wanted(self).deserialize(&mut reader)?))
    }
}

impl Condition {
    fn is_met_by(&self, value: Option<&Value>) -> bool {
        match value.unwrap_or(&Value::Null) {
            Value::Array(elements) => elements.iter().any(|element| self.has(element)),
            value => self.has(value),
        }
    }

    fn has(&self, value: &Value) -> bool {
        self.any_of.iter().any(|wanted| equal(wanted, value))
    }
}

fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            one == other || whole(one).is_some_and(|one| whole(other) == Some(one))
        }
        _ => one == other,
    }
}

/// The number, when it has no fraction and could be an integer of JSON: exactly, as MongoDB compares.
fn whole(number: &Number) -> Option<i128> {
    match (number.as_i64(), number.as_u64(), number.as_f64()) {
        (Some(whole), ..) => Some(whole.into()),
        (_, Some(whole), _) => Some(whole.into()),
        (.., Some(float)) if float.fract() == 0.0 && float.abs() < 1e20 => Some(float as i128),
        _ => None,
    }
}

fn scalar(field: &str, value: &impl Serialize) -> Result<Value, DocumentError> {
    names::check_field(field)?;
    match encode(field, value)? {
        Value::Array(_) | Value::Object(_) => Err(DocumentError::Condition {
            field: field.to_owned(),
        }),
        value => Ok(value),
    }
}

fn encode(field: &str, value: &impl Serialize) -> Result<Value, DocumentError> {
    serde_json::to_value(value).map_err(|source| DocumentError::Encode {
        what: format!("the value of field `{field}`"),
        source,
    })
}

/// Reads the fields of a document that conditions name, and skips the others.
struct Wanted<'a>(&'a Conditions);

impl<'de> DeserializeSeed<'de> for Wanted<'_> {
    type Value = Map<String, Value>;

    fn deserialize<D: serde::Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Wanted<'_> {
    type Value = Map<String, Value>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a document")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Map::new();
        while let Some(name) = map.next_key::<Cow<'_, str>>()? {
            if self.0.0.iter().any(|condition| condition.field == name) {
                fields.insert(name.into_owned(), map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(fields)
    }
}

/// What is changed in a document: top-level fields that are set or removed. Of changes to one field the last counts.
#[derive(Debug)]
#[must_use]
pub struct Changes {
    fields: Vec<(Cow<'static, str>, Option<Value>)>,
    error: Option<DocumentError>,
}

impl Changes {
    /// Sets the top-level `field` to `value`.
    pub fn set(field: impl Into<Cow<'static, str>>, value: impl Serialize) -> Self {
        Self::none().and_set(field, value)
    }

    /// Removes the top-level `field`.
    pub fn remove(field: impl Into<Cow<'static, str>>) -> Self {
        Self::none().and_remove(field)
    }

    /// And sets the top-level `field` to `value`.
    pub fn and_set(self, field: impl Into<Cow<'static, str>>, value: impl Serialize) -> Self {
        let field = field.into();
        let value = encode(&field, &value).map(Some);
        self.and(field, value)
    }

    /// And removes the top-level `field`.
    pub fn and_remove(self, field: impl Into<Cow<'static, str>>) -> Self {
        self.and(field.into(), Ok(None))
    }

    fn none() -> Self {
        Self {
            fields: Vec::new(),
            error: None,
        }
    }

    fn and(
        mut self,
        field: Cow<'static, str>,
        value: Result<Option<Value>, DocumentError>,
    ) -> Self {
        match names::check_field(&field).and(value) {
            Ok(value) => {
                // MongoDB refuses two changes to one field.
                self.fields.retain(|(earlier, _)| *earlier != field);
                self.fields.push((field, value));
            }
            Err(error) => self.error = self.error.or(Some(error)),
        }
        self
    }

    pub(super) fn checked(self) -> Result<Assignments, DocumentError> {
        match self.error {
            Some(error) => Err(error),
            None => Ok(Assignments(self.fields)),
        }
    }
}

/// Changes whose names and values were checked.
#[derive(Debug)]
pub(super) struct Assignments(Vec<(Cow<'static, str>, Option<Value>)>);

impl Assignments {
    /// Each field and what it is set to; one without a value is removed.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, Option<&Value>)> {
        let fields = self.0.iter();
        fields.map(|(field, value)| (&**field, value.as_ref()))
    }

    pub(super) fn apply_to(self, document: &mut Map<String, Value>) {
        for (field, value) in self.0 {
            match value {
                Some(value) => document.insert(field.into_owned(), value),
                None => document.remove(&*field),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn conditions_are_met_as_in_mongodb() {
        let document = json!({
            "status": "processing", "attempt": 2, "ratio": 2.0, "stage": null, "tags": ["a", "b"], "nested": { "status": "x" },
            "large": 9_007_199_254_740_993_i64,
        });
        let check = |filter: Filter, expected: bool| {
            let label = format!("{filter:?}");
            let conditions = filter.checked().unwrap();
            assert_eq!(
                conditions.are_met_by(document.as_object().unwrap()),
                expected,
                "{label}"
            );
            let json = serde_json::to_vec(&document).unwrap();
            assert_eq!(
                conditions.are_met_by_json(&json).unwrap(),
                expected,
                "as JSON: {label}"
            );
        };
        check(Filter::all(), true);
        check(Filter::field("status", "processing"), true);
        check(Filter::field("status", "pending"), false);
        check(
            Filter::field("status", "processing").and("attempt", 3),
            false,
        );
        check(
            Filter::all().and_any_of("status", ["pending", "processing"]),
            true,
        );
        check(Filter::all().and_any_of("status", [""; 0]), false);
        check(Filter::field("attempt", 2.0), true);
        check(Filter::field("ratio", 2), true);
        check(Filter::field("large", 9_007_199_254_740_993_i64), true);
        check(Filter::field("large", 9_007_199_254_740_992.0), false);
        check(Filter::field("attempt", "2"), false);
        check(Filter::field("stage", None::<u8>), true);
        check(Filter::field("missing", None::<u8>), true);
        check(Filter::field("missing", false), false);
        check(Filter::field("tags", "b"), true);
        check(Filter::field("tags", "c"), false);
    }

    #[test]
    fn what_engines_do_not_share_is_refused() {
        assert!(matches!(
            Filter::field("tags", ["a"]).checked(),
            Err(DocumentError::Condition { .. })
        ));
        assert!(matches!(
            Filter::field("a.b", 1).checked(),
            Err(DocumentError::Name { .. })
        ));
        assert!(matches!(
            Changes::set("$inc", 1).checked(),
            Err(DocumentError::Name { .. })
        ));
        assert!(matches!(
            Changes::remove("_id").checked(),
            Err(DocumentError::Name { .. })
        ));
    }

    #[test]
    fn changes_set_and_remove_fields() {
        let mut document = json!({ "status": "processing", "stage": "analysis", "n": 1 });
        let changes = Changes::set("status", "completed")
            .and_set("answer", json!({ "text": "…" }))
            .and_remove("stage");
        changes
            .checked()
            .unwrap()
            .apply_to(document.as_object_mut().unwrap());
        assert_eq!(
            document,
            json!({ "status": "completed", "n": 1, "answer": { "text": "…" } })
        );
    }
}
