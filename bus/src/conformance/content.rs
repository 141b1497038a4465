//! What a message carries arrives as it was sent.

use bytes::Bytes;

use super::{
    Harness, Place,
    place::{next, next_text},
};
use crate::{
    FieldValue, Headers, Message, Properties, PublishError, Routed, message::DeliveryMode,
};

/// Empty and binary bodies, NUL and invalid UTF-8 included.
pub async fn bodies_arrive_as_they_are<H: Harness>(place: Place<H>) {
    let mut queue = place.subscribe(place.work("queue", &["tick"])).await;
    let bodies = [
        Bytes::new(),
        Bytes::from_static(b"\0"),
        Bytes::from_static(&[0xff, 0xfe, 0x00, 0x80, 0xc3, 0x28]),
        Bytes::from_iter(0..=u8::MAX),
    ];
    for body in bodies {
        place.event("tick", body.clone()).await;
        let delivery = next(&mut queue).await;
        assert_eq!(delivery.message().body, body);
        delivery.ack().expect("what is held can be settled");
    }
}

/// 8 MiB, also across a restart.
pub async fn eight_mebibytes_arrive<H: Harness>(mut place: Place<H>) {
    let body =
        Bytes::from_iter((0..8_u32 << 20).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8));
    drop(place.subscribe(place.work("queue", &["tick"])).await);
    place.event("tick", body.clone()).await;
    place.event("tick", "small").await;
    place.restart().await;
    let mut queue = place.subscribe(place.work("queue", &["tick"])).await;
    let delivery = next(&mut queue).await;
    assert!(delivery.message().body == body, "the body differs");
    delivery.ack().expect("what is held can be settled");
    assert_eq!(next_text(&mut queue).await, "small");
}

/// A body over the limit is refused with both sizes, and what follows is not disturbed.
pub async fn a_body_too_large_is_refused<H: Harness>(place: Place<H>) {
    let mut queue = place.subscribe(place.work("queue", &["tick"])).await;
    let limit = H::FEATURES.max_body_bytes;
    let large = Message::event(place.key("tick"), vec![0; limit + 1]);
    let refused = place.bus().publish(large).await;
    let Err(PublishError::TooLarge {
        size, limit: said, ..
    }) = refused
    else {
        panic!("it should be refused, not {refused:?}");
    };
    assert_eq!((size, said), (limit + 1, limit));
    place.event("tick", "next").await;
    assert_eq!(next_text(&mut queue).await, "next");
}

/// Every type that AMQP has for a header, nested ones and text that is not UTF-8 included.
pub async fn every_header_type_arrives<H: Harness>(mut place: Place<H>) {
    drop(place.subscribe(place.work("queue", &["tick"])).await);
    let mut message = Message::event(place.key("tick"), "1");
    // A table in a table: AMQP gives its entries no order, and clients may sort them by name.
    let mut inner: Vec<(String, FieldValue)> = every_type().collect();
    inner.sort_by(|(one, _), (other, _)| one.cmp(other));
    let inner = Headers::from_iter(inner);
    message.headers = every_type().collect();
    message
        .headers
        .set("table", FieldValue::Table(inner.clone()));
    message.headers.set(
        "array",
        FieldValue::Array(vec![
            FieldValue::Table(inner),
            FieldValue::Array(vec![FieldValue::Void, FieldValue::I64(-1)]),
            "text".into(),
        ]),
    );
    let sent = message.headers.clone();
    assert_eq!(place.publish(message).await, Routed::ToQueue);
    place.restart().await;
    let mut queue = place.subscribe(place.work("queue", &["tick"])).await;
    let delivery = next(&mut queue).await;
    let arrived = &delivery.message().headers;
    for (name, value) in sent.iter() {
        assert_eq!(arrived.get(name), Some(value), "{name}");
    }
}

/// All properties.
pub async fn properties_arrive<H: Harness>(place: Place<H>) {
    let mut queue = place.subscribe(place.work("queue", &["tick"])).await;
    let mut message = Message::event(place.key("tick"), "1");
    message.properties = Properties {
        message_id: Some("id".to_owned()),
        correlation_id: Some("conversation".to_owned()),
        reply_to: Some("somewhere".to_owned()),
        app_id: Some("suite".to_owned()),
        timestamp: Some(1_553_731_200),
        message_type: Some("tick.v1".to_owned()),
        content_type: Some("application/json".to_owned()),
        delivery_mode: DeliveryMode::Transient,
        priority: 3,
    };
    let sent = message.properties.clone();
    assert_eq!(place.publish(message).await, Routed::ToQueue);
    let delivery = next(&mut queue).await;
    assert_eq!(delivery.message().properties, sent);
    assert_eq!(delivery.message().routing_key, place.key("tick"));
}

/// A message of a foreign sender, without properties and headers.
pub async fn a_foreign_message_arrives<H: Harness>(place: Place<H>) {
    let mut queue = place.subscribe(place.work("queue", &["tick"])).await;
    let mut message = Message::event(place.key("tick"), &b"not json"[..]);
    message.properties = Properties::default();
    assert_eq!(place.publish(message.clone()).await, Routed::ToQueue);
    let delivery = next(&mut queue).await;
    assert_eq!(delivery.message().properties, Properties::default());
    assert_eq!(&*delivery.message().body, b"not json");
    delivery.reject().expect("what is held can be settled");
    let dead = super::dead_letters::next_dead(&place, "queue").await;
    assert_eq!(&*dead.message().body, b"not json");
}

fn every_type() -> impl Iterator<Item = (String, FieldValue)> {
    [
        ("bool", FieldValue::Bool(true)),
        ("i8", FieldValue::I8(i8::MIN)),
        ("u8", FieldValue::U8(u8::MAX)),
        ("i16", FieldValue::I16(i16::MIN)),
        ("u16", FieldValue::U16(u16::MAX)),
        ("i32", FieldValue::I32(i32::MIN)),
        ("u32", FieldValue::U32(u32::MAX)),
        ("i64", FieldValue::I64(i64::MIN)),
        ("f32", FieldValue::F32(0.5)),
        ("f64", FieldValue::F64(-1.0e300)),
        (
            "decimal",
            FieldValue::Decimal {
                scale: 2,
                value: 314,
            },
        ),
        ("long string", "grün".into()),
        ("not utf-8", FieldValue::LongString(vec![0xff, 0x00, 0xfe])),
        ("empty", "".into()),
        ("bytes", FieldValue::Bytes(vec![0, 1, 255])),
        ("timestamp", FieldValue::Timestamp(1_553_731_200)),
        ("void", FieldValue::Void),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into_iter()
}
