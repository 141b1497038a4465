//! One asks, and those who want the same meanwhile wait for the answer.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What is being asked for, each by one only.
#[derive(Debug, Default)]
pub(super) struct Flights(Mutex<HashMap<String, Arc<Semaphore>>>);

/// The right to ask for something, until it is dropped.
#[derive(Debug)]
pub(crate) struct Flight<'a> {
    flights: &'a Flights,
    key: String,
    permit: Option<OwnedSemaphorePermit>,
    waited: bool,
}

impl Flights {
    /// Waits until nobody else asks for `key`.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the line.
    pub(super) async fn board(&self, key: &str) -> Flight<'_> {
        let seat = Arc::clone(
            self.seats()
                .entry(key.to_owned())
                .or_insert_with(|| Arc::new(Semaphore::new(1))),
        );
        let mut flight = Flight {
            flights: self,
            key: key.to_owned(),
            permit: Arc::clone(&seat).try_acquire_owned().ok(),
            waited: false,
        };
        if flight.permit.is_none() {
            flight.waited = true;
            flight.permit = seat.acquire_owned().await.ok();
        }
        flight
    }

    fn seats(&self) -> MutexGuard<'_, HashMap<String, Arc<Semaphore>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flight<'_> {
    /// Whether somebody else asked for the same until now, so that the answer may be in the cache.
    pub(crate) fn waited(&self) -> bool {
        self.waited
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        let mut seats = self.flights.seats();
        self.permit = None;
        // Whoever waits holds a clone, and takes it under the same lock.
        if seats
            .get(&self.key)
            .is_some_and(|seat| Arc::strong_count(seat) == 1)
        {
            seats.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, poll};

    use super::*;

    #[tokio::test]
    async fn one_at_a_time_asks_for_the_same() {
        let flights = Flights::default();
        let first = flights.board("a").await;
        assert!(!first.waited());
        assert!(flights.board("b").now_or_never().is_some());
        let mut second = Box::pin(flights.board("a"));
        assert!(poll!(&mut second).is_pending());
        drop(first);
        let second = second.await;
        assert!(second.waited());
        drop(second);
        assert!(flights.seats().is_empty());
    }

    #[tokio::test]
    async fn one_that_gives_up_waiting_leaves_nothing_behind() {
        let flights = Flights::default();
        let first = flights.board("a").await;
        let mut second = Box::pin(flights.board("a"));
        assert!(poll!(&mut second).is_pending());
        drop(second);
        assert_eq!(flights.seats().len(), 1);
        drop(first);
        assert!(flights.seats().is_empty());
    }
}
