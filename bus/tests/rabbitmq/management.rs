//! What people see in RabbitMQ's management page, and with `rabbitmqctl`: whose a connection is, and what it is for.

#![expect(
    clippy::print_stdout,
    reason = "what is seen, for whoever runs the tests with --nocapture"
)]

use chimera_bus::{
    AmqpBus, BindingKey, Bus, Message, Queue, QueueName, RoutingKey,
    amqp::{Options, QueueState},
};
use chimera_servers::RabbitMq;

use crate::load::{runtime, vhost};

/// The lines of a list without the one of its titles.
fn rows(list: &str) -> Vec<&str> {
    println!("{list}");
    list.lines().skip(1).collect()
}

#[test]
fn connections_and_consumers_say_whose_they_are() {
    let broker = RabbitMq::start();
    let url = broker.new_vhost();
    let vhost = vhost(&url);
    runtime().block_on(async {
        let options = Options::new(&url, "query_agent");
        let bus = AmqpBus::connect(options).await.expect("it connects");
        let queue = Queue::work(QueueName::from_static("query_agent"));
        let queue = queue.bind(BindingKey::from_static("query.#"));
        let mut work = bus.subscribe(queue).await.expect("it is declared");
        // When a message has come, the consumer is there for everybody to see.
        let event = Message::event(RoutingKey::from_static("query.request"), "1");
        let _ = bus.publish(event).await.expect("it is confirmed");
        let delivery = work.next().await.expect("it comes");
        delivery.ack().expect("it is settled");

        let items = ["list_connections", "user", "client_properties"];
        let connections = broker.ctl(&items);
        let connections = rows(&connections);
        assert_eq!(connections.len(), 2, "{connections:?}");
        for purpose in ["publish", "consume"] {
            let end = format!(" ({purpose})\"}}");
            let connection = connections.iter().find(|row| row.contains(&end));
            let connection = connection.expect("each says what it is for");
            for property in [
                "{\"connection_name\",\"query_agent@",
                "{\"product\",\"Chimera\"}",
                concat!("{\"version\",\"", env!("CARGO_PKG_VERSION"), "\"}"),
                "{\"platform\",",
                "{\"information\",\"an agent of the Chimera platform\"}",
            ] {
                assert!(
                    connection.contains(property),
                    "`{property}` in {connection}"
                );
            }
        }

        let items = [
            "queue_name",
            "consumer_tag",
            "ack_required",
            "prefetch_count",
        ];
        let list = ["list_consumers", "-p", &vhost];
        let consumers = broker.ctl(&[&list[..], &items].concat());
        let [consumer] = rows(&consumers)[..] else {
            panic!("one consumes: {consumers}");
        };
        // The host's name and the process are in the middle.
        assert!(
            consumer.starts_with("query_agent\tquery_agent@"),
            "{consumer}"
        );
        let end = format!(":{}#1\ttrue\t32", std::process::id());
        assert!(consumer.ends_with(&end), "{consumer}");
        bus.close().await;
    });
}

#[test]
fn a_queue_can_be_looked_at() {
    let url = RabbitMq::shared().new_vhost();
    runtime().block_on(async {
        let bus = AmqpBus::connect(Options::new(&url, "looker")).await;
        let bus = bus.expect("it connects");
        let name = QueueName::from_static("looked_at");
        let seen = bus.queue_state(&name).await.expect("it is asked");
        assert_eq!(seen, None);

        let queue = Queue::work(name.clone()).bind(BindingKey::from_static("look.#"));
        let mut work = bus.subscribe(queue).await.expect("it is declared");
        let event = Message::event(RoutingKey::from_static("look.here"), "1");
        let _ = bus.publish(event).await.expect("it is confirmed");
        let delivery = work.next().await.expect("it comes");
        let seen = bus.queue_state(&name).await.expect("it is asked");
        let of_one = QueueState {
            ready: 0,
            consumers: 1,
        };
        assert_eq!(seen, Some(of_one));
        delivery.ack().expect("it is settled");
        bus.close().await;
        assert!(bus.queue_state(&name).await.is_err());
    });
}
