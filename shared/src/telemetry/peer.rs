//! Who was at the other end of a connection: `network.peer.*`, which a name in `server.address` may leave open.
//!
//! Source: <https://opentelemetry.io/docs/specs/semconv/general/attributes/#network-peer-and-network-local-attributes>.

use std::{
    net::SocketAddr,
    sync::{Mutex, PoisonError},
};

use opentelemetry::KeyValue;

use super::{Span, SpanStart, keys};

/// The peer that an operation reached; where it took several calls, the last one, as the conventions have it.
#[derive(Debug, Default)]
pub(crate) struct Peer(Mutex<Option<SocketAddr>>);

impl Peer {
    /// A call reached `peer`.
    pub(crate) fn is(&self, peer: Option<SocketAddr>) {
        if peer.is_some() {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = peer;
        }
    }

    /// Who it was, if anybody was reached and the client told it.
    pub(crate) fn get(&self) -> Option<SocketAddr> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Span {
    /// Records who was reached.
    pub(crate) fn reached(&self, peer: Option<SocketAddr>) {
        let Some(peer) = peer.filter(|_| self.is_recording()) else {
            return;
        };
        attributes(peer).into_iter().for_each(|one| self.set(one));
    }
}

impl SpanStart {
    /// The same, where it is known from the beginning who is reached.
    pub(crate) fn reaching(self, peer: SocketAddr) -> Self {
        attributes(peer).into_iter().fold(self, Self::with)
    }
}

fn attributes(peer: SocketAddr) -> [KeyValue; 2] {
    let address = peer.ip().to_canonical().to_string();
    [
        KeyValue::new(keys::NETWORK_PEER_ADDRESS, address),
        KeyValue::new(keys::NETWORK_PEER_PORT, i64::from(peer.port())),
    ]
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::SpanKind;

    use super::*;
    use crate::telemetry::Telemetry;

    #[test]
    fn the_last_one_that_was_reached_is_told() {
        fn check(reached: &[Option<&str>], expected: &[&str]) {
            let (telemetry, spans) = Telemetry::for_test("svc");
            let span = telemetry
                .root()
                .start(SpanStart::new(SpanKind::Client, "GET"));
            let peer = Peer::default();
            for address in reached {
                peer.is(address.map(|address| address.parse().unwrap()));
            }
            span.reached(peer.get());
            span.end();
            let span = spans.get_finished_spans().unwrap().remove(0);
            let told: Vec<_> = span
                .attributes
                .iter()
                .map(|attribute| format!("{}={}", attribute.key, attribute.value))
                .collect();
            assert_eq!(told, expected);
        }
        check(&[None], &[]);
        let first = ["network.peer.address=10.0.0.1", "network.peer.port=6379"];
        check(&[Some("10.0.0.1:6379"), None], &first);
        check(&[Some("[::ffff:10.0.0.1]:6379")], &first);
        let second = ["network.peer.address=::1", "network.peer.port=7"];
        check(&[Some("10.0.0.1:6379"), Some("[::1]:7")], &second);
    }
}
