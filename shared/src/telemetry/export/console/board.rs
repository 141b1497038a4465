//! Where the services of a process put their spans, so that the parts of a trace are shown together.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    io::{self, IsTerminal as _},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anstream::{AutoStream, ColorChoice};
use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_sdk::trace::SpanData;
use terminal_size::{Width, terminal_size_of};
use tokio::time::Instant;

use super::tree::{self, Look};

/// How long a trace whose part here is over waits for what others in the process have of it: they work on, and each span
/// takes the way through a queue.
const HOLD: Duration = Duration::from_millis(400);

/// Longest that it waits while spans keep coming.
const LONGEST_HOLD: Duration = Duration::from_secs(5);

/// Spans whose root does not end, or ended before them, are shown when this long none came to their trace.
const PATIENCE: Duration = Duration::from_secs(60);

/// Spans that wait. Beyond it the oldest trace is shown as far as it is known.
pub(super) const MAX_WAITING: usize = 10_000;

/// Columns of what is no terminal.
const COLUMNS: usize = 100;

/// Shows traces, each when it is over for now. What is left it shows at its own end.
pub(in crate::telemetry) struct Board(Mutex<Traces>);

struct Traces {
    waiting: HashMap<TraceId, Waiting>,
    held: usize,
    screen: Screen,
}

/// Where traces are drawn.
pub(super) struct Screen {
    pub(super) has_colours: bool,
    /// The same for ever where there is no terminal to ask.
    pub(super) columns: Option<usize>,
    pub(super) output: Box<dyn io::Write + Send>,
}

/// A span and whose it is.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) service: Arc<str>,
    pub(super) span: SpanData,
}

impl Entry {
    pub(super) fn id(&self) -> SpanId {
        self.span.span_context.span_id()
    }

    /// Whether its parent is nobody's in its service.
    fn is_local_root(&self) -> bool {
        self.span.parent_span_id == SpanId::INVALID || self.span.parent_span_is_remote
    }
}

/// The spans of one trace that were not shown yet.
struct Waiting {
    entries: Vec<Entry>,
    touched: Instant,
    /// When the first local root came, if one did.
    rooted: Option<Instant>,
}

impl Board {
    /// One on standard error; with colours on a terminal that is to have them.
    pub(in crate::telemetry) fn new() -> Self {
        let stderr = io::stderr();
        let choice = AutoStream::choice(&stderr);
        Self::on(Screen {
            has_colours: choice != ColorChoice::Never,
            columns: (!stderr.is_terminal()).then_some(COLUMNS),
            output: Box::new(stderr),
        })
    }

    /// One on `output`, without colours, and as wide as anything.
    #[cfg(test)]
    pub(in crate::telemetry) fn to(output: Box<dyn io::Write + Send>) -> Self {
        Self::on(Screen {
            has_colours: false,
            columns: Some(usize::MAX),
            output,
        })
    }

    pub(super) fn on(screen: Screen) -> Self {
        Self(Mutex::new(Traces {
            waiting: HashMap::new(),
            held: 0,
            screen,
        }))
    }

    /// Takes spans of `service`, and shows what is due; says when something will be again.
    pub(super) fn take(&self, service: &Arc<str>, batch: Vec<SpanData>) -> Option<Instant> {
        let mut traces = self.lock();
        for span in batch {
            let service = Arc::clone(service);
            traces.take(Entry { service, span });
        }
        traces.show_due()
    }

    /// Shows what is due; says when something will be again.
    pub(super) fn show_due(&self) -> Option<Instant> {
        self.lock().show_due()
    }

    fn lock(&self) -> MutexGuard<'_, Traces> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Board").finish_non_exhaustive()
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        for id in self.by_age() {
            self.show_all(id);
        }
    }
}

impl Traces {
    fn take(&mut self, entry: Entry) {
        let now = Instant::now();
        let id = entry.span.span_context.trace_id();
        let trace = self.waiting.entry(id).or_insert_with(|| Waiting {
            entries: Vec::new(),
            touched: now,
            rooted: None,
        });
        trace.touched = now;
        if entry.is_local_root() {
            trace.rooted.get_or_insert(now);
        }
        trace.entries.push(entry);
        self.held += 1;
    }

    /// The traces, those first to which nothing came for longest.
    fn by_age(&self) -> Vec<TraceId> {
        let mut ids: Vec<_> = self.waiting.keys().copied().collect();
        ids.sort_by_key(|id| self.waiting[id].touched);
        ids
    }

    fn show_due(&mut self) -> Option<Instant> {
        let now = Instant::now();
        for id in self.by_age() {
            let trace = &self.waiting[&id];
            if self.held > MAX_WAITING {
                self.show_all(id);
            } else if trace.due() <= now {
                match trace.rooted {
                    Some(_) => self.show_finished(id),
                    None => self.show_all(id),
                }
            }
        }
        self.waiting.values().map(Waiting::due).min()
    }

    /// Shows what is below the local roots that ended; the rest waits for its own.
    fn show_finished(&mut self, id: TraceId) {
        let Some(trace) = self.waiting.get_mut(&id) else {
            return;
        };
        let finished = trace.finished();
        if trace.entries.is_empty() {
            self.waiting.remove(&id);
        }
        self.show(&finished);
    }

    fn show_all(&mut self, id: TraceId) {
        if let Some(trace) = self.waiting.remove(&id) {
            self.show(&trace.entries);
        }
    }

    fn show(&mut self, entries: &[Entry]) {
        self.held -= entries.len();
        let text = tree::draw(entries, self.screen.look());
        // A console that is gone is no reason to fail.
        let _ = self.screen.output.write_all(text.as_bytes());
        let _ = self.screen.output.flush();
    }
}

impl Screen {
    /// A terminal may have become wider since.
    fn look(&self) -> Look {
        let terminal = || terminal_size_of(io::stderr()).map(|(Width(columns), _)| columns.into());
        Look {
            has_colours: self.has_colours,
            columns: self.columns.or_else(terminal).unwrap_or(COLUMNS),
        }
    }
}

impl Waiting {
    fn due(&self) -> Instant {
        match self.rooted {
            Some(rooted) => (self.touched + HOLD).min(rooted + LONGEST_HOLD),
            None => self.touched + PATIENCE,
        }
    }

    /// Takes out the local roots and all that is below them.
    fn finished(&mut self) -> Vec<Entry> {
        let mut children: HashMap<SpanId, Vec<SpanId>> = HashMap::new();
        for entry in &self.entries {
            let siblings = children.entry(entry.span.parent_span_id).or_default();
            siblings.push(entry.id());
        }
        let roots = self.entries.iter().filter(|entry| entry.is_local_root());
        let mut left: Vec<_> = roots.map(Entry::id).collect();
        let mut finished = HashSet::new();
        while let Some(id) = left.pop() {
            if finished.insert(id) {
                left.extend(children.remove(&id).unwrap_or_default());
            }
        }
        self.rooted = None;
        let is_finished = |entry: &mut Entry| finished.contains(&entry.id());
        self.entries.extract_if(.., is_finished).collect()
    }
}
