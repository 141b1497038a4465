//! What was published and is not confirmed yet, and which of it came back.
//!
//! RabbitMQ sends a message that no queue takes back before it confirms it. The client hands each returned message to
//! the confirm that it completes next, which need not be that message's own when one confirm stands for several, and
//! completes those in any order. So the returned message is looked for among those that wait, by its id, exchange and
//! routing key: two messages that agree in these go the same way. The confirm that carries a return never comes after the
//! message's own; all that have come are taken in at once, since they may be seen in another order. A confirm that
//! carried somebody else's return leaves open whether its own message came back too; a later confirm without a return,
//! or the end of the window, tells that it did not.

use std::collections::BTreeMap;

use lapin::{message::BasicReturnMessage, types::ShortString};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::error::BrokerError;
use crate::{Message, Routed};

/// A message on its way, and who waits for it.
pub(super) struct Order {
    pub(super) message: Message,
    pub(super) route: Route,
    pub(super) answer: oneshot::Sender<Result<Routed, BrokerError>>,
    /// Room in what may be under way at a time; free again when this is dropped.
    pub(super) room: Option<OwnedSemaphorePermit>,
}

/// Where a message goes, in AMQP's words.
#[derive(Debug, Clone)]
pub(super) struct Route {
    pub(super) exchange: ShortString,
    pub(super) routing_key: ShortString,
    pub(super) mandatory: bool,
    /// What `reply_to` says instead of what the message says.
    pub(super) reply_to: Option<&'static str>,
    /// How long the queue keeps it.
    pub(super) expires: Option<std::time::Duration>,
}

/// What tells a returned message from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    message_id: Option<String>,
    exchange: String,
    routing_key: String,
}

/// The broker has a message, or refuses it.
pub(super) struct Confirm {
    pub(super) id: u64,
    pub(super) acked: bool,
    /// The returned message that it carried.
    pub(super) returned: Option<Identity>,
}

#[derive(Default)]
pub(super) struct Window {
    next: u64,
    waiting: BTreeMap<u64, Entry>,
    /// Confirmed, but a return may still be theirs.
    open: Vec<u64>,
}

struct Entry {
    order: Order,
    returned: bool,
}

impl Order {
    /// Whether nobody waits for it any more.
    fn is_given_up(&self) -> bool {
        self.answer.is_closed()
    }

    pub(super) fn finish(self, result: Result<Routed, BrokerError>) {
        drop(self.room);
        // Whoever published may have given up.
        let _ = self.answer.send(result);
    }

    fn is(&self, identity: &Identity) -> bool {
        self.message.properties.message_id == identity.message_id
            && self.route.exchange.as_str() == identity.exchange
            && self.route.routing_key.as_str() == identity.routing_key
    }
}

impl From<&BasicReturnMessage> for Identity {
    fn from(returned: &BasicReturnMessage) -> Self {
        let id = returned.properties.message_id();
        Self {
            message_id: id.as_ref().map(ToString::to_string),
            exchange: returned.exchange.to_string(),
            routing_key: returned.routing_key.to_string(),
        }
    }
}

impl Window {
    pub(super) fn insert(&mut self, order: Order) -> u64 {
        let id = self.next;
        self.next += 1;
        let entry = Entry {
            order,
            returned: false,
        };
        self.waiting.insert(id, entry);
        id
    }

