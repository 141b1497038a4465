//! The exchanges and queues of Chimera, as data, and how they are declared.

use std::{sync::Arc, time::Duration};

use lapin::{
    Channel, ExchangeKind,
    options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable},
};

use super::{
    address::Login,
    error::{BrokerError, Conflict},
    link::{Link, Live},
    wire::short,
};
use crate::{Exchange, Queue, QueueKind, QueueName, SubscribeError};

/// The delay of the shortest retry queue. The others' are its doubles.
const SHORTEST_RETRY: Duration = Duration::from_millis(250);

/// A queue as RabbitMQ declares it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Declaration {
    pub(super) name: String,
    options: QueueDeclareOptions,
    arguments: FieldTable,
    /// Exchange and key.
    bindings: Vec<(String, String)>,
}

/// Declaring failed.
#[derive(Debug)]
pub(super) enum DeclareError {
    /// A queue is there as something else.
    Conflict {
        conflict: Conflict,
        login: Login,
    },
    Broker(BrokerError),
}

impl DeclareError {
    pub(super) fn into_subscribe(self, queue: &QueueName) -> SubscribeError {
        match self {
            Self::Conflict { conflict, login } => SubscribeError::Conflict {
                queue: conflict.queue,
                place: login.to_string(),
                argument: conflict.argument,
                wanted: conflict.wanted,
                found: conflict.found,
            },
            Self::Broker(source) => SubscribeError::Broker {
                queue: queue.clone(),
                source: Arc::new(source),
            },
        }
    }

    pub(super) fn into_broker(self) -> BrokerError {
        match self {
            Self::Broker(error) => error,
            Self::Conflict { conflict, login } => BrokerError::Refused {
                place: login.places,
                code: 406,
                text: format!(
                    "queue `{}` of virtual host `{}` exists with {} {}, and {} is wanted",
                    conflict.queue, login.vhost, conflict.argument, conflict.found, conflict.wanted
                ),
            },
        }
    }
}

/// All that `queue` needs, the queue itself last. `name` is what it is called this time: a queue of one instance gets a
/// new name with each connection, since the broker may not have noticed the end of the old one yet.
pub(super) fn declarations(queue: &Queue, name: &str) -> Vec<Declaration> {
    let bindings = queue.bindings.iter().map(|key| {
        (
            Exchange::EVENTS.as_str().to_owned(),
            key.as_str().to_owned(),
        )
    });
    match queue.kind {
        QueueKind::Work { delivery_limit } => {
            let mut work = Declaration::work(name, delivery_limit);
            work.bindings.extend(bindings);
            vec![Declaration::dead_letters_of(name), work]
        }
        QueueKind::DeadLetters => {
            let of = name.strip_suffix(".dlq").unwrap_or(name);
            vec![Declaration::dead_letters_of(of)]
        }
        QueueKind::Instance | QueueKind::Replies => {
            let mut own = Declaration::instance(name);
            own.bindings.extend(bindings);
            vec![own]
        }
    }
}

impl Declaration {
    fn durable(name: String) -> Self {
        let mut declaration = Self {
            name,
            options: QueueDeclareOptions {
                durable: true,
                ..QueueDeclareOptions::default()
            },
            arguments: FieldTable::default(),
            bindings: Vec::new(),
        };
        declaration.text("x-queue-type", "quorum");
        declaration
    }

    fn work(name: &str, delivery_limit: u32) -> Self {
        let mut work = Self::durable(name.to_owned());
        work.dead_letters_to(Exchange::DEAD_LETTERS.as_str(), name);
        // RabbitMQ counts how often a message was given back, we how often it was delivered.
        work.number("x-delivery-limit", delivery_limit.saturating_sub(1).into());
        work
    }

    fn dead_letters_of(queue: &str) -> Self {
        let mut letters = Self::durable(format!("{queue}.dlq"));
        // RabbitMQ 4 drops what was given back 20 times, unless told otherwise; 3.x takes no "unlimited".
        letters.number("x-delivery-limit", i32::MAX.into());
        let exchange = Exchange::DEAD_LETTERS.as_str().to_owned();
        letters.bindings.push((exchange, queue.to_owned()));
        letters
    }

