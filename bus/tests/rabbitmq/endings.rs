//! What the bus is doing as a connection or a channel ends.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chimera_bus::{
    AmqpBus, Bus, Exchange, Message, Queue, QueueName, Routed,
    amqp::{BrokerError, Options},
};
use chimera_servers::RabbitMq;
use tokio::{sync::watch, task::JoinSet};

use crate::{
    faults::{PATIENCE, ParseKey as _, close_connections, on, wait_for},
    harness::connect,
    load::{runtime, vhost},
};

/// What is declared as the connection ends may never be answered, neither with yes nor with no.
#[test]
fn queues_are_declared_while_connections_end() {
    const PUBLISHERS: usize = 4;
    runtime().block_on(async {
        let broker = Arc::new(RabbitMq::start());
        let url = broker.new_vhost();
        let bus = connect(&url).await;
        let (declared, mut progress) = watch::channel(0);
        let is_over = Arc::new(AtomicBool::new(false));
        let mut publishers = JoinSet::new();
        for publisher in 0..PUBLISHERS {
            let (bus, declared, is_over) = (bus.clone(), declared.clone(), is_over.clone());
            publishers.spawn(async move {
                for number in 0.. {
                    if is_over.load(Ordering::Relaxed) {
                        break;
                    }
                    // Each is the first to wait for its queue, and needs another to wait in.
                    let queue = QueueName::new(format!("agent{publisher}.{number}"));
                    let mut later = Message::to_queue(&queue.expect("a name"), "1");
                    later.delay = Some(Duration::from_secs(3_600));
                    let routed = bus.publish(later).await.expect("it is published");
                    assert_eq!(routed, Routed::ToQueue);
                    declared.send_modify(|count| *count += 1);
                }
            });
        }
        for _ in 0..3 {
            let so_far = *progress.borrow_and_update();
            wait_for(&mut progress, |count| *count >= so_far + 2 * PUBLISHERS).await;
            close_connections(&broker, vhost(&url)).await;
        }
        is_over.store(true, Ordering::Relaxed);
        let ended = tokio::time::timeout(PATIENCE / 4, publishers.join_all()).await;
        ended.expect("every publisher is told what became of its message");
        println!("{} queues declared", *progress.borrow());
        on(&broker, RabbitMq::stop).await;
    });
}

/// What is asked as the broker ends is answered, or fails with the connection, and nobody waits on.
#[test]
fn questions_while_the_broker_ends() {
    const ASKERS: usize = 64;
    runtime().block_on(async {
        let broker = Arc::new(RabbitMq::start());
        let bus = connect(&broker.new_vhost()).await;
        let queue = Queue::work(QueueName::from_static("agent"));
        let _agent = bus.subscribe(queue).await.expect("it is declared");
        let is_back = Arc::new(AtomicBool::new(false));
        let (answers, mut progress) = watch::channel(0);
        let mut askers = JoinSet::new();
        for _ in 0..ASKERS {
            let (bus, answers, is_back) = (bus.clone(), answers.clone(), is_back.clone());
            askers.spawn(async move {
                loop {
                    let is_last = is_back.load(Ordering::Relaxed);
                    match bus.queue_state(&QueueName::from_static("agent")).await {
                        Ok(_) => {
                            answers.send_modify(|count| *count += 1);
                            if is_last {
                                break;
                            }
                        }
                        Err(error @ BrokerError::Silent { .. }) => panic!("{error}"),
                        Err(_) => {}
                    }
                }
            });
        }
        wait_for(&mut progress, |count| *count >= ASKERS).await;
        on(&broker, RabbitMq::stop).await;
        on(&broker, RabbitMq::start_again).await;
        is_back.store(true, Ordering::Relaxed);
        let ended = tokio::time::timeout(PATIENCE, askers.join_all()).await;
        ended.expect("every asker is told");
        on(&broker, RabbitMq::stop).await;
    });
}

/// The client has as many channels as a connection may have, and gives none back that the broker closed.
#[test]
fn more_closed_channels_than_a_connection_may_have() {
    const CHANNELS: usize = 8;
    runtime().block_on(async {
        let url = tokio::task::spawn_blocking(|| RabbitMq::shared().new_vhost());
        let url = url.await.expect("there is a broker");
        let mut options = Options::new(format!("{url}?channel_max={CHANNELS}"), "test");
        // Nothing else is to be waited for between one error and the next.
        options.retry.longest = options.retry.first;
        let bus = AmqpBus::connect(options).await;
        let bus = bus.expect("the broker takes connections");
        for _ in 0..2 * CHANNELS {
            let mut wrong = Message::event("agent.ask".parse_key(), "wrong");
            wrong.exchange = Exchange::from_static("nobody.declared.this");
            bus.publish(wrong).await.expect_err("it is refused");
        }
        let right = Message::event("agent.ask".parse_key(), "1");
        assert_eq!(bus.publish(right).await.ok(), Some(Routed::Nowhere));
        bus.close().await;
    });
}
