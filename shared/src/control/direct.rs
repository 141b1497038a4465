//! What the door does for commands, done on a broker that the command itself reaches.

use std::{fmt, time::Duration};

use chimera_bus::{Message, PublishError, RequestError, Routed};

use super::{Accepted, Outgoing, Replied, TooPatient};
use crate::{
    agent::Messaging,
    config::{BusUrl, Config, Exporter},
    context::SendError,
    door,
    platform::{OpenError, PlatformBus, connect_once},
    telemetry::{Scope, Setup, Siblings, Span, SpanKind, SpanStart, Telemetry, TelemetryError},
};

/// How long spans may take to be exported when the command ends.
const FLUSH_LIMIT: Duration = Duration::from_secs(5);

/// A connection to the configured broker, with telemetry of the command's own.
pub struct Direct {
    messaging: Messaging,
    bus: PlatformBus,
}

/// A command could not be carried out on the broker.
#[derive(Debug, thiserror::Error)]
pub enum DirectError {
    /// The broker cannot be had.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Telemetry cannot be set up.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// The message cannot be made.
    #[error(transparent)]
    Send(#[from] SendError),
    /// It was not published.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// There was no reply.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The reply would be waited for too long.
    #[error(transparent)]
    Timeout(#[from] TooPatient),
}

impl Direct {
    /// Connects to the broker of `config`; `None` where the bus is embedded. A broker that cannot be reached is an error:
    /// who gives a command does not want to wait for long.
    ///
    /// Spans go to the exporters of `config`, but not to the built-in store, which belongs to a process that stays.
    ///
    /// # Errors
    /// [`DirectError::Open`] and [`DirectError::Telemetry`].
    pub async fn connect(config: &Config) -> Result<Option<Self>, DirectError> {
        let BusUrl::Amqp(url) = &config.bus.url else {
            return Ok(None);
        };
        let mut exporters = config.telemetry.clone();
        exporters
            .exporters
            .retain(|exporter| *exporter != Exporter::Embedded);
        let telemetry = Telemetry::build(
            door::SERVICE,
            Setup {
                telemetry: &exporters,
                log: &config.log,
                version: Some(env!("CARGO_PKG_VERSION")),
                store: None,
                siblings: Siblings::default(),
            },
        )?;
        let bus = connect_once(&config.bus, url, door::SERVICE).await?;
        Ok(Some(Self {
            messaging: Messaging::new(door::SERVICE, telemetry, &bus),
            bus,
        }))
    }

    /// Publishes a message. It joins the trace that its headers name, else it starts one.
    ///
    /// # Errors
    /// [`DirectError::Send`] and [`DirectError::Publish`].
    pub async fn publish(&self, outgoing: &Outgoing) -> Result<Accepted, DirectError> {
        let message = outgoing.message(&self.messaging)?;
        let span = self.begin("chimera publish", &message);
        let message_id = message.properties.message_id.clone().unwrap_or_default();
        let routed = self.messaging.send(span.scope(), message).await?;
        Ok(Accepted {
            message_id,
            trace_id: trace_id(&span),
            routed: routed == Routed::ToQueue,
        })
    }

    /// Makes a request, and waits for its reply.
    ///
    /// # Errors
    /// [`DirectError::Send`], [`DirectError::Request`] and [`DirectError::Timeout`].
    pub async fn request(&self, outgoing: &Outgoing) -> Result<Replied, DirectError> {
        let timeout = outgoing.timeout()?;
        let message = outgoing.message(&self.messaging)?.transient();
        let span = self.begin("chimera request", &message);
        let reply = self.messaging.ask(span.scope(), message, timeout).await?;
        Ok(Replied::of(trace_id(&span), &reply))
    }

    /// Opens the command's span, in the trace that the message's headers name.
    fn begin(&self, command: &'static str, message: &Message) -> Span {
        let telemetry = &self.messaging.telemetry;
        let parent = telemetry.propagator().extract_message(message);
        let scope = Scope::new(telemetry.clone(), parent);
        scope.start(SpanStart::new(SpanKind::Internal, command))
    }

    /// Ends the connection, and exports the spans that are left.
    pub async fn close(self) {
        self.bus.close().await;
        let telemetry = self.messaging.telemetry;
        let flushing = tokio::task::spawn_blocking(move || telemetry.shutdown(FLUSH_LIMIT));
        // A flush that panicked has lost spans, not the message.
        let _ = flushing.await;
    }
}

fn trace_id(span: &Span) -> String {
    span.scope().span_context().trace_id().to_string()
}

impl fmt::Debug for Direct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Direct")
            .field("bus", &self.bus)
            .finish_non_exhaustive()
    }
}
