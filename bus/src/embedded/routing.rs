//! Which queues a message reaches.

use std::{collections::HashMap, sync::Arc};

use crate::{BindingKey, RoutingKey};

/// Routing keys whose queues are remembered. Keys are few; a sender that makes up new ones all the time costs matching.
const REMEMBERED_KEYS: usize = 1024;

/// The bindings of the topic exchange.
#[derive(Debug, Default)]
pub(super) struct Bindings {
    bound: Vec<(BindingKey, u32)>,
    remembered: HashMap<RoutingKey, Arc<[u32]>>,
}

impl Bindings {
    pub(super) fn bind(&mut self, key: BindingKey, queue: u32) {
        self.remembered.clear();
        self.bound.push((key, queue));
    }

    pub(super) fn unbind(&mut self, queue: u32) {
        self.remembered.clear();
        self.bound.retain(|(_, bound)| *bound != queue);
    }

    /// The queues that `key` reaches, each once.
    pub(super) fn route(&mut self, key: &RoutingKey) -> Arc<[u32]> {
        if let Some(queues) = self.remembered.get(key) {
            return queues.clone();
        }
        let mut queues: Vec<u32> = self
            .bound
            .iter()
            .filter(|(binding, _)| binding.matches(key))
            .map(|(_, queue)| *queue)
            .collect();
        queues.sort_unstable();
        queues.dedup();
        let queues: Arc<[u32]> = queues.into();
        if self.remembered.len() >= REMEMBERED_KEYS {
            self.remembered.clear();
        }
        self.remembered.insert(key.clone(), queues.clone());
        queues
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_reached_once_however_often_it_is_bound() {
        let mut bindings = Bindings::default();
        bindings.bind(BindingKey::from_static("a.*"), 1);
        bindings.bind(BindingKey::from_static("a.#"), 1);
        bindings.bind(BindingKey::from_static("a.b"), 2);
        let key = RoutingKey::from_static("a.b");
        assert_eq!(&*bindings.route(&key), [1, 2]);
        bindings.unbind(1);
        assert_eq!(&*bindings.route(&key), [2]);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut bindings = Bindings::default();
        for n in 0..=REMEMBERED_KEYS {
            let key = RoutingKey::new(format!("key.{n}")).unwrap();
            assert!(bindings.route(&key).is_empty());
        }
        assert!(bindings.remembered.len() <= REMEMBERED_KEYS);
    }
}
