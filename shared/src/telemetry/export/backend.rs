//! A backend as the process sees it: every service sends spans, metrics and log records there, each by a queue of its own,
//! and what happens to it is said once.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use url::Url;

use super::{failure::Kind, health::About};
use crate::config::Signal;

/// The backends of a process, by exporter and place.
#[derive(Debug, Default)]
pub(in crate::telemetry) struct Backends(Mutex<HashMap<(&'static str, String), Arc<Backend>>>);

impl Backends {
    /// The one that `about` is about.
    pub(super) fn of(&self, about: &About) -> Arc<Backend> {
        let key = (about.exporter, place(&about.target));
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(key).or_default())
    }
}

/// Where `target` is, without the path, which differs from signal to signal.
pub(super) fn place(target: &str) -> String {
    let origin = |url: Url| url.has_host().then(|| url.origin().ascii_serialization());
    let origin = Url::parse(target).ok().and_then(origin);
    origin.unwrap_or_else(|| target.to_owned())
}

/// One backend. What its functions return is what is to be said, by who asked.
#[derive(Debug, Default)]
pub(super) struct Backend(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    members: Vec<Member>,
    /// What was said to fail, until it was said to work again.
    failing: HashMap<Signal, Trouble>,
    /// Why queues cannot send at all, as far as it was said.
    said: HashSet<String>,
    is_introduced: bool,
}

/// A queue that sends there.
#[derive(Debug)]
struct Member {
    signal: Signal,
    /// Why it never will.
    unusable: Option<String>,
    /// Gone with the queue.
    dropped: Weak<AtomicU64>,
}

/// What is wrong with a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// It cannot be talked to, and so nothing gets there.
    Away,
    /// It answers, and does not take this; other signals may fare better.
    Refuses,
}

impl Trouble {
    fn of(kind: Kind) -> Self {
        match kind {
            Kind::Unreachable
            | Kind::Timeout
            | Kind::Certificate
            | Kind::File
            | Kind::Locked
            | Kind::Ended => Self::Away,
            _ => Self::Refuses,
        }
    }
}

/// What of a backend is to be said.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// What it is about; nothing where nothing is to be said.
    pub(super) signals: Vec<Signal>,
    /// How many services send that.
    pub(super) services: usize,
    /// What they lost so far.
    pub(super) dropped: u64,
}

impl Backend {
    /// A queue sends there from now on; `unusable` says why it cannot.
    pub(super) fn join(&self, signal: Signal, unusable: Option<String>, dropped: &Arc<AtomicU64>) {
        let mut state = self.lock();
        state
            .members
            .retain(|member| member.dropped.strong_count() > 0);
        state.members.push(Member {
            signal,
            unusable,
            dropped: Arc::downgrade(dropped),
        });
    }

    /// A batch of `signal` failed.
    pub(super) fn fails(&self, signal: Signal, kind: Kind) -> Said {
        let mut state = self.lock();
        let trouble = Trouble::of(kind);
        let mut new = match trouble {
            Trouble::Away => state.signals(|_| true),
            Trouble::Refuses => vec![signal],
        };
        new.retain(|signal| !state.failing.contains_key(signal));
        for signal in &new {
            state.failing.insert(*signal, trouble);
        }
        state.said(new)
    }

    /// A batch of `signal` was taken, after one that was not.
    pub(super) fn works(&self, signal: Signal) -> Said {
        let mut state = self.lock();
        let now_working = match state.failing.get(&signal) {
            Some(Trouble::Away) => {
                let away = |signal: &Signal| state.failing.get(signal) == Some(&Trouble::Away);
                state.signals(|member| away(&member.signal))
            }
            Some(Trouble::Refuses) => vec![signal],
            None => Vec::new(),
        };
        for signal in &now_working {
            state.failing.remove(signal);
        }
        state.said(now_working)
    }

    /// A queue cannot send at all, because of `error`.
    pub(super) fn cannot(&self, error: &str) -> Said {
        let mut state = self.lock();
        let is_new = state.said.insert(error.to_owned());
        let signals = state.signals(|member| is_new && member.unusable.as_deref() == Some(error));
        state.said(signals)
    }

