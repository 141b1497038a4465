//! RabbitMQ for the conformance suite: a virtual host of its own for each case.

use std::sync::Arc;

use chimera_bus::{
    AmqpBus, Bus, Features,
    amqp::Options,
    conformance::{Clock, Harness},
};
use tokio::runtime::{Builder, Runtime};

pub(crate) struct RabbitMq {
    url: String,
    bus: Option<AmqpBus>,
}

impl Harness for RabbitMq {
    const FEATURES: Features = AmqpBus::FEATURES;

    fn runtime(_: Clock) -> Runtime {
        Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime is made")
    }

    async fn set_up(_: Option<usize>) -> Self {
        let url = tokio::task::spawn_blocking(|| chimera_servers::RabbitMq::shared().new_vhost());
        let url = url.await.expect("there is a broker");
        let bus = Some(connect(&url).await);
        Self { url, bus }
    }

    fn bus(&self) -> Arc<dyn Bus> {
        Arc::new(self.bus.clone().expect("the bus was started"))
    }

    async fn stop(&mut self) {
        if let Some(bus) = self.bus.take() {
            bus.close().await;
        }
    }

    async fn start(&mut self) {
        self.bus = Some(connect(&self.url).await);
    }

    fn address(&self) -> String {
        self.url.clone()
    }

    async fn open(address: &str) -> Arc<dyn Bus> {
        Arc::new(connect(address).await)
    }
}

pub(crate) async fn connect(url: &str) -> AmqpBus {
    let connected = AmqpBus::connect(Options::new(url, "test")).await;
    connected.expect("the broker takes connections")
}
