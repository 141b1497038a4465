//! Label values, of which there are never too many.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use opentelemetry::StringValue;

use crate::telemetry::redact;

/// What stands for the values that came too late.
pub(super) const OTHER: &str = "_OTHER";

/// More values than queues, routes and collections of one service: beyond this someone makes names up.
const MAX: usize = 512;

/// The values seen so far, each with what is shown of it, so that a label costs no allocation, their number is bounded, and
/// each is searched for credentials once.
#[derive(Default)]
pub(super) struct Names(RwLock<HashMap<Box<str>, Arc<str>>>);

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
        let shown = Arc::<str>::from(redact::text(name));
        known.insert(name.into(), Arc::clone(&shown));
        shown.into()
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

    #[test]
    fn a_credential_in_a_name_is_not_shown() {
        let names = Names::default();
        for _ in 0..2 {
            let name = names.get("jobs.ghp_hush36efghijklmnopqrstuvwxyz0123456789");
            assert_eq!(name.as_str(), "jobs.REDACTED");
        }
    }
}
