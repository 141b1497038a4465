//! Faults, each in the middle of a load of numbered messages: at the end every number is accounted for.

#![expect(
    clippy::print_stdout,
    reason = "figures for whoever runs the tests, shown with --nocapture"
)]

use std::{future::Future, sync::Arc, time::Duration};

use chimera_bus::{
    Bus, Delivery, Message, Queue, QueueName, Routed, Subscription, amqp::Connectivity,
};
use chimera_servers::RabbitMq;
use tokio::sync::watch;

use crate::{
    harness::connect,
    load::{Load, runtime, vhost},
};

/// How long a fault is watched before it is a failure.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Runs `fault` with a broker of its own in the middle of a load.
fn under_load<F: Future<Output = ()>>(name: &str, fault: impl FnOnce(Arc<RabbitMq>, Load) -> F) {
    let broker = Arc::new(RabbitMq::start());
    runtime().block_on(async {
        let load = Load::start(name, &broker.new_vhost()).await;
        fault(broker.clone(), load).await;
        on(&broker, RabbitMq::stop).await;
    });
}

/// Does to the broker what takes its time.
pub(crate) async fn on(broker: &Arc<RabbitMq>, act: impl FnOnce(&RabbitMq) + Send + 'static) {
    let broker = broker.clone();
    tokio::task::spawn_blocking(move || act(&broker))
        .await
        .expect("it does not panic");
}

/// `rabbitmqctl` means the virtual host `/` unless told otherwise.
pub(crate) async fn close_connections(broker: &Arc<RabbitMq>, vhost: String) {
    on(broker, move |broker| {
        let arguments = ["close_all_connections", "--vhost", &vhost, "a test"];
        println!("{}", broker.ctl(&arguments).trim());
    })
    .await;
}

#[test]
fn a_broker_that_is_stopped_and_started() {
    under_load(
        "a broker stopped and started",
        async |broker, mut load: Load| {
            load.handled(2_000).await;
            on(&broker, RabbitMq::stop).await;
            on(&broker, RabbitMq::start_again).await;
            load.account_for_all().await;
        },
    );
}

#[test]
fn a_broker_that_is_killed_and_started() {
    under_load(
        "a broker killed and started",
        async |broker, mut load: Load| {
            // RabbitMQ 3.10 leaves a quorum queue without a leader for good when it is killed within about a second of making
            // it ("leader not known" in its log): nobody's client can help that.
            load.handled(1_000).await;
            on(&broker, RabbitMq::stop).await;
            on(&broker, RabbitMq::start_again).await;
            load.handled(3_000).await;
            on(&broker, RabbitMq::kill).await;
            on(&broker, RabbitMq::start_again).await;
            load.account_for_all().await;
        },
    );
}

#[test]
fn connections_that_the_broker_closes() {
    under_load(
        "connections closed by the broker",
        async |broker, mut load: Load| {
            for handled in [1_000, 3_000, 6_000] {
                load.handled(handled).await;
                close_connections(&broker, load.vhost()).await;
            }
            load.account_for_all().await;
        },
    );
}

#[test]
fn channels_that_the_broker_closes() {
    under_load(
        "channels closed by the broker",
        async |_, mut load: Load| {
            for handled in [1_000, 3_000, 6_000] {
                load.handled(handled).await;
                // The broker closes the channel over an exchange that is not there, and all that is under way on it.
                let mut wrong = Message::event(load.key(), "wrong");
                wrong.exchange = chimera_bus::Exchange::from_static("nobody.declared.this");
                let refused = load.bus().publish(wrong).await;
                let text = refused.map(drop).expect_err("it is refused");
                assert!(
                    format!("{:?}", std::error::Error::source(&text)).contains("NOT_FOUND"),
                    "{text:?}"
                );
            }
            load.account_for_all().await;
        },
    );
}

#[test]
fn a_queue_that_is_deleted_under_its_consumer() {
    under_load(
        "a queue deleted under its consumer",
        async |broker, mut load: Load| {
            load.handled(2_000).await;
            // What is in the queue goes with it, so that it has to be empty for a moment.
            load.pause().await;
            let (queue, vhost) = (load.queue().to_string(), load.vhost());
            on(&broker, move |broker| {
                drop(broker.ctl(&["delete_queue", "-p", &vhost, &queue]));
            })
            .await;
            load.resume();
            load.account_for_all().await;
        },
    );
}

#[test]
fn a_broker_that_is_short_of_memory() {
    under_load(
        "a broker short of memory",
        async |broker, mut load: Load| {
            load.handled(2_000).await;
            let mut state = load.bus().state();
            // The load must not be over before the broker is short of memory.
            load.pause().await;
            on(&broker, |broker| {
                drop(broker.ctl(&["set_vm_memory_high_watermark", "0"]));
            })
            .await;
            load.resume();
            wait_for(&mut state, |state| {
                matches!(state, Connectivity::Blocked { .. })
            })
            .await;
            // What was published before is handled and acknowledged while nothing more can be published.
            load.all_published_is_handled().await;
            on(&broker, |broker| {
                drop(broker.ctl(&["set_vm_memory_high_watermark", "0.6"]));
            })
            .await;
            wait_for(&mut state, |state| *state == Connectivity::Connected).await;
            load.account_for_all().await;
        },
    );
}

