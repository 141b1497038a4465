//! Consuming one queue: so many deliveries at a time, until told to stop.

use std::sync::Arc;

use chimera_bus::Subscription;
use tokio::task::{JoinError, JoinSet};

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
            Some(ended) = running.join_next() => report(&worker, ended),
            delivery = subscription.next(), if room => match delivery {
                Some(delivery) => {
                    let (worker, working) = (Arc::clone(&worker), stop.in_flight.enter());
                    running.spawn(async move {
                        let _working = working;
                        process(worker, delivery).await;
                    });
                }
                None => break,
            },
        }
    }
    drop(subscription);
    let finish = async {
        while let Some(ended) = running.join_next().await {
            report(&worker, ended);
        }
    };
    tokio::select! {
        () = finish => {}
        () = stop.give_up.cancelled() => {
            tracing::warn!(queue = %worker.queue, "the grace period is over, unfinished messages go back to their queue");
            stop.in_flight.give_back(running.len());
            running.shutdown().await;
        }
    }
}

/// `process` guards the handler, so that only a defect of our own ends a task with a panic; the delivery it held has gone
/// back to its queue by then.
fn report(worker: &Worker, ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(queue = %worker.queue, %error, "working on a message panicked, it goes back to its queue");
    }
}
