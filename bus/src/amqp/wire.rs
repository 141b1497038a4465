//! Messages as RabbitMQ has them, both ways.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use lapin::{
    BasicProperties,
    types::{AMQPValue, DecimalValue, FieldArray, FieldTable, ShortString},
};

use super::{dead_letter, error::BrokerError};
use crate::{
    DeliveryMode, Exchange, FieldValue, Headers, Message, Properties, RoutingKey, headers::name,
};

/// Counts deliveries that were given back, on quorum queues.
const DELIVERY_COUNT: &str = "x-delivery-count";

/// Bytes that properties and headers may take. They have to fit one frame, which cannot be split.
const MAX_HEADER_BYTES: usize = 60 << 10;

/// A property that is a text: what errors call it, its value, and where AMQP has it.
type Text<'a> = (
    &'static str,
    Option<&'a str>,
    fn(BasicProperties, ShortString) -> BasicProperties,
);

/// The properties of `message`, which it is published with. `expires` is how long its queue keeps it.
pub(super) fn properties(
    message: &Message,
    reply_to: Option<&str>,
    expires: Option<Duration>,
) -> Result<BasicProperties, BrokerError> {
    let given = &message.properties;
    let expires = expires.map(|expires| expires.as_millis().to_string());
    let mut properties = BasicProperties::default()
        .with_headers(headers(&message.headers)?)
        .with_delivery_mode(match given.delivery_mode {
            DeliveryMode::Transient => 1,
            DeliveryMode::Persistent => 2,
        });
    for (what, value, with) in texts(given, reply_to, expires.as_deref()) {
        if let Some(value) = value {
            properties = with(properties, short(what, value)?);
        }
    }
    if let Some(timestamp) = given.timestamp {
        properties = properties.with_timestamp(timestamp);
    }
    if given.priority != 0 {
        properties = properties.with_priority(given.priority);
    }
    Ok(properties)
}

fn texts<'a>(
    given: &'a Properties,
    reply_to: Option<&'a str>,
    expires: Option<&'a str>,
) -> [Text<'a>; 7] {
    use BasicProperties as P;
    // Each by its name, so that a new one is not forgotten here.
    let Properties {
        message_id,
        correlation_id,
        reply_to: own_reply_to,
        app_id,
        message_type,
        content_type,
        timestamp: _,
        delivery_mode: _,
        priority: _,
    } = given;
    let reply_to = reply_to.or(own_reply_to.as_deref());
    let correlation_id = correlation_id.as_deref();
    [
        ("message id", message_id.as_deref(), P::with_message_id),
        ("correlation id", correlation_id, P::with_correlation_id),
        ("reply_to", reply_to, P::with_reply_to),
        ("app id", app_id.as_deref(), P::with_app_id),
        ("type", message_type.as_deref(), P::with_type),
        (
            "content type",
            content_type.as_deref(),
            P::with_content_type,
        ),
        ("expiration", expires, P::with_expiration),
    ]
}

/// A message as it was delivered, and how often it was, this time included.
pub(super) fn message(delivery: lapin::message::Delivery) -> (Message, u32) {
    let lapin::message::Delivery {
        exchange,
        routing_key,
        redelivered,
        properties,
        data,
        ..
    } = delivery;
    let mut headers = Headers::new();
    let mut deliveries = 1 + u32::from(redelivered);
    let mut deaths = None;
    for (name, value) in properties.headers().iter().flat_map(FieldTable::inner) {
        match name.as_str() {
            DELIVERY_COUNT => {
                let returned = from_value(value).as_u64().unwrap_or(0);
                deliveries = u32::try_from(returned)
                    .unwrap_or(u32::MAX)
                    .saturating_add(1);
            }
            "x-death" => deaths = Some(value),
            name if is_bookkeeping(name) => {}
            name => headers.append(name, from_value(value)),
        }
    }
    if let Some(deaths) = deaths {
        dead_letter::explain(&mut headers, &from_value(deaths));
    }
    let message = Message {
        exchange: Exchange::from_wire(exchange.as_str()),
        routing_key: RoutingKey::from_wire(routing_key.as_str()),
        properties: read_properties(&properties),
        headers,
        body: Bytes::from(data),
        delay: None,
    };
    (message, deliveries)
}

fn read_properties(properties: &BasicProperties) -> Properties {
    let text = |value: &Option<ShortString>| value.as_ref().map(ToString::to_string);
    Properties {
        message_id: text(properties.message_id()),
        correlation_id: text(properties.correlation_id()),
        reply_to: text(properties.reply_to()),
        app_id: text(properties.app_id()),
        timestamp: *properties.timestamp(),
        message_type: text(properties.kind()),
        content_type: text(properties.content_type()),
        delivery_mode: match properties.delivery_mode() {
            Some(1) => DeliveryMode::Transient,
            // A foreign sender's default is not worth a promise less.
            _ => DeliveryMode::Persistent,
        },
        priority: properties.priority().unwrap_or(0),
    }
}

/// What the broker notes on a message for itself. It is of no use to others, and harmful when it is sent again: before
/// RabbitMQ 4.0.1 a message with an old `x-death` could be taken for one that goes in circles, and be dropped.
fn is_bookkeeping(name: &str) -> bool {
    ["x-death", "x-first-death-", "x-last-death-"]
        .iter()
        .any(|start| name.starts_with(start))
        || matches!(
            name,
            DELIVERY_COUNT | "x-acquired-count" | "x-opt-delivery-count"
        )
}

