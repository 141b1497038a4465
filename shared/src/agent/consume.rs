//! Consuming one queue: so many deliveries at a time, until told to stop.

use std::sync::Arc;

use chimera_bus::Subscription;
use tokio::task::JoinSet;

use crate::{
    agent::{Worker, process::process},
    platform::Stop,
};

/// Works on what `subscription` delivers until it is to finish, then ends what is in flight.
///
/// What is not ended when it is to give up goes back to its queue.
pub(crate) async fn consume(worker: Arc<Worker>, mut subscription: Subscription, stop: Stop) {
    let mut running = JoinSet::new();
    loop {
        let room = running.len() < worker.limits.concurrency;
        tokio::select! {
            biased;
            () = stop.finish.cancelled() => break,
            // `process` guards the handler, so that only a defect of our own would end a task with a panic; the
            // delivery it held has gone back to its queue by then.
            Some(_) = running.join_next() => {}
            delivery = subscription.next(), if room => match delivery {
                Some(delivery) => drop(running.spawn(process(Arc::clone(&worker), delivery))),
                None => break,
            },
        }
    }
    drop(subscription);
    let finish = async { while running.join_next().await.is_some() {} };
    tokio::select! {
        () = finish => {}
        () = stop.give_up.cancelled() => {
            tracing::warn!(queue = %worker.queue, "the grace period is over, unfinished messages go back to their queue");
            running.shutdown().await;
        }
    }
}
