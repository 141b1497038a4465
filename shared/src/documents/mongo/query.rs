//! Conditions and changes as MongoDB's operators.

use mongodb::bson::{Array, Bson, DateTime, Document, doc, error::Error as BsonError};
use serde_json::Value;

use super::{
    super::{
        DocumentError,
        filter::{Assignments, Conditions},
        names::EXPIRES_AT,
    },
    body::{self, ID},
};

/// Documents that meet `conditions` and whose time is not up.
pub(super) fn live(conditions: &Conditions, now: DateTime) -> Result<Document, DocumentError> {
    let mut filter = doc! { EXPIRES_AT: { "$not": { "$lte": now } } };
    let mut all = Array::new();
    for (field, any_of) in conditions.iter() {
        let mut forms = Array::new();
        for value in any_of {
            forms.extend(equals(field, value)?);
        }
        all.push(Bson::Document(doc! { field: { "$in": forms } }));
    }
    // A list of its own, because there may be two conditions on one field.
    if !all.is_empty() {
        filter.insert("$and", all);
    }
    Ok(filter)
}

/// The document with this id, if it meets `conditions` and its time is not up.
pub(super) fn live_one(
    id: &str,
    conditions: &Conditions,
    now: DateTime,
) -> Result<Document, DocumentError> {
    let mut filter = doc! { ID: id };
    filter.extend(live(conditions, now)?);
    Ok(filter)
}

/// The document with this id, if its time is up.
pub(super) fn expired_one(id: &str, now: DateTime) -> Document {
    doc! { ID: id, EXPIRES_AT: { "$lte": now } }
}

/// Documents whose time is up.
pub(super) fn expired(now: DateTime) -> Document {
    doc! { EXPIRES_AT: { "$lte": now } }
}

/// What makes the changes.
pub(super) fn update(changes: &Assignments) -> Result<Document, DocumentError> {
    let (mut set, mut unset) = (Document::new(), Document::new());
    for (field, value) in changes.iter() {
        match value {
            Some(value) => set.insert(field, stored(field, value)?),
            None => unset.insert(field, ""),
        };
    }
    // A server refuses an operator without fields.
    let operators = [("$set", set), ("$unset", unset)];
    let used = operators
        .into_iter()
        .filter(|(_, fields)| !fields.is_empty());
    Ok(used
        .map(|(operator, fields)| (operator.to_owned(), Bson::Document(fields)))
        .collect())
}

/// Every form in which what equals `value` may be stored.
fn equals(field: &str, value: &Value) -> Result<Vec<Bson>, DocumentError> {
    let Value::Number(number) = value else {
        return Ok(vec![stored(field, value)?]);
    };
    let forms = body::equals(number).map_err(|source| unwritable(field, source))?;
    let plain = forms.into_iter().map(Bson::try_from);
    plain
        .collect::<Result<_, _>>()
        .map_err(|source| unconvertible(field, source))
}

fn stored(field: &str, value: &Value) -> Result<Bson, DocumentError> {
    let raw = body::value(value).map_err(|source| unwritable(field, source))?;
    Bson::try_from(raw).map_err(|source| unconvertible(field, source))
}

fn unconvertible(field: &str, source: BsonError) -> DocumentError {
    unwritable(field, serde::de::Error::custom(source))
}

fn unwritable(field: &str, source: serde_json::Error) -> DocumentError {
    DocumentError::Encode {
        what: format!("the value of field `{field}`"),
        source,
    }
}