    /// A queue that is gone with its connection.
    fn instance(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            options: QueueDeclareOptions {
                exclusive: true,
                auto_delete: true,
                ..QueueDeclareOptions::default()
            },
            arguments: FieldTable::default(),
            bindings: Vec::new(),
        }
    }

    /// Where a message for `queue` waits that is to come after `delay`. Its time is its own (the message says it), so
    /// that back-off keeps its jitter; since a queue ends waits in its order only, one queue has waits of similar length:
    /// a message may wait up to twice as long as asked, when one with a longer wait is before it.
    pub(super) fn retry(queue: &str, delay: Duration) -> Self {
        let mut longest = SHORTEST_RETRY;
        while longest < delay && longest < Duration::from_secs(1 << 20) {
            longest *= 2;
        }
        let label = match longest.subsec_millis() {
            0 => format!("{}s", longest.as_secs()),
            _ => format!("{}ms", longest.as_millis()),
        };
        let mut retry = Self::durable(format!("{queue}.retry.{label}"));
        retry.dead_letters_to(Exchange::DEFAULT.as_str(), queue);
        let ttl_ms = i64::try_from(longest.as_millis()).unwrap_or(i64::MAX);
        retry.number("x-message-ttl", ttl_ms);
        retry
    }

    /// At least once: the message is removed only when the other queue has it. This needs a full queue to refuse.
    fn dead_letters_to(&mut self, exchange: &str, key: &str) {
        self.text("x-dead-letter-exchange", exchange);
        self.text("x-dead-letter-routing-key", key);
        self.text("x-dead-letter-strategy", "at-least-once");
        self.text("x-overflow", "reject-publish");
    }

    fn text(&mut self, argument: &str, value: &str) {
        self.arguments
            .insert(argument.into(), AMQPValue::LongString(value.into()));
    }

    fn number(&mut self, argument: &str, value: i64) {
        self.arguments
            .insert(argument.into(), AMQPValue::LongLongInt(value));
    }

    async fn declare(&self, channel: &Channel) -> lapin::Result<()> {
        let name = || self.name.as_str().into();
        channel
            .queue_declare(name(), self.options, self.arguments.clone())
            .await?;
        for (exchange, key) in &self.bindings {
            let (exchange, key) = (exchange.as_str().into(), key.as_str().into());
            let options = QueueBindOptions::default();
            channel
                .queue_bind(name(), exchange, key, options, FieldTable::default())
                .await?;
        }
        Ok(())
    }
}

/// Declares the two exchanges. A user who may not declare them can use those that are there.
pub(super) async fn declare_exchanges(live: &Live) -> lapin::Result<()> {
    match live.answer(exchanges(live, Passive::No)).await {
        Err(refused) if refused.is_amqp_soft_error() => {
            let there = live.answer(exchanges(live, Passive::Yes)).await;
            there.map_err(|_| refused)
        }
        declared => declared,
    }
}

/// Whether to look only, rather than to declare.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Passive {
    Yes,
    No,
}

/// On a channel of its own, which a refusal closes.
async fn exchanges(live: &Live, passive: Passive) -> lapin::Result<()> {
    let channel = live.channel().await?;
    for (exchange, kind) in [
        (Exchange::EVENTS, ExchangeKind::Topic),
        (Exchange::DEAD_LETTERS, ExchangeKind::Direct),
    ] {
        let options = ExchangeDeclareOptions {
            durable: true,
            passive: passive == Passive::Yes,
            ..ExchangeDeclareOptions::default()
        };
        let name = exchange.as_str().into();
        channel
            .exchange_declare(name, kind, options, FieldTable::default())
            .await?;
    }
    channel.close(200, "declared".into()).await
}

/// Declares `queues` in order, on a channel of their own, which a refusal closes.
pub(super) async fn declare(
    link: &Link,
    live: &Live,
    queues: &[Declaration],
) -> Result<(), DeclareError> {
    for queue in queues {
        short("the name of a queue", &queue.name).map_err(DeclareError::Broker)?;
    }
    let declaring = async {
        declare_exchanges(live).await?;
        let channel = live.channel().await?;
        for queue in queues {
            queue.declare(&channel).await?;
        }
        channel.close(200, "declared".into()).await
    };
    let declared = live.answer(declaring).await;
    declared.map_err(|error| refused(link, &error))
}

/// Whether it is a conflict that a declaration failed with.
fn refused(link: &Link, error: &lapin::Error) -> DeclareError {
    let error = link.explain(error);
    let conflict = match &error {
        BrokerError::Refused {
            code: 406, text, ..
        } => Conflict::parse(text),
        _ => None,
    };
    match conflict {
        Some(conflict) => DeclareError::Conflict {
            conflict,
            login: link.login().clone(),
        },
        None => DeclareError::Broker(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_of_similar_length_share_a_queue() {
        fn check(delay_ms: u64, expected: &str) {
            let retry = Declaration::retry("agent", Duration::from_millis(delay_ms));
            assert_eq!(retry.name, format!("agent.retry.{expected}"), "{delay_ms}");
        }
        check(1, "250ms");
        check(250, "250ms");
        check(251, "500ms");
        check(1_000, "1s");
        check(1_500, "2s");
        check(30_000, "32s");
        check(3_600_000, "4096s");
        check(u64::MAX, "1048576s");
    }

    #[test]
    fn dead_letters_come_before_the_queue_that_needs_them() {
        let queue = Queue::work(QueueName::from_static("agent"));
        let names: Vec<String> = declarations(&queue, "agent")
            .into_iter()
            .map(|queue| queue.name)
            .collect();
        assert_eq!(names, ["agent.dlq", "agent"]);
    }
}
