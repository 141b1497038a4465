//! How a queue is, asked without changing anything.

use std::time::Instant;

use lapin::{options::QueueDeclareOptions, types::FieldTable};
use tokio::time::timeout;

use super::{AmqpBus, error::BrokerError, link::Live};
use crate::QueueName;

/// A queue, as the broker sees it at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueState {
    /// Messages that wait to be delivered; those that consumers have are not among them.
    pub ready: u32,
    /// Consumers, of all processes.
    pub consumers: u32,
}

impl AmqpBus {
    /// How `queue` is; `None` when there is no such queue. An answer is waited for as long as [`Options::patience`] says.
    ///
    /// # Errors
    /// See [`BrokerError`].
    ///
    /// # Cancel safety
    /// The future may be dropped.
    ///
    /// [`Options::patience`]: super::Options::patience
    pub async fn queue_state(&self, queue: &QueueName) -> Result<Option<QueueState>, BrokerError> {
        let began = Instant::now();
        let mut link = self.shared.publish_link.clone();
        let asking = async {
            let live = link.up().await?;
            Some(live.answer(passively(&live, queue)).await)
        };
        let answer = timeout(self.shared.patience, asking).await;
        match answer {
            Ok(Some(Ok(state))) => Ok(Some(state)),
            Ok(Some(Err(error))) => match link.explain(&error) {
                BrokerError::Refused { code: 404, .. } => Ok(None),
                error => Err(error),
            },
            Ok(None) => Err(BrokerError::NotConnected {
                waited: began.elapsed(),
                why: "the bus was closed".to_owned(),
            }),
            Err(_) => Err(BrokerError::Silent {
                waited: began.elapsed(),
            }),
        }
    }
}

/// On a channel of its own, which a refusal closes.
async fn passively(live: &Live, queue: &QueueName) -> lapin::Result<QueueState> {
    let channel = live.channel().await?;
    let options = QueueDeclareOptions {
        passive: true,
        ..QueueDeclareOptions::default()
    };
    let found = channel
        .queue_declare(queue.as_str().into(), options, FieldTable::default())
        .await?;
    channel.close(200, "looked".into()).await?;
    Ok(QueueState {
        ready: found.message_count(),
        consumers: found.consumer_count(),
    })
}