    /// Whether nobody has asked this yet.
    pub(super) fn is_new(&self) -> bool {
        !std::mem::replace(&mut self.lock().is_introduced, true)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// What those send for whom `is_meant` holds, each once.
    fn signals(&self, is_meant: impl Fn(&Member) -> bool) -> Vec<Signal> {
        let all = [Signal::Traces, Signal::Metrics, Signal::Logs].into_iter();
        let sent = |signal: &Signal| {
            let mut members = self.members.iter();
            members.any(|member| member.signal == *signal && is_meant(member))
        };
        all.filter(sent).collect()
    }

    fn said(&self, signals: Vec<Signal>) -> Said {
        let senders = |signal| {
            let members = self.members.iter();
            members.filter(move |member| member.signal == signal)
        };
        let counts = signals.iter().map(|signal| senders(*signal).count());
        let queues = signals.iter().flat_map(|signal| senders(*signal));
        let dropped = queues.filter_map(|member| member.dropped.upgrade());
        Said {
            services: counts.max().unwrap_or_default(),
            dropped: dropped.map(|dropped| dropped.load(Relaxed)).sum(),
            signals,
        }
    }
}

impl Said {
    /// `spans, metrics and log records`.
    pub(super) fn items(&self) -> String {
        let items: Vec<_> = self.signals.iter().map(|signal| items(*signal)).collect();
        match items.split_last() {
            Some((last, [])) => (*last).to_owned(),
            Some((last, others)) => format!("{} and {last}", others.join(", ")),
            None => String::new(),
        }
    }
}

/// What is exported of `signal`.
pub(super) fn items(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "spans",
        Signal::Metrics => "metrics",
        Signal::Logs => "log records",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Signal; 3] = [Signal::Traces, Signal::Metrics, Signal::Logs];

    /// One that two services send all signals to; the second lost a batch of 3 of each.
    fn backend() -> (Backend, Vec<Arc<AtomicU64>>) {
        let backend = Backend::default();
        let dropped: Vec<_> = [0, 0, 0, 3, 3, 3].map(AtomicU64::new).map(Arc::new).into();
        for (signal, dropped) in ALL.iter().cycle().zip(&dropped) {
            backend.join(*signal, None, dropped);
        }
        (backend, dropped)
    }

    #[test]
    fn one_that_is_away_is_said_for_all_signals_once() {
        let (backend, _dropped) = backend();
        let said = backend.fails(Signal::Logs, Kind::Unreachable);
        assert_eq!(said.items(), "spans, metrics and log records");
        assert_eq!((said.services, said.dropped), (2, 9));
        for signal in ALL {
            assert_eq!(backend.fails(signal, Kind::Timeout).signals, []);
        }
        assert_eq!(backend.works(Signal::Traces).signals, ALL);
        assert_eq!(backend.works(Signal::Logs).signals, []);
        // Away once more.
        assert_eq!(backend.fails(Signal::Metrics, Kind::Timeout).signals, ALL);
    }

    #[test]
    fn one_that_refuses_is_said_for_what_it_refuses() {
        let (backend, _dropped) = backend();
        let said = backend.fails(Signal::Metrics, Kind::NotFound);
        assert_eq!(said.items(), "metrics");
        assert_eq!(backend.fails(Signal::Metrics, Kind::NotFound).signals, []);
        let said = backend.fails(Signal::Traces, Kind::Unreachable);
        assert_eq!(said.items(), "spans and log records");
        assert_eq!(backend.works(Signal::Logs).items(), "spans and log records");
        assert_eq!(backend.works(Signal::Metrics).items(), "metrics");
    }

    #[test]
    fn what_is_gone_sends_nothing() {
        let (backend, mut dropped) = backend();
        dropped.truncate(1);
        let last = Arc::default();
        backend.join(Signal::Metrics, Some("no key".to_owned()), &last);
        let said = backend.fails(Signal::Traces, Kind::Unreachable);
        assert_eq!(
            (said.items(), said.services),
            ("spans and metrics".to_owned(), 1)
        );
        assert_eq!(backend.cannot("no key").items(), "metrics");
        assert_eq!(backend.cannot("no key").items(), "");
        assert_eq!([backend.is_new(), backend.is_new()], [true, false]);
    }

    #[test]
    fn a_place_is_the_same_for_all_signals() {
        #[track_caller]
        fn check(target: &str, expected: &str) {
            assert_eq!(place(target), expected);
        }
        check("http://h:4318/v1/traces", "http://h:4318");
        check("http://h:4318/v1/logs?x=y", "http://h:4318");
        check("https://h", "https://h");
        check("/var/log/spans.jsonl", "/var/log/spans.jsonl");
        check("standard error", "standard error");
    }
}
