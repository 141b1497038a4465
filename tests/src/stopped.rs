//! What a stack leaves behind.

use anyhow::Result;
use chimera_traces::{
    Store,
    tree::{Trace, spans_from_otlp},
};
use tempfile::TempDir;

/// What a stack leaves.
#[derive(Debug)]
pub struct Stopped {
    /// Its traces, oldest first.
    pub traces: Vec<Trace>,
    /// Its directory.
    pub directory: TempDir,
}

impl Stopped {
    /// The trace with this id.
    ///
    /// # Panics
    /// When there is none.
    pub fn trace(&self, id: &str) -> &Trace {
        self.traces
            .iter()
            .find(|trace| trace.trace_id() == id)
            .expect("the trace is kept")
    }

    /// The only trace.
    ///
    /// # Panics
    /// When there is not exactly one.
    pub fn only_trace(&self) -> &Trace {
        let ids: Vec<_> = self.traces.iter().map(Trace::trace_id).collect();
        assert_eq!(ids.len(), 1, "one question is one trace, there are {ids:?}");
        &self.traces[0]
    }
}

/// Every trace in `store`.
pub fn traces(store: &Store) -> Result<Vec<Trace>> {
    let all = chimera_traces::store::Query {
        limit: 1_000,
        ..chimera_traces::store::Query::default()
    };
    let mut traces = Vec::new();
    for id in store.search(&all)? {
        traces.push(Trace::from_spans(spans_from_otlp(&store.trace(id)?)));
    }
    traces.sort_by_key(Trace::start_ns);
    Ok(traces)
}