pub(crate) async fn wait_for<T>(state: &mut watch::Receiver<T>, is: impl FnMut(&T) -> bool) {
    let reached = tokio::time::timeout(PATIENCE, state.wait_for(is)).await;
    drop(
        reached
            .expect("it comes in time")
            .expect("there is a sender"),
    );
}

#[test]
fn a_broker_that_stops_answering() {
    under_load(
        "a broker that stops answering",
        async |broker, mut load: Load| {
            load.handled(2_000).await;
            let mut state = load.bus().state();
            on(&broker, RabbitMq::pause).await;
            wait_for(&mut state, |state| {
                matches!(state, Connectivity::Disconnected { .. })
            })
            .await;
            on(&broker, RabbitMq::resume).await;
            load.account_for_all().await;
        },
    );
}

#[test]
fn a_slow_consumer() {
    under_load("a slow consumer", async |_, mut load: Load| {
        load.slow_down();
        load.account_for_all().await;
    });
}

#[test]
fn poison_among_good_messages() {
    under_load("poison among good messages", async |_, mut load: Load| {
        for _ in 0..10 {
            let poison = Message::to_queue(load.queue(), "poison");
            assert_eq!(
                load.bus().publish(poison).await.expect("it is taken"),
                Routed::ToQueue
            );
        }
        load.account_for_all().await;
        let mut dead = load.dead_letters().await;
        for _ in 0..10 {
            let letter = next(&mut dead).await;
            assert_eq!(&*letter.message().body, b"poison");
            letter.ack().expect("it is held");
        }
    });
}

#[test]
fn keys_that_nobody_is_bound_to() {
    under_load("keys that nobody is bound to", async |_, mut load: Load| {
        let mut nowhere = 0;
        while !load.is_published() {
            let lost = Message::event("nobody.is.bound".parse_key(), "1");
            let routed = load.bus().publish(lost).await.expect("publishing succeeds");
            assert_eq!(routed, Routed::Nowhere);
            nowhere += 1;
        }
        assert!(nowhere > 0);
        // Every number reached a queue, and says so: the load checks it.
        load.account_for_all().await;
    });
}

pub(crate) trait ParseKey {
    fn parse_key(&self) -> chimera_bus::RoutingKey;
}

impl ParseKey for str {
    fn parse_key(&self) -> chimera_bus::RoutingKey {
        chimera_bus::RoutingKey::new(self).expect("it is a key")
    }
}

#[test]
fn a_request_fails_at_once_when_the_connection_ends() {
    runtime().block_on(async {
        let broker = Arc::new(RabbitMq::start());
        let url = broker.new_vhost();
        let bus = connect(&url).await;
        let queue = Queue::work(QueueName::from_static("agent"))
            .bind(chimera_bus::BindingKey::from_static("agent.ask"));
        let mut agent = bus.subscribe(queue).await.expect("it is declared");
        let requester = chimera_bus::Requester::new(Arc::new(bus.clone()));
        let ask = || Message::event("agent.ask".parse_key(), "1").transient();
        let (asking, again) = (requester.clone(), requester);
        let first = tokio::spawn(async move { asking.request(ask(), PATIENCE * 10).await });
        drop(next(&mut agent).await);
        close_connections(&broker, vhost(&url)).await;
        let failed = tokio::time::timeout(PATIENCE, first)
            .await
            .expect("it does not wait")
            .expect("it runs");
        assert!(
            matches!(failed, Err(chimera_bus::RequestError::Interrupted { .. })),
            "{failed:?}"
        );
        // The next one is answered on the new channel.
        let answering = tokio::spawn({
            let bus = bus.clone();
            async move {
                loop {
                    let request = next(&mut agent).await;
                    let to = request
                        .message()
                        .properties
                        .reply_to
                        .clone()
                        .expect("a request has one");
                    let mut reply =
                        Message::to_queue(&QueueName::new(to).expect("a name"), "2").transient();
                    reply.properties.correlation_id =
                        request.message().properties.correlation_id.clone();
                    let _ = bus.publish(reply).await.expect("publishing succeeds");
                    request.ack().expect("it is held");
                }
            }
        });
        let reply = again
            .request(ask(), PATIENCE)
            .await
            .expect("it is answered");
        assert_eq!(&*reply.body, b"2");
        answering.abort();
    });
}

async fn next(subscription: &mut Subscription) -> Delivery {
    let delivery = tokio::time::timeout(PATIENCE, subscription.next()).await;
    delivery
        .expect("it comes in time")
        .expect("the bus is open")
}
