//! Panics as log lines: what a panic says may hold a secret, and plain text on standard error is no line of a JSON log.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    panic::{self, PanicHookInfo},
    thread,
};

use tracing::{Level, dispatcher, dispatcher::WeakDispatch};

use super::{Telemetry, redact};

/// Has each panic of the process told on one line, redacted, with its place and its thread, and with the ids of the span in
/// which it happened.
///
/// It is a line of the service that panics, else of `log`, the process's own; before there is that, and where the log is
/// switched off, a plain line on standard error. The backtrace is told where `RUST_BACKTRACE` asks for it. This is for
/// programs, at their start and again when they have a log: a test or a library has its own ways.
pub fn log_panics(log: Option<&Telemetry>) {
    // Not the subscriber itself: the process would keep its exporters to its end.
    let log = log.map(|log| log.dispatch().downgrade());
    panic::set_hook(Box::new(move |info| tell(info, log.as_ref())));
}

fn tell(info: &PanicHookInfo<'_>, log: Option<&WeakDispatch>) {
    let panicked = Panicked::of(info);
    let own = log.and_then(WeakDispatch::upgrade);
    let is_told = panicked.is_logged()
        || own.is_some_and(|log| dispatcher::with_default(&log, || panicked.is_logged()));
    if !is_told {
        panicked.complain();
    }
}

/// Where `RUST_BACKTRACE` asks for one.
fn backtrace() -> Option<String> {
    let backtrace = Backtrace::capture();
    (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string())
}

struct Panicked {
    message: String,
    location: String,
    thread: String,
    backtrace: Option<String>,
}

impl Panicked {
    fn of(info: &PanicHookInfo<'_>) -> Self {
        let message = info.payload_as_str().unwrap_or("something that is no text");
        let location = info.location().map(ToString::to_string);
        Self {
            message: redact::text(message).into_owned(),
            location: location.unwrap_or_default(),
            thread: thread::current().name().unwrap_or("unnamed").to_owned(),
            backtrace: backtrace(),
        }
    }

    /// Logs where the current subscriber takes such a line. One that panicked itself takes none.
    fn is_logged(&self) -> bool {
        let is_taken = tracing::enabled!(Level::ERROR);
        if is_taken {
            tracing::error!(
                location = self.location.as_str(),
                thread = self.thread.as_str(),
                backtrace = self.backtrace.as_deref(),
                "panicked at {}: {}",
                self.location,
                self.message
            );
        }
        is_taken
    }

    #[expect(clippy::print_stderr, reason = "there is no logger")]
    fn complain(&self) {
        let Self {
            message,
            location,
            thread,
            ..
        } = self;
        eprintln!(
            "error: thread {thread:?} panicked at {location}: {}",
            message.escape_debug()
        );
        if let Some(backtrace) = &self.backtrace {
            eprintln!("{}", redact::text(backtrace));
        }
    }
}
