//! The bus of a process, and what is asked of it beside messages.

use std::sync::Arc;

use chimera_bus::{
    Bus, QueueName,
    amqp::{AmqpBus, Connectivity},
    embedded::EmbeddedBus,
};
use tokio::sync::watch;

use crate::{
    config::RedactedUrl,
    telemetry::{KeyValue, QueueDepth, SpanStart, keys},
};

/// The bus of a process: in it, or a broker elsewhere.
#[derive(Debug, Clone)]
pub(crate) enum PlatformBus {
    /// In this process.
    Embedded(Arc<EmbeddedBus>),
    /// RabbitMQ, as spans call it.
    Amqp(Arc<AmqpBus>, Broker),
}

/// What spans and metrics say of the bus that a message goes through.
#[derive(Debug, Clone)]
pub(crate) struct Broker {
    /// `messaging.system`: `rabbitmq`, or `chimera` for the embedded bus.
    pub(crate) system: &'static str,
    /// `server.address` and `server.port`; the embedded bus has neither.
    pub(crate) server: Option<(String, u16)>,
    /// Tells which address was reached.
    pub(crate) connections: Option<AmqpBus>,
}

/// Which of the two connections to a broker a message goes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// To the broker.
    Out,
    /// From it, and what is said of that.
    In,
}

impl Broker {
    /// Its host and port, where it is a server.
    pub(crate) fn address(&self) -> Option<(&str, u16)> {
        let server = self.server.as_ref();
        server.map(|(host, port)| (host.as_str(), *port))
    }
}

impl PlatformBus {
    /// The bus itself.
    pub(crate) fn bus(&self) -> Arc<dyn Bus> {
        match self {
            Self::Embedded(bus) => Arc::clone(bus) as Arc<dyn Bus>,
            Self::Amqp(bus, _) => Arc::clone(bus) as Arc<dyn Bus>,
        }
    }

    /// What spans call it.
    pub(crate) fn broker(&self) -> Broker {
        match self {
            Self::Embedded(_) => Broker {
                system: "chimera",
                server: None,
                connections: None,
            },
            Self::Amqp(_, broker) => broker.clone(),
        }
    }

    /// Whether the broker is there; the embedded bus always is.
    pub(crate) fn connectivity(&self) -> Option<watch::Receiver<Connectivity>> {
        match self {
            Self::Embedded(_) => None,
            Self::Amqp(bus, _) => Some(bus.state()),
        }
    }

    /// What reads how many messages `queue` has, where that costs nothing: on the embedded bus. RabbitMQ would have to be
    /// asked, and tells Prometheus itself.
    pub(crate) fn depth(
        &self,
        queue: &QueueName,
    ) -> Option<impl Fn() -> Option<QueueDepth> + Send + Sync + use<>> {
        let Self::Embedded(bus) = self else {
            return None;
        };
        // Metrics must not keep the bus, and with it its directory, beyond its end.
        let (bus, queue) = (Arc::downgrade(bus), queue.clone());
        Some(move || {
            let stats = bus.upgrade()?.stats();
            let queue = stats.queue(&queue)?;
            Some(QueueDepth {
                ready: queue.ready as u64,
                unsettled: queue.unsettled as u64,
                delayed: queue.delayed as u64,
                dead_letters: queue.dead_letters as u64,
            })
        })
    }

    /// Ends all subscriptions; publishing fails from now on.
    pub(crate) async fn close(&self) {
        match self {
            Self::Embedded(bus) => bus.close().await,
            Self::Amqp(bus, _) => bus.close().await,
        }
    }
}

impl Broker {
    /// RabbitMQ at `url`, over `connections`. Of several hosts the first one stands for all.
    pub(crate) fn rabbitmq(url: &RedactedUrl, connections: Option<AmqpBus>) -> Self {
        let port = if url.scheme() == "amqps" { 5671 } else { 5672 };
        let first = url.hosts().into_iter().next();
        Self {
            system: "rabbitmq",
            server: first.map(|(host, given)| (host, given.unwrap_or(port))),
            connections,
        }
    }

    /// `start` with what the conventions want to know of a broker.
    pub(crate) fn describe(&self, start: SpanStart, way: Way) -> SpanStart {
        let (address, port) = self.server.clone().unzip();
        let connections = self.connections.as_ref();
        let peer = connections.and_then(|connections| match way {
            Way::Out => connections.publish_peer(),
            Way::In => connections.consume_peer(),
        });
        let start = match peer {
            Some(peer) => start.reaching(peer),
            None => start,
        };
        start
            .with(KeyValue::new(keys::MESSAGING_SYSTEM, self.system))
            .with_some(keys::SERVER_ADDRESS, address)
            .with_some(keys::SERVER_PORT, port.map(i64::from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_is_called_by_its_first_host() {
        fn check(url: &str, expected: (&str, u16)) {
            let url = RedactedUrl::parse(url, &["amqp", "amqps"]).unwrap();
            let expected = Some((expected.0.to_owned(), expected.1));
            assert_eq!(Broker::rabbitmq(&url, None).server, expected);
        }
        check("amqp://ann:p@one,two:7/v", ("one", 5672));
        check("amqps://one", ("one", 5671));
        check("amqp://[::1]:1234", ("::1", 1234));
    }
}
