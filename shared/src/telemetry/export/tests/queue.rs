//! A queue against a backend that does as it is told.

use std::{
    future::pending,
    sync::{Arc, Mutex},
};

use super::{
    super::{
        failure::{Again, Failure, Kind},
        queue::Taken,
        retry::Patience,
    },
    *,
};
use crate::telemetry::LogBuffer;

#[derive(Debug, Clone, Copy)]
enum Answer {
    Take,
    Reject(u64),
    Refuse,
    Panic,
    Nothing,
}

#[derive(Debug, Clone)]
struct Backend(Arc<Mutex<Answer>>);

impl Backend {
    fn now(&self, answer: Answer) {
        *self.0.lock().unwrap() = answer;
    }
}

impl Export<SpanData> for Backend {
    async fn export(&mut self, _: Vec<SpanData>, _: &Patience) -> Result<Taken, Failure> {
        let answer = *self.0.lock().unwrap();
        match answer {
            Answer::Take => Ok(Taken::default()),
            Answer::Reject(rejected) => Ok(Taken {
                rejected,
                said: "too old".to_owned(),
            }),
            Answer::Refuse => Err(Failure {
                cause: "refused by http://u:hush@backend".to_owned(),
                kind: Kind::Unreachable,
                again: Again::Never,
            }),
            Answer::Panic => panic!("the backend said so"),
            Answer::Nothing => pending().await,
        }
    }
}

/// Telemetry whose only exporter sends to `backend`, its log, and how to flush it.
fn queued(answer: Answer, queue_size: usize) -> (Telemetry, LogBuffer, Backend) {
    let backend = Backend(Arc::new(Mutex::new(answer)));
    let limits = Limits {
        queue: queue_size,
        batch: 4,
        delay: Duration::from_secs(3600),
        timeout: Duration::from_millis(100),
    };
    let mut exports = Exports::default();
    let about = About::spans(
        "otlp",
        "http://me:hush@backend:4318/v1/traces",
        "telemetry.otlp",
    );
    exports.start(backend.clone(), limits, about).unwrap();
    let (telemetry, log) = Telemetry::with_exports_for_test("svc", exports);
    (telemetry, log, backend)
}

#[test]
fn each_change_is_said_once_and_without_secrets() {
    let (telemetry, log, backend) = queued(Answer::Refuse, 100);
    for _ in 0..3 {
        make_spans(&telemetry, 2);
        telemetry.flush();
    }
    backend.now(Answer::Take);
    for _ in 0..3 {
        make_spans(&telemetry, 1);
        telemetry.flush();
    }
    let health = &telemetry.exporters()[0];
    assert_eq!(
        (health.dropped, health.exported, health.is_failing),
        (6, 3, false)
    );
    let log = log.text();
    assert_eq!(log.lines().count(), 2, "{log}");
    let target = "`otlp` at http://REDACTED:REDACTED@backend:4318/v1/traces";
    assert!(
        log.contains(&format!("exporting spans to {target} fails; check that")),
        "{log}"
    );
    assert!(log.contains(&format!("{target} works again")), "{log}");
    assert!(
        log.contains("REDACTED@backend") && !log.contains("hush"),
        "{log}"
    );
}

#[test]
fn what_is_rejected_is_counted_and_said_once() {
    let (telemetry, log, backend) = queued(Answer::Reject(1), 100);
    for _ in 0..3 {
        make_spans(&telemetry, 4);
        telemetry.flush();
    }
    let health = &telemetry.exporters()[0];
    assert_eq!((health.exported, health.dropped), (9, 3), "{health:?}");
    assert_eq!(health.last_error.as_deref(), Some("it rejected 1: too old"));
    let text = log.text();
    assert_eq!(text.matches("takes only a part").count(), 1, "{text}");
    assert!(text.contains("too old"), "{text}");
    backend.now(Answer::Take);
    make_spans(&telemetry, 4);
    telemetry.flush();
    assert_eq!(telemetry.exporters()[0].exported, 13);
}

#[test]
fn a_full_queue_drops_counts_and_says_so_once() {
    let (telemetry, log, _backend) = queued(Answer::Nothing, 8);
    make_spans(&telemetry, 1_000);
    let health = &telemetry.exporters()[0];
    assert!(health.dropped >= 1_000 - 2 * 8, "{health:?}");
    // It is said by the queue's thread, beside the export that hangs.
    telemetry.shutdown(LIMIT);
    assert_eq!(log.text().matches("is full").count(), 1, "{}", log.text());
}

#[test]
fn a_thread_that_panicked_is_said_and_shown() {
    let (telemetry, log, _backend) = queued(Answer::Panic, 100);
    make_spans(&telemetry, 6);
    // Who waits for it hears that it is gone, and does not wait for long.
    telemetry.flush();
    let until = std::time::Instant::now() + LIMIT;
    while log.text().is_empty() && std::time::Instant::now() < until {
        std::thread::yield_now();
    }
    make_spans(&telemetry, 3);
    let health = &telemetry.exporters()[0];
    assert_eq!((health.dropped, health.queued), (9, 0), "{health:?}");
    assert_eq!(
        health.last_error.as_deref(),
        Some("the exporter's thread panicked")
    );
    assert!(health.is_failing && health.advice.is_some());
    let page = telemetry.prometheus();
    let failing = page
        .lines()
        .find(|line| line.starts_with("chimera_telemetry_exporter_failing{"));
    assert!(failing.unwrap().ends_with(" 1"), "{page}");
    let log = log.text();
    assert_eq!(log.lines().count(), 1, "{log}");
    assert!(
        log.contains("the thread that exports spans to `otlp` panicked"),
        "{log}"
    );
    telemetry.shutdown(LIMIT);
}

#[test]
fn a_backend_that_never_answers_does_not_hold_up_the_end() {
    let (telemetry, _log, _backend) = queued(Answer::Nothing, 100);
    make_spans(&telemetry, 20);
    telemetry.shutdown(Duration::from_millis(10));
    let health = &telemetry.exporters()[0];
    assert_eq!((health.dropped, health.queued), (20, 0), "{health:?}");
    // Late spans are nobody's: the provider makes none.
    make_spans(&telemetry, 1);
}

#[test]
fn telemetry_that_is_dropped_exports_what_is_left() {
    let (telemetry, _log, _backend) = queued(Answer::Take, 100);
    let health = telemetry.0.exporters[0].clone();
    make_spans(&telemetry, 6);
    drop(telemetry);
    assert_eq!(health.snapshot().exported, 6);
}
