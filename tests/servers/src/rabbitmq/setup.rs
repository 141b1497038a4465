//! What a broker can be set up with.

use crate::Certificates;

/// How a broker is set up. The default is RabbitMQ's own, without plugins.
#[derive(Debug, Clone, Default)]
pub struct RabbitMqSetup {
    pub(super) lines: Vec<String>,
    pub(super) certificates: Option<Certificates>,
    pub(super) management: bool,
}

impl RabbitMqSetup {
    /// RabbitMQ's own.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a line to `rabbitmq.conf`, for instance `vm_memory_high_watermark.absolute = 64MB`.
    #[must_use]
    pub fn line(mut self, line: &str) -> Self {
        self.lines.push(line.to_owned());
        self
    }

    /// Takes connections with TLS too, on [`amqps_port`](super::RabbitMq::amqps_port). Clients need no certificate.
    #[must_use]
    pub fn certificates(mut self, certificates: &Certificates) -> Self {
        self.certificates = Some(certificates.clone());
        self
    }

    /// Runs the management plugin, on [`management_port`](super::RabbitMq::management_port).
    #[must_use]
    pub fn management(mut self) -> Self {
        self.management = true;
        self
    }
}
