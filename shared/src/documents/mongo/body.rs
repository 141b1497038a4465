//! Documents as JSON and as BSON.
//!
//! A field is the same field there, so that other programs read and query what is stored. What BSON, or a server that
//! speaks MongoDB's protocol, would not give back exactly as it was is kept as its JSON text, in a binary value of a
//! subtype of our own: numbers above 2^63-1, minus zero, lists directly in lists, fields below the top level that have
//! dots or begin with `$`, and what is nested too deep.

use mongodb::bson::{
    Binary, DateTime, RawArray, RawBson, RawBsonRef, RawDocument,
    raw::{CStr, RawArrayBuf, RawDocumentBuf},
    spec::BinarySubtype,
};
use serde::{de::DeserializeOwned, de::Error as _};
use serde_json::{Map, Number, Value};

use super::super::names::EXPIRES_AT;

/// The id.
pub(super) const ID: &str = "_id";

/// The first of the subtypes that the BSON specification leaves to users: JSON text.
/// Source: <https://bsonspec.org/spec.html>.
const JSON_TEXT: BinarySubtype = BinarySubtype::UserDefined(0x80);

/// MongoDB nests a hundred levels.
/// Source: <https://www.mongodb.com/docs/manual/reference/limits/>, "Nested Depth for BSON Documents".
const MAX_DEPTH: usize = 80;

/// The document with this id, as it is stored.
pub(super) fn document(
    id: &str,
    fields: &Map<String, Value>,
    expires_at: Option<DateTime>,
) -> Result<RawDocumentBuf, serde_json::Error> {
    let mut document = RawDocumentBuf::new();
    append(&mut document, ID, id)?;
    for (name, value) in fields {
        append(&mut document, name, self::value(value)?)?;
    }
    if let Some(moment) = expires_at {
        append(&mut document, EXPIRES_AT, moment)?;
    }
    Ok(document)
}

/// A value, exactly.
pub(super) fn value(value: &Value) -> Result<RawBson, serde_json::Error> {
    at_depth(value, 1)
}

fn at_depth(value: &Value, depth: usize) -> Result<RawBson, serde_json::Error> {
    Ok(match value {
        Value::Null => RawBson::Null,
        Value::Bool(value) => RawBson::Boolean(*value),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => RawBson::Int64(whole),
            (None, Some(float)) if number.is_f64() && !is_minus_zero(float) => {
                RawBson::Double(float)
            }
            _ => as_text(value)?,
        },
        Value::String(text) => RawBson::String(text.clone()),
        Value::Array(_) | Value::Object(_) if depth > MAX_DEPTH => as_text(value)?,
        Value::Array(elements) => {
            let mut list = RawArrayBuf::new();
            for element in elements {
                list.push(match element {
                    Value::Array(_) => as_text(element)?,
                    element => at_depth(element, depth + 1)?,
                });
            }
            RawBson::Array(list)
        }
        Value::Object(fields) if !fields.keys().all(|name| is_plain(name)) => as_text(value)?,
        Value::Object(fields) => {
            let mut document = RawDocumentBuf::new();
            for (name, value) in fields {
                append(&mut document, name, at_depth(value, depth + 1)?)?;
            }
            RawBson::Document(document)
        }
    })
}

/// Every form in which a number that equals `number` may be stored, and `number` itself among them.
///
/// Servers compare stored numbers with each other, but not with what is kept as text.
pub(super) fn equals(number: &Number) -> Result<Vec<RawBson>, serde_json::Error> {
    let mut forms = vec![value(&Value::Number(number.clone()))?];
    if number.as_f64() == Some(0.0) {
        forms = vec![RawBson::Int64(0), as_text(&Value::from(-0.0))?];
    } else if let Some(whole) = number.as_u64().filter(|_| number.as_i64().is_none()) {
        forms.extend(exact_float(whole).map(RawBson::Double));
    } else if let Some(whole) = number
        .as_f64()
        .filter(|_| number.is_f64())
        .and_then(exact_whole)
    {
        forms.push(as_text(&Value::from(whole))?);
    }
    Ok(forms)
}

