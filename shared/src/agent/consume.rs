//! Consuming one queue: so many deliveries at a time, until told to stop.

use std::{sync::Arc, time::Duration};

use chimera_bus::Subscription;
use tokio::{task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::agent::{Worker, process::process};

/// Works on what `subscription` delivers until `stop`, then finishes what is in flight within `grace`.
///
/// What is not finished by then is given up: its deliveries go back to their queue.
pub(crate) async fn consume(
    worker: Arc<Worker>,
    mut subscription: Subscription,
    stop: CancellationToken,
    grace: Duration,
) {
    let mut running = JoinSet::new();
    loop {
        let room = running.len() < worker.limits.concurrency;
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
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
    if timeout(grace, finish).await.is_err() {
        tracing::warn!(queue = %worker.queue, "the grace period is over, unfinished messages go back to their queue");
        running.shutdown().await;
    }
}