fn headers(headers: &Headers) -> Result<FieldTable, BrokerError> {
    let mut table = FieldTable::default();
    let mut bytes = 0;
    for (name, value) in headers.iter().filter(|(name, _)| !is_bookkeeping(name)) {
        bytes += name.len() + 16 + value.approximate_bytes();
        table.insert(short("the name of a header", name)?, to_value(value)?);
    }
    if bytes > MAX_HEADER_BYTES {
        return Err(BrokerError::TooLong {
            what: "the header table".to_owned(),
            length: bytes,
            limit: MAX_HEADER_BYTES,
        });
    }
    Ok(table)
}

pub(super) fn short(what: &str, text: &str) -> Result<ShortString, BrokerError> {
    ShortString::try_new(text).map_err(|_| BrokerError::TooLong {
        what: what.to_owned(),
        length: text.len(),
        limit: 255,
    })
}

fn to_value(value: &FieldValue) -> Result<AMQPValue, BrokerError> {
    Ok(match value {
        FieldValue::Bool(value) => AMQPValue::Boolean(*value),
        FieldValue::I8(value) => AMQPValue::ShortShortInt(*value),
        FieldValue::U8(value) => AMQPValue::ShortShortUInt(*value),
        FieldValue::I16(value) => AMQPValue::ShortInt(*value),
        FieldValue::U16(value) => AMQPValue::ShortUInt(*value),
        FieldValue::I32(value) => AMQPValue::LongInt(*value),
        FieldValue::U32(value) => AMQPValue::LongUInt(*value),
        FieldValue::I64(value) => AMQPValue::LongLongInt(*value),
        FieldValue::F32(value) => AMQPValue::Float(*value),
        FieldValue::F64(value) => AMQPValue::Double(*value),
        FieldValue::Decimal { scale, value } => AMQPValue::DecimalValue(DecimalValue {
            scale: *scale,
            value: *value,
        }),
        // RabbitMQ has no short strings in tables.
        FieldValue::ShortString(text) => AMQPValue::LongString(text.as_str().into()),
        FieldValue::LongString(bytes) => AMQPValue::LongString(bytes.as_slice().into()),
        FieldValue::Bytes(bytes) => AMQPValue::ByteArray(bytes.as_slice().into()),
        FieldValue::Array(values) => {
            let values: Result<Vec<AMQPValue>, _> = values.iter().map(to_value).collect();
            AMQPValue::FieldArray(FieldArray::from(values?))
        }
        FieldValue::Timestamp(seconds) => AMQPValue::Timestamp(*seconds),
        FieldValue::Table(table) => {
            let mut inner = FieldTable::default();
            for (name, value) in table.iter() {
                inner.insert(short("the name of a header", name)?, to_value(value)?);
            }
            AMQPValue::FieldTable(inner)
        }
        FieldValue::Void => AMQPValue::Void,
    })
}

fn from_value(value: &AMQPValue) -> FieldValue {
    match value {
        AMQPValue::Boolean(value) => FieldValue::Bool(*value),
        AMQPValue::ShortShortInt(value) => FieldValue::I8(*value),
        AMQPValue::ShortShortUInt(value) => FieldValue::U8(*value),
        AMQPValue::ShortInt(value) => FieldValue::I16(*value),
        AMQPValue::ShortUInt(value) => FieldValue::U16(*value),
        AMQPValue::LongInt(value) => FieldValue::I32(*value),
        AMQPValue::LongUInt(value) => FieldValue::U32(*value),
        AMQPValue::LongLongInt(value) => FieldValue::I64(*value),
        AMQPValue::Float(value) => FieldValue::F32(*value),
        AMQPValue::Double(value) => FieldValue::F64(*value),
        AMQPValue::DecimalValue(DecimalValue { scale, value }) => FieldValue::Decimal {
            scale: *scale,
            value: *value,
        },
        AMQPValue::ShortString(text) => FieldValue::ShortString(text.to_string()),
        AMQPValue::LongString(bytes) => FieldValue::LongString(bytes.as_bytes().to_vec()),
        AMQPValue::FieldArray(values) => {
            FieldValue::Array(values.as_slice().iter().map(from_value).collect())
        }
        AMQPValue::Timestamp(seconds) => FieldValue::Timestamp(*seconds),
        AMQPValue::FieldTable(table) => FieldValue::Table(
            table
                .inner()
                .iter()
                .map(|(name, value)| (name.to_string(), from_value(value)))
                .collect(),
        ),
        AMQPValue::ByteArray(bytes) => FieldValue::Bytes(bytes.as_slice().to_vec()),
        AMQPValue::Void => FieldValue::Void,
    }
}

/// Notes on `message` when it becomes ready, which is after `delay`.
pub(super) fn stamp(message: &mut Message, delay: Duration) {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let ready_us = u64::try_from((now + delay).as_micros()).unwrap_or(u64::MAX);
    message.headers.set(name::READY_AT, ready_us);
}

#[cfg(test)]
mod tests;