/// `whole` as a float, when that is the same number.
fn exact_float(whole: u64) -> Option<f64> {
    // A loss is found by the way back.
    let float = whole as f64;
    (exact_whole(float) == Some(whole)).then_some(float)
}

/// `float` as a number from 2^63 to below 2^64, when it is one.
fn exact_whole(float: f64) -> Option<u64> {
    const LEAST: f64 = 9_223_372_036_854_775_808.0;
    // Floats of this size are whole.
    (LEAST..2.0 * LEAST)
        .contains(&float)
        .then_some(float as u64)
}

/// Reads a document as it is stored.
pub(super) fn decode<T: DeserializeOwned>(stored: &RawDocument) -> Result<T, serde_json::Error> {
    let mut fields = Map::new();
    for element in stored {
        let (name, value) = element.map_err(serde_json::Error::custom)?;
        if !matches!(name.as_str(), ID | EXPIRES_AT) {
            fields.insert(name.as_str().to_owned(), json(value)?);
        }
    }
    T::deserialize(Value::Object(fields))
}

/// The value as JSON; of what others wrote, moments and object ids become texts.
fn json(value: RawBsonRef<'_>) -> Result<Value, serde_json::Error> {
    Ok(match value {
        RawBsonRef::Null | RawBsonRef::Undefined => Value::Null,
        RawBsonRef::Boolean(value) => Value::Bool(value),
        RawBsonRef::Int32(whole) => Value::from(whole),
        RawBsonRef::Int64(whole) => Value::from(whole),
        RawBsonRef::Double(float) => Number::from_f64(float)
            .map(Value::Number)
            .ok_or_else(|| serde_json::Error::custom("a number that JSON does not have"))?,
        RawBsonRef::String(text) | RawBsonRef::Symbol(text) => Value::String(text.to_owned()),
        RawBsonRef::Array(elements) => list(elements)?,
        RawBsonRef::Document(document) => object(document)?,
        RawBsonRef::Binary(binary) if binary.subtype == JSON_TEXT => {
            serde_json::from_slice(binary.bytes)?
        }
        RawBsonRef::DateTime(moment) => Value::String(
            moment
                .try_to_rfc3339_string()
                .map_err(serde_json::Error::custom)?,
        ),
        RawBsonRef::ObjectId(id) => Value::String(id.to_hex()),
        other => {
            let kind = other.element_type();
            return Err(serde_json::Error::custom(format!(
                "a value of the kind {kind:?}, which JSON does not have"
            )));
        }
    })
}

fn list(elements: &RawArray) -> Result<Value, serde_json::Error> {
    let elements = elements
        .into_iter()
        .map(|element| json(element.map_err(serde_json::Error::custom)?));
    elements.collect::<Result<_, _>>().map(Value::Array)
}

fn object(document: &RawDocument) -> Result<Value, serde_json::Error> {
    let fields = document.into_iter().map(|element| {
        let (name, value) = element.map_err(serde_json::Error::custom)?;
        Ok((name.as_str().to_owned(), json(value)?))
    });
    fields.collect::<Result<_, _>>().map(Value::Object)
}

fn as_text(value: &Value) -> Result<RawBson, serde_json::Error> {
    Ok(RawBson::Binary(Binary {
        subtype: JSON_TEXT,
        bytes: serde_json::to_vec(value)?,
    }))
}

fn append(
    document: &mut RawDocumentBuf,
    name: &str,
    value: impl Into<RawBson>,
) -> Result<(), serde_json::Error> {
    let name: &CStr = name.try_into().map_err(serde_json::Error::custom)?;
    document.append(name, value.into());
    Ok(())
}

fn is_plain(name: &str) -> bool {
    !name.starts_with('$') && !name.contains(['.', '\0'])
}

fn is_minus_zero(float: f64) -> bool {
    float == 0.0 && float.is_sign_negative()
}