    /// The one message that waits, if it is one.
    pub(super) fn only(&self) -> Option<u64> {
        let mut ids = self.waiting.keys();
        ids.next().copied().filter(|_| ids.next().is_none())
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn get(&self, id: u64) -> Option<&Order> {
        self.waiting.get(&id).map(|entry| &entry.order)
    }

    /// Takes in all the confirms that have come so far: with a message's own, the one that carried its return is among
    /// them, in whatever order they are.
    pub(super) fn confirm(&mut self, confirms: Vec<Confirm>) {
        // A confirm without a return came after what was open before it.
        let nothing_held = confirms.iter().any(|confirm| confirm.returned.is_none());
        let told = if nothing_held {
            std::mem::take(&mut self.open)
        } else {
            Vec::new()
        };
        for Confirm { id, returned, .. } in &confirms {
            if let Some(identity) = returned {
                self.note_return(*id, identity);
            }
        }
        for Confirm {
            id,
            acked,
            returned,
        } in confirms
        {
            if !acked {
                self.finish(id, Err(BrokerError::Nacked));
            } else if returned.is_none() || self.is_returned(id) {
                self.finish_routed(id);
            } else {
                self.open.push(id);
            }
        }
        told.into_iter().for_each(|id| self.finish_routed(id));
        self.finish_open();
    }

    /// Those whose return came after their confirm; and all, when no message is left that another return can be of.
    fn finish_open(&mut self) {
        let is_all = self.open.len() == self.waiting.len();
        let (told, open): (Vec<u64>, _) = std::mem::take(&mut self.open)
            .into_iter()
            .partition(|id| is_all || self.is_returned(*id));
        self.open = open;
        told.into_iter().for_each(|id| self.finish_routed(id));
    }

    /// Notes which message came back: the one with this `id`, if it fits.
    fn note_return(&mut self, id: u64, identity: &Identity) {
        let is_it = |entry: &&mut Entry| !entry.returned && entry.order.is(identity);
        if let Some(entry) = self
            .waiting
            .get_mut(&id)
            .as_mut()
            .filter(|entry| is_it(entry))
        {
            entry.returned = true;
            return;
        }
        match self.waiting.values_mut().find(is_it) {
            Some(entry) => entry.returned = true,
            None => tracing::debug!(?identity, "a message came back that nobody waits for"),
        }
    }

    fn is_returned(&self, id: u64) -> bool {
        self.waiting.get(&id).is_some_and(|entry| entry.returned)
    }

    fn finish_routed(&mut self, id: u64) {
        if let Some(entry) = self.waiting.remove(&id) {
            let routed = if entry.returned {
                Routed::Nowhere
            } else {
                Routed::ToQueue
            };
            entry.order.finish(Ok(routed));
        }
    }

    pub(super) fn finish(&mut self, id: u64, result: Result<Routed, BrokerError>) {
        if let Some(entry) = self.waiting.remove(&id) {
            entry.order.finish(result);
        }
    }

    /// What has to be sent again on the next channel, in its order.
    pub(super) fn unconfirmed(&mut self) -> Vec<u64> {
        for id in std::mem::take(&mut self.open) {
            self.finish_routed(id);
        }
        self.waiting.retain(|_, entry| {
            entry.returned = false;
            !entry.order.is_given_up()
        });
        self.waiting.keys().copied().collect()
    }

    pub(super) fn fail_all(&mut self, error: &BrokerError) {
        for id in self.unconfirmed() {
            self.finish(id, Err(error.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RoutingKey;

    type Answer = oneshot::Receiver<Result<Routed, BrokerError>>;

    fn order(window: &mut Window, key: &'static str) -> (u64, Identity, Answer) {
        let (answer, receiver) = oneshot::channel();
        let message = Message::event(RoutingKey::from_static(key), "1");
        let identity = Identity {
            message_id: message.properties.message_id.clone(),
            exchange: "chimera.events".to_owned(),
            routing_key: key.to_owned(),
        };
        let id = window.insert(Order {
            message,
            route: Route {
                exchange: "chimera.events".into(),
                routing_key: key.into(),
                mandatory: true,
                reply_to: None,
                expires: None,
            },
            answer,
            room: None,
        });
        (id, identity, receiver)
    }

    fn confirm(id: u64, acked: bool, returned: Option<&Identity>) -> Confirm {
        Confirm {
            id,
            acked,
            returned: returned.cloned(),
        }
    }

    fn check(mut answer: Answer, expected: Option<Routed>) {
        let answer = answer.try_recv().ok().map(|result| result.unwrap());
        assert_eq!(answer, expected);
    }

    #[test]
    fn each_confirm_finishes_its_own() {
        let mut window = Window::default();
        let (first, returned, first_answer) = order(&mut window, "nowhere");
        let (second, _, second_answer) = order(&mut window, "somewhere");
        window.confirm(vec![confirm(second, true, None)]);
        window.confirm(vec![confirm(first, true, Some(&returned))]);
        check(first_answer, Some(Routed::Nowhere));
        check(second_answer, Some(Routed::ToQueue));
        assert_eq!(window.len(), 0);
    }

    #[test]
    fn a_return_finds_its_message_through_the_confirm_of_another() {
        let mut window = Window::default();
        let (first, returned, first_answer) = order(&mut window, "nowhere");
        let (second, _, mut second_answer) = order(&mut window, "somewhere");
        let (third, _, third_answer) = order(&mut window, "somewhere");
        window.confirm(vec![confirm(second, true, Some(&returned))]);
        assert!(
            second_answer.try_recv().is_err(),
            "its own return may follow"
        );
        window.confirm(vec![confirm(first, true, None)]);
        check(first_answer, Some(Routed::Nowhere));
        check(second_answer, Some(Routed::ToQueue));
        window.confirm(vec![confirm(third, true, None)]);
        check(third_answer, Some(Routed::ToQueue));
    }

    #[test]
    fn the_confirm_that_carries_a_return_may_be_seen_after_its_own() {
        let mut window = Window::default();
        let (first, returned, first_answer) = order(&mut window, "nowhere");
        let (second, _, mut second_answer) = order(&mut window, "somewhere");
        let (third, _, third_answer) = order(&mut window, "somewhere");
        window.confirm(vec![
            confirm(first, true, None),
            confirm(second, true, Some(&returned)),
        ]);
        check(first_answer, Some(Routed::Nowhere));
        assert!(
            second_answer.try_recv().is_err(),
            "the confirm without a return may be the earlier one"
        );
        window.confirm(vec![confirm(third, true, None)]);
        check(second_answer, Some(Routed::ToQueue));
        check(third_answer, Some(Routed::ToQueue));
    }

    #[test]
    fn two_returns_may_change_places() {
        let mut window = Window::default();
        let (first, first_returned, first_answer) = order(&mut window, "nowhere");
        let (second, second_returned, second_answer) = order(&mut window, "neither");
        window.confirm(vec![confirm(first, true, Some(&second_returned))]);
        window.confirm(vec![confirm(second, true, Some(&first_returned))]);
        check(first_answer, Some(Routed::Nowhere));
        check(second_answer, Some(Routed::Nowhere));
        assert_eq!(window.len(), 0);
    }

    #[test]
    fn what_nobody_waits_for_is_not_repeated() {
        let mut window = Window::default();
        let (_, _, given_up) = order(&mut window, "a");
        let (kept, _, _answer) = order(&mut window, "b");
        drop(given_up);
        assert_eq!(window.unconfirmed(), [kept]);
    }

    #[test]
    fn a_refused_message_is_an_error() {
        let mut window = Window::default();
        let (id, _, mut answer) = order(&mut window, "a");
        window.confirm(vec![confirm(id, false, None)]);
        assert_eq!(answer.try_recv(), Ok(Err(BrokerError::Nacked)));
    }
}
