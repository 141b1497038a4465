//! In which order, to whom, and how many at a time.

use std::{collections::BTreeSet, num::NonZeroU16};

use futures_util::future::join_all;

use super::{
    Harness, Place,
    place::{assert_quiet, next, next_text, text},
};

/// One consumer gets the messages of one publisher in the order they were published in.
pub async fn one_consumer_gets_the_order_of_publishing<H: Harness>(place: Place<H>) {
    let mut queue = place.subscribe(place.work("queue", &["tick"])).await;
    for number in 0..200 {
        place.event("tick", number.to_string()).await;
    }
    for number in 0..200 {
        assert_eq!(next_text(&mut queue).await, number.to_string());
    }
}

/// Several subscriptions to one queue get each message once, and each of them gets some.
pub async fn competing_consumers_share_the_work<H: Harness>(place: Place<H>) {
    const MESSAGES: usize = 300;
    let four = NonZeroU16::new(4).expect("4 is not 0");
    let queue = || place.work("queue", &["tick"]).prefetch(four);
    let subscriptions = [
        place.subscribe(queue()).await,
        place.subscribe(queue()).await,
        place.subscribe(queue()).await,
    ];
    let publish = async {
        join_all((0..MESSAGES).map(|number| place.event("tick", number.to_string()))).await;
        // The end of the work, one for each: who has it holds it, so that the others get theirs.
        for _ in 0..3 * four.get() {
            place.event("tick", "end").await;
        }
    };
    let consume = subscriptions.map(|mut subscription| async move {
        let (mut seen, mut ends) = (Vec::new(), Vec::new());
        while ends.len() < usize::from(four.get()) {
            let delivery = next(&mut subscription).await;
            match text(&delivery).parse::<usize>() {
                Ok(number) => {
                    seen.push(number);
                    delivery.ack().expect("what is held can be settled");
                }
                Err(_) => ends.push(delivery),
            }
        }
        seen
    });
    // Consumers first, so that they are there when the messages come.
    let (seen, ()) = futures_util::join!(join_all(consume), publish);
    assert!(seen.iter().all(|seen| !seen.is_empty()), "{seen:?}");
    let total: usize = seen.iter().map(Vec::len).sum();
    let distinct: BTreeSet<usize> = seen.into_iter().flatten().collect();
    assert_eq!((total, distinct.len()), (MESSAGES, MESSAGES));
}

/// No more deliveries are unsettled than the prefetch says, and settling one brings the next.
pub async fn the_prefetch_bounds_what_is_unsettled<H: Harness>(place: Place<H>) {
    let two = NonZeroU16::new(2).expect("2 is not 0");
    let mut queue = place
        .subscribe(place.work("queue", &["tick"]).prefetch(two))
        .await;
    for number in 0..4 {
        place.event("tick", number.to_string()).await;
    }
    let first = next(&mut queue).await;
    let second = next(&mut queue).await;
    assert_quiet(&mut queue).await;
    second.ack().expect("what is held can be settled");
    let third = next(&mut queue).await;
    assert_eq!(text(&third), "2");
    assert_quiet(&mut queue).await;
    drop((first, third));
}
