//! A disk that fails and comes back.

use std::{path::Path, time::Duration};

use chimera_bus::{
    Bus, EmbeddedBus, Message, PublishError, Queue, QueueName, Routed, SubscribeError,
    embedded::{Options, StoreOptions},
};

use crate::harness::open;

fn options() -> Options {
    let store = StoreOptions {
        memtable_bytes: 1 << 16,
        reopen_after: Duration::ZERO,
        ..StoreOptions::default()
    };
    Options {
        store,
        ..Options::default()
    }
}

fn queue(name: &'static str) -> Queue {
    Queue::work(QueueName::from_static(name))
}

fn message(body: impl Into<Vec<u8>>) -> Message {
    Message::to_queue(&queue("agent").name, body.into())
}

/// A file where the storage engine has the directory of its files: it fails as on a full disk, and can be mended.
struct Broken<'a>(&'a Path);

impl<'a> Broken<'a> {
    /// Publishes until the engine notices; how many were taken until then.
    async fn by_publishing(dir: &'a Path, bus: &EmbeddedBus) -> (Self, usize, PublishError) {
        let keyspaces = dir.join("journal/keyspaces");
        std::fs::rename(&keyspaces, dir.join("away")).expect("it is there");
        std::fs::write(&keyspaces, "in the way").expect("there is room");
        let mut taken = 0;
        loop {
            match bus.publish(message([b'x'; 1 << 14])).await {
                Ok(_) => taken += 1,
                Err(error) => return (Self(dir), taken, error),
            }
        }
    }

    fn mend(self) {
        let keyspaces = self.0.join("journal/keyspaces");
        std::fs::remove_file(&keyspaces).expect("it is in the way");
        std::fs::rename(self.0.join("away"), keyspaces).expect("its place is free");
    }
}

#[tokio::test]
async fn publishing_fails_with_the_cause_and_works_again_when_the_disk_does() {
    let dir = tempfile::tempdir().unwrap();
    let bus = open(dir.path(), options());
    let mut agent = bus.subscribe(queue("agent")).await.unwrap();
    let (broken, taken, error) = Broken::by_publishing(dir.path(), &bus).await;
    assert!(matches!(error, PublishError::Journal(_)), "{error:?}");
    // What is in memory is served, transient messages pass, acks are kept for later.
    let transient = message("transient").transient();
    assert_eq!(bus.publish(transient).await.unwrap(), Routed::ToQueue);
    for _ in 0..taken {
        agent.next().await.unwrap().ack().unwrap();
    }
    let delivery = agent.next().await.unwrap();
    assert_eq!(&*delivery.message().body, b"transient");
    delivery.ack().unwrap();
    let refused = bus.subscribe(queue("another")).await.map(drop);
    assert!(
        matches!(refused, Err(SubscribeError::Journal { .. })),
        "{refused:?}"
    );
    broken.mend();
    assert_eq!(
        bus.publish(message("after")).await.unwrap(),
        Routed::ToQueue
    );
    let delivery = agent.next().await.unwrap();
    assert_eq!(&*delivery.message().body, b"after");
    bus.close().await;
    // What was confirmed and not acked is there again, and nothing else; what failed may be.
    let bus = open(dir.path(), options());
    let mut agent = bus.subscribe(queue("agent")).await.unwrap();
    loop {
        let delivery = agent.next().await.unwrap();
        if &*delivery.message().body == b"after" {
            break;
        }
        delivery.ack().unwrap();
    }
}
