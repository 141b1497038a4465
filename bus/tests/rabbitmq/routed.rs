//! What many messages that are published at a time learn of where they went.

use chimera_bus::{BindingKey, Bus, Message, Queue, Routed, RoutingKey};
use futures_util::{StreamExt, stream};

use crate::{harness::connect, load::runtime};

/// Enough at a time that one confirm of the broker's stands for several of them.
const AT_A_TIME: usize = 1_024;

#[test]
fn each_of_many_learns_whether_a_queue_took_it() {
    runtime().block_on(async {
        let url = tokio::task::spawn_blocking(|| chimera_servers::RabbitMq::shared().new_vhost());
        let bus = connect(&url.await.expect("there is a broker")).await;
        let queue = Queue::instance("here").bind(BindingKey::from_static("somewhere"));
        let _here = bus.subscribe(queue).await.expect("it is declared");
        let publishing = stream::iter(0..6_000_u32).map(|number| {
            let bus = &bus;
            async move {
                let (key, expected) = match number % 3 {
                    0 => ("nowhere", Routed::Nowhere),
                    _ => ("somewhere", Routed::ToQueue),
                };
                let message = Message::event(RoutingKey::from_static(key), number.to_string());
                let routed = bus.publish(message.transient()).await.expect("it is taken");
                (routed != expected).then_some(number)
            }
        });
        let wrong: Vec<u32> = publishing
            .buffer_unordered(AT_A_TIME)
            .filter_map(std::future::ready)
            .collect()
            .await;
        assert!(
            wrong.is_empty(),
            "{} were told wrong: {wrong:?}",
            wrong.len()
        );
    });
}
