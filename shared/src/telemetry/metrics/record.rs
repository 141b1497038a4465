//! What is recorded: one measurement each, with what its labels are made of.

use std::time::Duration;

use crate::telemetry::{MethodName, Span};

/// A message that was worked on.
#[derive(Debug, Clone, Copy)]
pub struct Processed<'a> {
    /// `messaging.system`.
    pub system: &'static str,
    /// `server.address` and `server.port`; a bus in this process has neither.
    pub server: Option<(&'a str, u16)>,
    /// The queue it came from, for Chimera's own metrics.
    pub queue: &'a str,
    /// `exchange:routing key:queue`, as in the span's name, for those of the conventions.
    pub destination: &'a str,
    /// What became of it, as `chimera.outcome` names it; `retry` and `dead_letter` are counted on their own, too.
    pub outcome: &'static str,
    /// Why it failed, if it did.
    pub error_type: Option<&'static str>,
    /// How long the handler took.
    pub duration: Duration,
    /// The span that it was measured in, for the exemplar.
    pub span: Option<&'a Span>,
}

/// An operation of a messaging client: a message that was sent, or a delivery that was settled, or that was to be.
#[derive(Debug, Clone, Copy)]
pub struct MessagingCall<'a> {
    /// `messaging.system`.
    pub system: &'static str,
    /// `server.address` and `server.port`; a bus in this process has neither.
    pub server: Option<(&'a str, u16)>,
    /// `publish`, `request`, `retry`, as in the span's name.
    pub operation: &'static str,
    /// `messaging.destination.name`, as its span has it.
    pub destination: &'a str,
    /// Why it failed, if it did.
    pub error_type: Option<&'static str>,
    /// How long it took: until the confirm, the reply, or the end of the settlement.
    pub duration: Duration,
    /// The span that it was measured in, for the exemplar.
    pub span: Option<&'a Span>,
}

/// A call of a database or a cache.
#[derive(Debug, Clone, Copy)]
pub struct DbCall<'a> {
    /// `db.system.name`.
    pub system: &'static str,
    /// `db.operation.name`: `find`, `GET`.
    pub operation: &'static str,
    /// `db.collection.name`; a cache has none.
    pub collection: Option<&'a str>,
    /// `db.namespace`: the database that the collection is in.
    pub namespace: Option<&'a str>,
    /// `server.address` and `server.port`; what is in this process has neither.
    pub server: Option<(&'a str, u16)>,
    /// `db.response.status_code`: what the server said, when it failed the call.
    pub status_code: Option<&'a str>,
    /// Why it failed, if it did.
    pub error_type: Option<&'a str>,
    /// How long it took.
    pub duration: Duration,
    /// The span that it was measured in, for the exemplar.
    pub span: Option<&'a Span>,
}

/// An HTTP request that came in or went out.
#[derive(Debug, Clone, Copy)]
pub struct HttpExchange<'a> {
    /// The method, as the span has it.
    pub method: &'a MethodName,
    /// `network.protocol.version`: of the request that came in, or of the answer.
    pub protocol_version: Option<&'static str>,
    /// The route that took it, or the host that it went to.
    pub place: Place<'a>,
    /// The status of the answer, when there was one.
    pub status: Option<u16>,
    /// Why it failed, if it did: the status as text, or the kind of error.
    pub error_type: Option<&'a str>,
    /// How long it took.
    pub duration: Duration,
    /// The span that it was measured in, for the exemplar.
    pub span: Option<&'a Span>,
}

/// Which side of an HTTP exchange the service was on.
#[derive(Debug, Clone, Copy)]
pub enum Place<'a> {
    /// It answered, on this route (`None`: no route matched).
    Server(Option<&'a str>),
    /// It asked this host, at this port.
    Client(&'a str, Option<u16>),
}

/// What is in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueDepth {
    /// Messages that could be delivered.
    pub ready: u64,
    /// Messages that consumers have and did not settle.
    pub unsettled: u64,
    /// Messages that wait for the end of a delay.
    pub delayed: u64,
    /// Messages in the queue of its dead letters.
    pub dead_letters: u64,
}
