//! Label values, of which there are never too many.

use std::{
    collections::HashSet,
    sync::{Arc, PoisonError, RwLock},
};

use opentelemetry::StringValue;

/// What stands for the values that came too late.
pub(super) const OTHER: &str = "_OTHER";

/// More values than queues, routes and collections of one service: beyond this someone makes names up.
const MAX: usize = 512;

/// The values seen so far, so that a label costs no allocation and their number is bounded.
#[derive(Default)]
pub(super) struct Names(RwLock<HashSet<Arc<str>>>);

impl Names {
    pub(super) fn get(&self, name: &str) -> StringValue {
        let known = self
            .0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .cloned();
        known.map_or_else(|| self.meet(name), StringValue::from)
    }

    fn meet(&self, name: &str) -> StringValue {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX {
            return OTHER.into();
        }
        let name = Arc::<str>::from(name);
        known.insert(Arc::clone(&name));
        name.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_too_late_is_folded() {
        let names = Names::default();
        for number in 0..MAX {
            assert_eq!(names.get(&number.to_string()).as_str(), number.to_string());
        }
        assert_eq!(names.get("one too many").as_str(), OTHER);
        assert_eq!(names.get("7").as_str(), "7");
    }
}
