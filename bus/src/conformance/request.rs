//! Request and reply.

use std::time::Duration;

use futures_util::future::join_all;

use super::{
    Harness, Place,
    place::{next, text},
};
use crate::{
    Delivery, Message, QueueName, RequestError, Requester, Routed, Subscription, headers::name,
};

const TIMEOUT: Duration = Duration::from_secs(5);

/// A request is answered by whoever is bound to its key.
pub async fn a_request_is_answered<H: Harness>(place: Place<H>) {
    let mut agent = place.subscribe(place.work("agent", &["agent.ask"])).await;
    let requester = Requester::new(place.bus());
    let request = Message::event(place.key("agent.ask"), "ping").transient();
    let (reply, ()) = futures_util::join!(requester.request(request, TIMEOUT), async {
        let request = next(&mut agent).await;
        answer(&place, &request, reply_to(&request, "pong")).await;
        request.ack().expect("what is held can be settled");
    });
    assert_eq!(&*reply.expect("there is a reply").body, b"pong");
}

/// A request that nobody answers in time fails with how long was waited.
pub async fn a_request_times_out<H: Harness>(place: Place<H>) {
    let _agent = place.subscribe(place.work("agent", &["agent.ask"])).await;
    let requester = Requester::new(place.bus());
    let request = Message::event(place.key("agent.ask"), "ping").transient();
    let wait = Duration::from_millis(700);
    let failed = requester.request(request, wait).await;
    let Err(RequestError::Timeout { waited, .. }) = failed else {
        panic!("it should time out, not {failed:?}");
    };
    assert_eq!(waited, wait);
}

/// A request that no queue takes does not wait for its timeout.
pub async fn an_unroutable_request_fails_at_once<H: Harness>(place: Place<H>) {
    let requester = Requester::new(place.bus());
    let request = Message::event(place.key("agent.ask"), "ping").transient();
    let failed = requester.request(request, TIMEOUT).await;
    assert!(
        matches!(failed, Err(RequestError::Unroutable { .. })),
        "{failed:?}"
    );
}

/// A reply that says what failed is an error for the requester, with all that it says.
pub async fn an_error_reply_is_an_error<H: Harness>(place: Place<H>) {
    let mut agent = place.subscribe(place.work("agent", &["agent.ask"])).await;
    let requester = Requester::new(place.bus());
    let request = Message::event(place.key("agent.ask"), "ping").transient();
    let (failed, ()) = futures_util::join!(requester.request(request, TIMEOUT), async {
        let request = next(&mut agent).await;
        let mut reply = reply_to(&request, "");
        reply.headers.set(name::ERROR_TYPE, "no_data");
        reply.headers.set(name::ERROR_MESSAGE, "no such day");
        reply.headers.set(name::FAILED_AGENT, "agent");
        answer(&place, &request, reply).await;
        request.ack().expect("what is held can be settled");
    });
    let Err(RequestError::Failed {
        agent,
        error_type,
        message,
        ..
    }) = failed
    else {
        panic!("it should fail, not {failed:?}");
    };
    assert_eq!(
        (&*agent, &*error_type, &*message),
        ("agent", "no_data", "no such day")
    );
}

/// A reply to a requester that gave up is dropped, and the next request gets its own.
pub async fn a_late_reply_is_dropped<H: Harness>(place: Place<H>) {
    let mut agent = place.subscribe(place.work("agent", &["agent.ask"])).await;
    let requester = Requester::new(place.bus());
    let ask = |body: &'static str| Message::event(place.key("agent.ask"), body).transient();
    let failed = requester
        .request(ask("first"), Duration::from_millis(500))
        .await;
    assert!(
        matches!(failed, Err(RequestError::Timeout { .. })),
        "{failed:?}"
    );
    let late = next(&mut agent).await;
    answer(&place, &late, reply_to(&late, "late")).await;
    late.ack().expect("what is held can be settled");
    let (reply, ()) = futures_util::join!(requester.request(ask("second"), TIMEOUT), async {
        let request = next(&mut agent).await;
        answer(&place, &request, reply_to(&request, "in time")).await;
        request.ack().expect("what is held can be settled");
    });
    assert_eq!(&*reply.expect("there is a reply").body, b"in time");
}

/// Requests that wait at the same time each get the reply to what they asked.
pub async fn parallel_requests_get_their_own_replies<H: Harness>(place: Place<H>) {
    const REQUESTS: usize = 20;
    let mut agent = place.subscribe(place.work("agent", &["agent.ask"])).await;
    let requester = Requester::new(place.bus());
    let ask = (0..REQUESTS).map(|number| {
        let request = Message::event(place.key("agent.ask"), number.to_string()).transient();
        requester.request(request, TIMEOUT)
    });
    let (replies, ()) = futures_util::join!(
        join_all(ask),
        answer_backwards(&place, &mut agent, REQUESTS)
    );
    for (number, reply) in replies.into_iter().enumerate() {
        let reply = reply.expect("there is a reply");
        assert_eq!(&*reply.body, format!("to {number}").as_bytes());
    }
}

async fn answer_backwards<H: Harness>(place: &Place<H>, agent: &mut Subscription, count: usize) {
    let mut requests = Vec::new();
    for _ in 0..count {
        requests.push(next(agent).await);
    }
    while let Some(request) = requests.pop() {
        let body = format!("to {}", text(&request));
        answer(place, &request, reply_to(&request, &body)).await;
        request.ack().expect("what is held can be settled");
    }
}

fn reply_to(request: &Delivery, body: &str) -> Message {
    let properties = &request.message().properties;
    let address = properties.reply_to.clone().expect("a request has one");
    let queue = QueueName::new(address).expect("it is a queue's name");
    let mut reply = Message::to_queue(&queue, body.to_owned()).transient();
    reply.properties.correlation_id = properties.correlation_id.clone();
    reply
}

async fn answer<H: Harness>(place: &Place<H>, request: &Delivery, reply: Message) {
    let routed = place.publish(reply).await;
    assert_eq!(routed, Routed::ToQueue, "the reply to {request:?}");
}
