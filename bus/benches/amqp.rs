//! One hop of an agent on RabbitMQ — publish with confirm, consume, acknowledge — by this bus and by the raw client, with
//! the same queues, confirms, durability and prefetch, side by side in one run.
//!
//! `cargo bench -p chimera-bus --bench amqp --features servers`, on the broker of `CHIMERA_TEST_AMQP_URL` or on one that
//! it starts. Prints a table; asserts nothing.

#![expect(clippy::print_stdout, reason = "the table is what it is for")]

use std::time::{Duration, Instant};

use bytes::Bytes;
use chimera_bus::{AmqpBus, Bus, Message, Queue, QueueName, Routed, Subscription, amqp::Options};
use chimera_servers::RabbitMq;
use futures_util::{StreamExt, future::join_all};
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties, Consumer,
    options::{
        BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions,
        ConfirmSelectOptions, QueueDeclareOptions,
    },
    types::FieldTable,
};

/// A small JSON document.
const BODY_BYTES: usize = 256;

/// They take turns, so that both see the broker's moods; the first of each warms it up.
const ROUNDS: usize = 7;

#[derive(Debug, Clone, Copy)]
enum Kind {
    /// As queues of instances are.
    Classic,
    /// As work queues are.
    Quorum,
}

fn main() {
    let url = RabbitMq::shared().new_vhost();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime is made");
    println!(
        "{:<10}{:>12}{:>18}{:>18}{:>10}",
        "queue", "under way", "raw client, 1/s", "this bus, 1/s", "ratio"
    );
    for kind in [Kind::Classic, Kind::Quorum] {
        for (under_way, messages) in [(1, 1_000), (256, 20_000)] {
            runtime.block_on(compare(&url, kind, under_way, messages));
        }
    }
}

async fn compare(url: &str, kind: Kind, under_way: usize, messages: usize) {
    let (mut raw, mut ours) = (Raw::open(url, kind).await, Ours::open(url, kind).await);
    let (mut raw_rates, mut our_rates) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        raw_rates.push(raw.rate(under_way, messages).await);
        our_rates.push(ours.rate(under_way, messages).await);
    }
    let (raw_rate, our_rate) = (median(raw_rates), median(our_rates));
    println!(
        "{:<10}{under_way:>12}{raw_rate:>18.0}{our_rate:>18.0}{:>10.2}",
        format!("{kind:?}").to_lowercase(),
        our_rate / raw_rate
    );
    ours.bus.close().await;
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.remove(0);
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

fn queue(kind: Kind, user: &str) -> Queue {
    match kind {
        Kind::Classic => Queue::instance(user),
        Kind::Quorum => Queue::work(QueueName::new(format!("bench.{user}")).expect("it is a name")),
    }
}

struct Ours {
    bus: AmqpBus,
    queue: QueueName,
    subscription: Subscription,
}

impl Ours {
    async fn open(url: &str, kind: Kind) -> Self {
        let bus = AmqpBus::connect(Options::new(url, "bench"))
            .await
            .expect("it connects");
        let subscription = bus
            .subscribe(queue(kind, "ours"))
            .await
            .expect("it is declared");
        Self {
            queue: subscription.queue().clone(),
            bus,
            subscription,
        }
    }

    async fn rate(&mut self, under_way: usize, messages: usize) -> f64 {
        let body = Bytes::from(vec![b'x'; BODY_BYTES]);
        let began = Instant::now();
        let publish = (0..under_way).map(|_| {
            let (bus, queue, body) = (self.bus.clone(), self.queue.clone(), body.clone());
            tokio::spawn(async move {
                for _ in 0..messages / under_way {
                    let routed = bus.publish(Message::to_queue(&queue, body.clone())).await;
                    assert_eq!(routed.expect("it is confirmed"), Routed::ToQueue);
                }
            })
        });
        let publish = join_all(publish);
        let consume = async {
            for _ in 0..messages / under_way * under_way {
                let delivery = self.subscription.next().await.expect("it is open");
                delivery.ack().expect("it is held");
            }
        };
        futures_util::join!(publish, consume);
        per_second(messages, began.elapsed())
    }
}

/// The raw client, as its examples use it. It has a connection for each direction too.
struct Raw {
    publish: Channel,
    queue: String,
    consumer: Consumer,
    _connections: [Connection; 2],
}

impl Raw {
    async fn open(url: &str, kind: Kind) -> Self {
        let connect = || async {
            let connected = Connection::connect(url, ConnectionProperties::default()).await;
            connected.expect("it connects")
        };
        let connections = [connect().await, connect().await];
        let publish = connections[0].create_channel().await.expect("a channel");
        publish
            .confirm_select(ConfirmSelectOptions::default())
            .await
            .expect("confirms");
        let consume = connections[1].create_channel().await.expect("a channel");
        let queue = Self::declare(url, kind, &consume).await;
        consume
            .basic_qos(32, BasicQosOptions::default())
            .await
            .expect("a prefetch");
        let consumer = consume.basic_consume(
            queue.as_str().into(),
            "raw".into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        );
        Self {
            publish,
            consumer: consumer.await.expect("a consumer"),
            queue,
            _connections: connections,
        }
    }

    /// The same queue as the bus has: a work queue is declared by it.
    async fn declare(url: &str, kind: Kind, channel: &Channel) -> String {
        let queue = queue(kind, "raw");
        let name = queue.name.to_string();
        match kind {
            Kind::Quorum => {
                let bus = AmqpBus::connect(Options::new(url, "bench"))
                    .await
                    .expect("it connects");
                drop(bus.subscribe(queue).await.expect("it is declared"));
                bus.close().await;
            }
            Kind::Classic => {
                let options = QueueDeclareOptions {
                    exclusive: true,
                    auto_delete: true,
                    ..QueueDeclareOptions::default()
                };
                let declared =
                    channel.queue_declare(name.as_str().into(), options, FieldTable::default());
                declared.await.expect("it is declared");
            }
        }
        name
    }

    async fn rate(&mut self, under_way: usize, messages: usize) -> f64 {
        let began = Instant::now();
        let publish = (0..under_way).map(|_| {
            let (channel, queue) = (self.publish.clone(), self.queue.clone());
            tokio::spawn(async move {
                for _ in 0..messages / under_way {
                    raw_publish(&channel, &queue).await;
                }
            })
        });
        let publish = join_all(publish);
        let consume = async {
            for _ in 0..messages / under_way * under_way {
                let delivery = self.consumer.next().await.expect("it is open");
                let delivery = delivery.expect("it is delivered");
                assert!(
                    delivery
                        .ack(BasicAckOptions::default())
                        .await
                        .expect("it is held")
                );
            }
        };
        futures_util::join!(publish, consume);
        per_second(messages, began.elapsed())
    }
}

async fn raw_publish(channel: &Channel, queue: &str) {
    let id = uuid::Uuid::now_v7().to_string();
    let properties = BasicProperties::default()
        .with_delivery_mode(2)
        .with_message_id(id.into());
    let options = BasicPublishOptions {
        mandatory: true,
        ..BasicPublishOptions::default()
    };
    let body = [b'x'; BODY_BYTES];
    let confirm = channel.basic_publish("".into(), queue.into(), options, &body, properties);
    let confirmed = confirm.await.expect("it is sent").await;
    assert!(confirmed.expect("it is confirmed").is_ack());
}

fn per_second(messages: usize, elapsed: Duration) -> f64 {
    messages as f64 / elapsed.as_secs_f64()
}
