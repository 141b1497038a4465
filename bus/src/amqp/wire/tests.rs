//! Messages in the form that RabbitMQ has them in, also those that nobody of good will would send.

use lapin::{message::Delivery, types::parsing::parse_field_table};
use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};

use super::*;

fn delivered(table: &[(&str, AMQPValue)], redelivered: bool) -> (Message, u32) {
    let mut headers = FieldTable::default();
    for (name, value) in table {
        headers.insert((*name).into(), value.clone());
    }
    let mut delivery = Delivery::mock(1, "".into(), "".into(), redelivered, b"body".to_vec());
    delivery.properties = BasicProperties::default().with_headers(headers);
    message(delivery)
}

#[test]
fn trace_context_is_read_in_whatever_type_it_comes() {
    for value in [
        AMQPValue::LongString("00-x".into()),
        AMQPValue::ShortString("00-x".into()),
        AMQPValue::ByteArray(b"00-x".as_slice().into()),
    ] {
        let (message, _) = delivered(&[("traceparent", value)], false);
        assert_eq!(message.headers.get_str(name::TRACEPARENT), Some("00-x"));
    }
}

#[test]
fn deliveries_are_counted_where_the_queue_counts() {
    let count = |value| [("x-delivery-count", AMQPValue::LongLongInt(value))];
    assert_eq!(delivered(&[], false).1, 1);
    assert_eq!(delivered(&[], true).1, 2);
    assert_eq!(delivered(&count(0), false).1, 1);
    assert_eq!(delivered(&count(3), true).1, 4);
    assert_eq!(delivered(&count(i64::MAX), true).1, u32::MAX);
    assert_eq!(delivered(&count(-1), true).1, 1);
}

#[test]
fn what_the_broker_notes_for_itself_goes_no_further() {
    let mut message = Message::event(RoutingKey::from_static("a.b"), "1");
    for name in [
        "x-death",
        "x-first-death-reason",
        "x-last-death-queue",
        "x-delivery-count",
    ] {
        message.headers.set(name, "old");
    }
    message.headers.set("x-own", "kept");
    let sent = properties(&message, None, None).unwrap();
    let names: Vec<&str> = sent
        .headers()
        .as_ref()
        .unwrap()
        .inner()
        .keys()
        .map(ShortString::as_str)
        .collect();
    assert_eq!(names, ["x-own"]);
}

#[test]
fn what_amqp_has_no_room_for_is_refused() {
    let mut message = Message::event(RoutingKey::from_static("a.b"), "1");
    message.properties.app_id = Some("x".repeat(256));
    assert!(matches!(
        properties(&message, None, None),
        Err(BrokerError::TooLong { length: 256, .. })
    ));
    message.properties.app_id = None;
    message.headers.set("big", "x".repeat(MAX_HEADER_BYTES));
    assert!(matches!(
        properties(&message, None, None),
        Err(BrokerError::TooLong { .. })
    ));
}

/// A table behind its length, as a frame has it.
fn framed(table: &[u8]) -> Vec<u8> {
    let length = u32::try_from(table.len()).unwrap();
    [&length.to_be_bytes(), table].concat()
}

/// A value with its type, in `depth` arrays or tables at most.
fn write_value(bytes: &mut Vec<u8>, depth: u32, chance: &mut SmallRng) {
    const FIXED: [(u8, usize); 12] = [
        (b't', 1),
        (b'b', 1),
        (b'B', 1),
        (b's', 2),
        (b'u', 2),
        (b'I', 4),
        (b'i', 4),
        (b'l', 8),
        (b'f', 4),
        (b'd', 8),
        (b'D', 5),
        (b'T', 8),
    ];
    let random = |count: usize, chance: &mut SmallRng| -> Vec<u8> {
        (0..count).map(|_| chance.random()).collect()
    };
    match chance.random_range(0..18) {
        at if at < FIXED.len() => {
            let (kind, length) = FIXED[at];
            bytes.push(kind);
            bytes.extend(random(length, chance));
        }
        12 => bytes.push(b'V'),
        13 | 14 => {
            let count = chance.random_range(0..20);
            bytes.push(if chance.random() { b'S' } else { b'x' });
            bytes.extend(framed(&random(count, chance)));
        }
        _ if depth == 0 => bytes.push(b'V'),
        15 => {
            let mut inner = Vec::new();
            for _ in 0..chance.random_range(0..4) {
                write_value(&mut inner, depth - 1, chance);
            }
            bytes.push(b'A');
            bytes.extend(framed(&inner));
        }
        _ => {
            let inner = table_bytes(depth - 1, chance);
            bytes.push(b'F');
            bytes.extend(framed(&inner));
        }
    }
}

fn table_bytes(depth: u32, chance: &mut SmallRng) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..chance.random_range(0..6) {
        let name =
            ["traceparent", "TraceState", "baggage", "x", "é", ""][chance.random_range(0..6)];
        bytes.push(u8::try_from(name.len()).unwrap());
        bytes.extend_from_slice(name.as_bytes());
        write_value(&mut bytes, depth, chance);
    }
    bytes
}

/// What comes in goes out again as it came, but for short strings, which RabbitMQ has none of.
#[test]
fn no_header_table_is_too_strange() {
    let mut chance = SmallRng::seed_from_u64(1);
    let mut read = 0;
    for _ in 0..20_000 {
        let mut bytes = framed(&table_bytes(3, &mut chance));
        if chance.random_ratio(1, 3) {
            let at = chance.random_range(0..bytes.len());
            bytes[at] = chance.random();
        }
        let Ok((_, table)) = parse_field_table(bytes.as_slice()) else {
            continue;
        };
        read += 1;
        let mut delivery = Delivery::mock(1, "".into(), "".into(), false, Vec::new());
        delivery.properties = BasicProperties::default().with_headers(table.clone());
        let (message, _) = message(delivery);
        let sent = headers(&message.headers).unwrap();
        // As text, for a number may be none, which is not even itself.
        let text = |table: &FieldTable| format!("{table:?}").replace("ShortString(", "LongString(");
        assert_eq!(text(&sent), text(&table));
    }
    assert!(read > 10_000, "{read} were tables at all");
}
