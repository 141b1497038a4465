//! What a consumer holds on one channel, and how it is settled.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use futures_util::FutureExt;
use lapin::{
    Channel,
    options::{BasicAckOptions, BasicNackOptions},
};
use tokio::sync::Notify;

use crate::{Settle, SettleError, Settlement};

/// The deliveries of one channel that are not settled.
pub(super) struct Held {
    channel: Channel,
    tags: Mutex<Tags>,
    /// The subscription was dropped.
    stopping: Arc<AtomicBool>,
    /// Something was settled.
    pub(super) settled: Notify,
}

#[derive(Default)]
struct Tags {
    /// By tag: whether the consumer has seen it.
    unsettled: BTreeMap<u64, bool>,
    /// The channel is gone: the broker has taken everything back.
    dead: bool,
}

impl Held {
    pub(super) fn new(channel: Channel, stopping: Arc<AtomicBool>) -> Self {
        Self {
            channel,
            tags: Mutex::default(),
            stopping,
            settled: Notify::new(),
        }
    }

    pub(super) fn add(&self, tag: u64) {
        self.lock().unsettled.insert(tag, false);
    }

    pub(super) fn is_empty(&self) -> bool {
        let tags = self.lock();
        tags.dead || tags.unsettled.is_empty()
    }

    /// Nothing can be settled any more.
    pub(super) fn die(&self) {
        self.lock().dead = true;
        self.settled.notify_one();
    }

    /// Gives back what nobody has seen, in its order.
    pub(super) fn give_back_unseen(&self) {
        let unseen: Vec<u64> = self
            .lock()
            .unsettled
            .extract_if(.., |_, taken| !*taken)
            .map(|(tag, _)| tag)
            .collect();
        for tag in unseen {
            // A channel that is gone gives everything back by itself.
            let _ = self.send(tag, Settlement::Requeue);
        }
    }

    /// Puts the settlement into the client's hands, which sends it in order. The client's future only tells when it was
    /// written, which nobody waits for: an acknowledgement that is lost with its connection means a delivery again.
    fn send(&self, tag: u64, settlement: Settlement) -> Result<(), SettleError> {
        let nack = |requeue| BasicNackOptions {
            multiple: false,
            requeue,
        };
        let sent = match settlement {
            Settlement::Ack => self
                .channel
                .basic_ack(tag, BasicAckOptions::default())
                .now_or_never(),
            Settlement::Requeue => self.channel.basic_nack(tag, nack(true)).now_or_never(),
            Settlement::Reject => self.channel.basic_nack(tag, nack(false)).now_or_never(),
        };
        match sent {
            None | Some(Ok(())) => Ok(()),
            Some(Err(_)) => Err(SettleError::Stale),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Tags> {
        self.tags.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Settle for Held {
    fn taken(&self, tag: u64) -> bool {
        let mut tags = self.lock();
        if tags.dead {
            return false;
        }
        let taken = tags.unsettled.get_mut(&tag);
        taken.is_some_and(|taken| {
            *taken = true;
            true
        })
    }

    fn settle(&self, tag: u64, settlement: Settlement) -> Result<(), SettleError> {
        {
            let mut tags = self.lock();
            if tags.dead {
                return Err(SettleError::Stale);
            }
            // What the dropped subscription had not handed out goes back in order, when all of it is there.
            let unseen = tags.unsettled.get(&tag) == Some(&false);
            if unseen && self.stopping.load(Ordering::Acquire) {
                return Ok(());
            }
            tags.unsettled.remove(&tag).ok_or(SettleError::Stale)?;
        }
        let sent = self.send(tag, settlement);
        if self.stopping.load(Ordering::Acquire) {
            self.settled.notify_one();
        }
        sent
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").finish_non_exhaustive()
    }
}
