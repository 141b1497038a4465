//! Whether the broker is there, as readiness and the log say it.

use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

use super::connect::Purpose;

/// Whether a bus has its broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Connectivity {
    /// Messages flow.
    Connected,
    /// The broker delivers, and takes no messages.
    Blocked {
        /// What it is short of.
        reason: String,
    },
    /// There is no connection; the bus is trying to have one again.
    Disconnected {
        /// Why.
        why: String,
    },
}

/// Puts what is known of the two connections together, and logs each change once.
#[derive(Debug)]
pub(super) struct Reporter {
    /// `host:port`, several separated by commas.
    places: String,
    links: Mutex<Links>,
    state: watch::Sender<Connectivity>,
}

#[derive(Debug)]
struct Links {
    publish: Connectivity,
    consume: Connectivity,
}

impl Reporter {
    /// Both connections to `places` are up.
    pub(super) fn new(places: String) -> Self {
        Self {
            places,
            links: Mutex::new(Links {
                publish: Connectivity::Connected,
                consume: Connectivity::Connected,
            }),
            state: watch::Sender::new(Connectivity::Connected),
        }
    }

    pub(super) fn watch(&self) -> watch::Receiver<Connectivity> {
        self.state.subscribe()
    }

    pub(super) fn set(&self, purpose: Purpose, now: Connectivity) {
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        match purpose {
            Purpose::Publish => links.publish = now,
            Purpose::Consume => links.consume = now,
        }
        let whole = links.whole();
        self.state.send_if_modified(|state| {
            if *state == whole {
                return false;
            }
            tell(&self.places, state, &whole);
            *state = whole;
            true
        });
    }
}

impl Links {
    /// The worse of the two.
    fn whole(&self) -> Connectivity {
        match (&self.publish, &self.consume) {
            (down @ Connectivity::Disconnected { .. }, _)
            | (_, down @ Connectivity::Disconnected { .. }) => down.clone(),
            (blocked @ Connectivity::Blocked { .. }, _) => blocked.clone(),
            (Connectivity::Connected, _) => Connectivity::Connected,
        }
    }
}

fn tell(places: &str, before: &Connectivity, now: &Connectivity) {
    use Connectivity::{Blocked, Connected, Disconnected};
    match (before, now) {
        (Disconnected { .. }, Disconnected { .. }) | (Blocked { .. }, Blocked { .. }) => {}
        (_, Disconnected { why }) => {
            tracing::warn!(
                why,
                "the connection to RabbitMQ at {places} is lost: publishing waits, nothing is delivered; \
                 it is tried again until it is back"
            );
        }
        (_, Blocked { reason }) => {
            tracing::warn!(
                reason,
                "RabbitMQ at {places} takes no messages for now: publishing waits"
            );
        }
        (Disconnected { .. }, Connected) => {
            tracing::info!("the connection to RabbitMQ at {places} is back");
        }
        (_, Connected) => tracing::info!("RabbitMQ at {places} takes messages again"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worse_of_two_connections_counts() {
        let down = |why: &str| Connectivity::Disconnected {
            why: why.to_owned(),
        };
        let blocked = || Connectivity::Blocked {
            reason: "low on memory".to_owned(),
        };
        let reporter = Reporter::new("host:5672".to_owned());
        let state = reporter.watch();
        let check = |purpose, now, expected: Connectivity| {
            reporter.set(purpose, now);
            assert_eq!(*state.borrow(), expected);
        };
        check(Purpose::Publish, blocked(), blocked());
        check(Purpose::Consume, down("cut"), down("cut"));
        check(Purpose::Consume, Connectivity::Connected, blocked());
        check(
            Purpose::Publish,
            Connectivity::Connected,
            Connectivity::Connected,
        );
        check(Purpose::Publish, down("cut"), down("cut"));
    }
}
