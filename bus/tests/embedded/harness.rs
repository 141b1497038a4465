//! The embedded bus for the conformance suite: a directory of its own for each case.

use std::{path::Path, sync::Arc};

use chimera_bus::{
    Bus, EmbeddedBus, Features,
    conformance::{Clock, Harness},
    embedded::{Options, QueueLimits},
};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

pub(crate) struct Embedded {
    dir: TempDir,
    options: Options,
    bus: Option<Arc<EmbeddedBus>>,
}

impl Harness for Embedded {
    const FEATURES: Features = EmbeddedBus::FEATURES;

    fn runtime(clock: Clock) -> Runtime {
        let mut builder = match clock {
            Clock::Virtual => Builder::new_current_thread(),
            Clock::Real => Builder::new_multi_thread(),
        };
        if clock == Clock::Virtual {
            builder.start_paused(true);
        }
        builder.enable_all().build().expect("a runtime is made")
    }

    async fn set_up(max_messages: Option<usize>) -> Self {
        let mut options = Options::default();
        if let Some(messages) = max_messages {
            options.limits = QueueLimits {
                messages,
                ..QueueLimits::default()
            };
        }
        let dir = tempfile::tempdir().expect("there is room for a directory");
        let bus = open(dir.path(), options);
        Self {
            dir,
            options,
            bus: Some(Arc::new(bus)),
        }
    }

    fn bus(&self) -> Arc<dyn Bus> {
        self.bus.clone().expect("the bus was started")
    }

    async fn stop(&mut self) {
        if let Some(bus) = self.bus.take() {
            bus.close().await;
        }
    }

    async fn start(&mut self) {
        let bus = open(self.dir.path(), self.options);
        self.bus = Some(Arc::new(bus));
    }

    fn address(&self) -> String {
        self.dir.path().display().to_string()
    }

    async fn open(address: &str) -> Arc<dyn Bus> {
        Arc::new(open(Path::new(address), Options::default()))
    }
}

pub(crate) fn open(dir: &Path, options: Options) -> EmbeddedBus {
    EmbeddedBus::open(dir, options).expect("the directory is free")
}
