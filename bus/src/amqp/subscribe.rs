//! Subscribing: to a queue, or to replies.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use tokio::sync::{mpsc, watch};

use super::{
    Shared,
    consume::{Consuming, Ends, Session},
    error::BrokerError,
    lane::Lane,
    replies::Replies,
};
use crate::{Queue, QueueKind, QueueName, SubscribeError, Subscription, subscription::State};

/// How many replies may wait to be read.
const REPLIES: usize = 4_096;

pub(super) async fn subscribe(
    shared: &Arc<Shared>,
    queue: Queue,
) -> Result<Subscription, SubscribeError> {
    match queue.kind {
        QueueKind::Replies => replies(shared, queue.name),
        QueueKind::Work { .. } | QueueKind::DeadLetters | QueueKind::Instance => {
            consume(shared, queue).await
        }
    }
}

async fn consume(shared: &Arc<Shared>, queue: Queue) -> Result<Subscription, SubscribeError> {
    let name = queue.name.clone();
    let (deliveries, receiver) = mpsc::channel(usize::from(queue.prefetch.get()));
    let (state, state_receiver) = watch::channel(State::FIRST);
    let stopping = Arc::new(AtomicBool::new(false));
    let mut consuming = Consuming {
        link: shared.consume_link.clone(),
        retry: shared.retry,
        tag: shared.next_tag(),
        queue,
        deliveries,
        state,
        stopping: stopping.clone(),
        sessions: 0,
    };
    let session = first_session(shared, &mut consuming).await?;
    if !shared.spawn(consuming.run(session)) {
        return Err(SubscribeError::Closed);
    }
    Ok(Subscription::new(
        name,
        receiver,
        state_receiver,
        Ends(stopping),
    ))
}

/// Waits for the broker where it is away; what it refuses is an error at once.
async fn first_session(
    shared: &Shared,
    consuming: &mut Consuming,
) -> Result<Session, SubscribeError> {
    let name = consuming.queue.name.clone();
    let broker = |error| SubscribeError::Broker {
        queue: name.clone(),
        source: Arc::new(error),
    };
    let began = Instant::now();
    let opening = async {
        let mut failures = 0;
        loop {
            if shared.lock_tasks().is_none() {
                return Err(SubscribeError::Closed);
            }
            let live = consuming.link.up().await.ok_or(SubscribeError::Closed)?;
            match consuming.open(live).await {
                Ok(session) => return Ok(session),
                Err(super::topology::DeclareError::Broker(BrokerError::Lost { .. })) => {
                    failures += 1;
                    tokio::time::sleep(shared.retry.pause(failures)).await;
                }
                Err(error) => return Err(error.into_subscribe(&name)),
            }
        }
    };
    match tokio::time::timeout(shared.patience, opening).await {
        Ok(opened) => opened,
        Err(_) => {
            let waited = began.elapsed();
            Err(broker(match shared.consume_link.why_down() {
                Some(why) => BrokerError::NotConnected { waited, why },
                None => BrokerError::Silent { waited },
            }))
        }
    }
}

/// Nothing is declared for replies, so that nothing is waited for: the requests wait.
fn replies(shared: &Arc<Shared>, name: QueueName) -> Result<Subscription, SubscribeError> {
    let (deliveries, receiver) = mpsc::channel(REPLIES);
    let (state, state_receiver) = watch::channel(State::FIRST);
    let replies = Replies::new(deliveries, state, shared.next_tag());
    let (lane, publishing) = Lane::new(shared.publish_link.clone(), shared.retry, Some(replies));
    if !shared.spawn(publishing.run()) {
        return Err(SubscribeError::Closed);
    }
    shared.publisher.add_reply_lane(name.to_string(), lane);
    let ends = RepliesEnd {
        shared: Arc::downgrade(shared),
        name: name.clone(),
    };
    Ok(Subscription::new(name, receiver, state_receiver, ends))
}

/// Requests for these replies are published like any other message from now on.
struct RepliesEnd {
    shared: Weak<Shared>,
    name: QueueName,
}

impl Drop for RepliesEnd {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.upgrade() {
            shared.publisher.remove_reply_lane(self.name.as_str());
        }
    }
}

impl Shared {
    /// The name of a new consumer: `agent@host:pid#1`.
    fn next_tag(&self) -> String {
        let number = self.consumers.fetch_add(1, Ordering::Relaxed) + 1;
        format!("{}#{number}", self.name)
    }
}
