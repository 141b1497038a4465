//! Where a name leads, and so who is at the other end of a connection: the client itself does not tell.

use std::{io, net::SocketAddr, sync::Arc};

use redis::{RedisFuture, io::AsyncDNSResolver};

use crate::telemetry::Peer;

/// Asks the system, and writes down what it said where that is one address. With several the client tries them all at once,
/// and which of them it was cannot be known.
pub(super) struct Resolver(pub(super) Arc<Peer>);

impl AsyncDNSResolver for Resolver {
    fn resolve<'a, 'b: 'a>(
        &'a self,
        host: &'b str,
        port: u16,
    ) -> RedisFuture<'a, Box<dyn Iterator<Item = SocketAddr> + Send + 'a>> {
        Box::pin(async move {
            let mut found: Vec<_> = tokio::net::lookup_host((host, port)).await?.collect();
            found.dedup();
            match found[..] {
                [] => return Err(io::Error::from(io::ErrorKind::NotFound).into()),
                [only] => self.0.is(Some(only)),
                [..] => {}
            }
            Ok(Box::new(found.into_iter()) as Box<_>)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_address_is_the_peer() {
        async fn check(host: &str, expected: Option<&str>) {
            let peer = Arc::<Peer>::default();
            let resolver = Resolver(Arc::clone(&peer));
            let found = resolver.resolve(host, 6379).await;
            assert_eq!(
                found.is_ok_and(|mut found| found.next().is_some()),
                expected.is_some()
            );
            assert_eq!(peer.get(), expected.map(|peer| peer.parse().unwrap()));
        }
        check("127.0.0.1", Some("127.0.0.1:6379")).await;
        check("::1", Some("[::1]:6379")).await;
        check("no host", None).await;
    }
}
