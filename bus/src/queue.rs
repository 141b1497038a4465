//! The shapes of queues, as data: what a bus declares when it is subscribed to.

use std::num::NonZeroU16;

use uuid::Uuid;

use crate::{BindingKey, QueueName};

/// A queue, what is bound to it, and how it is consumed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// Its name.
    pub name: QueueName,
    /// Its shape.
    pub kind: QueueKind,
    /// What reaches it from the topic exchange.
    pub bindings: Vec<BindingKey>,
    /// How many deliveries may be unsettled at a time.
    pub prefetch: NonZeroU16,
}

/// What a queue is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueKind {
    /// Durable, shared by all instances of an agent. Has delayed retry and a dead-letter queue; a message that was
    /// delivered `delivery_limit` times without being settled is dead-lettered by the bus itself.
    Work {
        /// Deliveries before the bus gives up, at least 1.
        delivery_limit: u32,
    },
    /// Durable, what failed in a work queue, kept until someone handles it.
    DeadLetters,
    /// For one subscriber and as long as it lives: each instance of an agent sees every message.
    Instance,
    /// For the replies to one requester, as long as it lives (RabbitMQ's direct reply-to).
    Replies,
}

/// The default of [`Queue::prefetch`].
pub const DEFAULT_PREFETCH: NonZeroU16 = NonZeroU16::new(32).expect("32 is not 0");

/// The default of [`QueueKind::Work`]'s limit: deliveries that nobody settled, as after crashes.
pub const DEFAULT_DELIVERY_LIMIT: u32 = 5;

impl Queue {
    /// The queue that all instances of an agent share.
    pub fn work(name: QueueName) -> Self {
        Self::new(
            name,
            QueueKind::Work {
                delivery_limit: DEFAULT_DELIVERY_LIMIT,
            },
        )
    }

    /// The dead letters of a work queue.
    pub fn dead_letters(of: &QueueName) -> Self {
        Self::new(of.dead_letters(), QueueKind::DeadLetters)
    }

    /// A queue of one instance of an agent.
    pub fn instance(agent: &str) -> Self {
        Self::new(unique(agent), QueueKind::Instance)
    }

    /// A queue for replies.
    pub fn replies() -> Self {
        Self::new(unique("reply"), QueueKind::Replies)
    }

    /// The same queue, with `key` bound to it.
    #[must_use]
    pub fn bind(mut self, key: BindingKey) -> Self {
        self.bindings.push(key);
        self
    }

    /// The same queue, with at most `prefetch` deliveries unsettled at a time.
    #[must_use]
    pub fn prefetch(mut self, prefetch: NonZeroU16) -> Self {
        self.prefetch = prefetch;
        self
    }

    fn new(name: QueueName, kind: QueueKind) -> Self {
        Self {
            name,
            kind,
            bindings: Vec::new(),
            prefetch: DEFAULT_PREFETCH,
        }
    }
}

fn unique(prefix: &str) -> QueueName {
    let name = format!("{prefix}.{}", Uuid::now_v7().simple());
    QueueName::new(name).expect("an agent's name was checked when its queue was named")
}
