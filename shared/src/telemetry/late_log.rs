//! A way to log for those that exist before their service's subscriber does.

use std::sync::OnceLock;

use tracing::{Dispatch, dispatcher, dispatcher::WeakDispatch};

/// Says nothing until it knows the subscriber.
///
/// It holds it weakly: the subscriber holds the tracer, that the pipeline, and that this.
#[derive(Debug, Default)]
pub(super) struct LateLog(OnceLock<WeakDispatch>);

impl LateLog {
    pub(super) fn log_to(&self, dispatch: &Dispatch) {
        let _ = self.0.set(dispatch.downgrade());
    }

    pub(super) fn say(&self, log: impl FnOnce()) {
        if let Some(dispatch) = self.0.get().and_then(WeakDispatch::upgrade) {
            dispatcher::with_default(&dispatch, log);
        }
    }
}
