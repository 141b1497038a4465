mod kill;
mod moving;

use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use opentelemetry::TraceId;
use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value},
    resource::v1::Resource,
    trace::v1::{
        ResourceSpans, ScopeSpans, Span, Status,
        span::{Event, Link, SpanKind},
        status::StatusCode,
    },
};
use tempfile::TempDir;

use super::{OpenError, Outcome, Query, Retention, Store};

fn text(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(Value::StringValue(value.to_owned())),
        }),
        ..KeyValue::default()
    }
}

/// A span of 10 ms that starts `start` seconds after the epoch.
fn span(trace: u128, id: u64, name: &str, start: u64) -> Span {
    Span {
        trace_id: trace.to_be_bytes().to_vec(),
        span_id: id.to_be_bytes().to_vec(),
        name: name.to_owned(),
        kind: SpanKind::Internal as i32,
        start_time_unix_nano: start * 1_000_000_000,
        end_time_unix_nano: start * 1_000_000_000 + 10_000_000,
        ..Span::default()
    }
}

fn of_service(service: &str, spans: Vec<Span>) -> ResourceSpans {
    ResourceSpans {
        resource: Some(Resource {
            attributes: vec![text("service.name", service)],
            ..Resource::default()
        }),
        scope_spans: vec![ScopeSpans {
            scope: Some(InstrumentationScope {
                name: "test".to_owned(),
                ..InstrumentationScope::default()
            }),
            spans,
            ..ScopeSpans::default()
        }],
        ..ResourceSpans::default()
    }
}

/// Keeps everything: the spans of these tests start in 1970.
const FOR_EVER: Retention = Retention {
    age: Duration::MAX,
    size_bytes: u64::MAX,
    every: Duration::from_secs(3600),
};

fn store() -> (Store, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    (Store::open_with(dir.path(), FOR_EVER).unwrap(), dir)
}

impl Store {
    /// What the mover does in a while.
    fn move_tail(&self) {
        self.shared.engine.move_tail().unwrap();
    }
}

fn found(store: &Store, query: &Query) -> Vec<u128> {
    let ids = store.search(query).unwrap();
    ids.iter()
        .map(|id| u128::from_be_bytes(id.to_bytes()))
        .collect()
}

fn spans_of(store: &Store, trace: u128) -> Vec<Span> {
    let resources = store.trace(TraceId::from(trace)).unwrap();
    let scopes = resources
        .into_iter()
        .flat_map(|resource| resource.scope_spans);
    scopes.flat_map(|scope| scope.spans).collect()
}

#[test]
fn everything_of_a_span_survives_a_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let mut full = span(7, 1, "work", 5);
    full.trace_state = "vendor=1".to_owned();
    full.flags = 0x301;
    full.attributes = vec![text("k", "v")];
    full.dropped_attributes_count = 2;
    full.events = vec![Event {
        name: "exception".to_owned(),
        time_unix_nano: 3,
        ..Event::default()
    }];
    full.dropped_events_count = 3;
    full.links = vec![Link {
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        flags: 0x100,
        ..Link::default()
    }];
    full.dropped_links_count = 4;
    full.status = Some(Status {
        message: "broke".to_owned(),
        code: StatusCode::Error as i32,
    });
    let mut written = of_service("a", vec![full]);
    written.schema_url = "https://example.com/resource".to_owned();
    written.scope_spans[0].schema_url = "https://example.com/scope".to_owned();
    {
        let store = Store::open_with(dir.path(), FOR_EVER).unwrap();
        let outcome = store.write(std::slice::from_ref(&written));
        assert_eq!(
            outcome,
            Outcome {
                written: 1,
                ..Outcome::default()
            }
        );
    }
    let store = Store::open_with(dir.path(), FOR_EVER).unwrap();
    assert_eq!(store.trace(TraceId::from(7)).unwrap(), [written]);
    assert_eq!(store.services().unwrap(), ["a"]);
    assert_eq!(
        store.operations("a"),
        [("work".to_owned(), SpanKind::Internal)]
    );
    // Numbers given before the reopening are not given again.
    store.write(&[of_service("b", vec![span(8, 1, "other", 6)])]);
    assert_eq!(store.services().unwrap(), ["a", "b"]);
    assert_eq!(found(&store, &Query::default()), [8, 7]);
}

#[test]
fn a_store_is_open_once() {
    let (_store, dir) = store();
    let error = Store::open(dir.path()).unwrap_err();
    assert!(matches!(error, OpenError::Locked { .. }), "{error}");
}

#[test]
fn search_by_each_criterion() {
    let (store, _dir) = store();
    let mut slow = span(3, 1, "slow", 30);
    slow.end_time_unix_nano += 1_000_000_000;
    let mut failed = span(4, 1, "failing", 40);
    failed.status = Some(Status {
        code: StatusCode::Error as i32,
        ..Status::default()
    });
    let mut tagged = span(5, 1, "tagged", 50);
    tagged.attributes = vec![text("asset", "ZEC"), text("metric", "price_usd")];
    store.write(&[
        of_service(
            "a",
            vec![span(1, 1, "first", 10), span(2, 1, "second", 20), slow],
        ),
        of_service("b", vec![failed, tagged, span(1, 2, "second", 60)]),
    ]);
    find_by_each_criterion(&store);
    store.move_tail();
    find_by_each_criterion(&store);
}

fn find_by_each_criterion(store: &Store) {
    let check = |query: Query, expected: &[u128]| {
        assert_eq!(found(store, &query), expected, "{query:?}");
    };
    let base = Query::default;
    check(base(), &[1, 5, 4, 3, 2]);
    check(Query { limit: 2, ..base() }, &[1, 5]);
    check(Query { limit: 0, ..base() }, &[]);
    check(
        Query {
            service: Some("a".into()),
            ..base()
        },
        &[3, 2, 1],
    );
    check(
        Query {
            service: Some("nobody".into()),
            ..base()
        },
        &[],
    );
    check(
        Query {
            operation: Some("second".into()),
            ..base()
        },
        &[1, 2],
    );
    let (service, operation) = (Some("b".into()), Some("second".into()));
    check(
        Query {
            service,
            operation,
            ..base()
        },
        &[1],
    );
    let (start_min_ns, start_max_ns) = (20_000_000_000, 40_000_000_000);
    check(
        Query {
            start_min_ns,
            start_max_ns,
            ..base()
        },
        &[4, 3, 2],
    );
    check(
        Query {
            duration_min: Duration::from_millis(11),
            ..base()
        },
        &[3],
    );
    check(
        Query {
            duration_max: Duration::from_millis(10),
            ..base()
        },
        &[1, 5, 4, 2],
    );
    check(
        Query {
            errors_only: true,
            ..base()
        },
        &[4],
    );
    check(
        Query {
            attributes: vec![("asset".into(), "ZEC".into())],
            ..base()
        },
        &[5],
    );
    check(
        Query {
            attributes: vec![
                ("asset".into(), "ZEC".into()),
                ("metric".into(), "fees".into()),
            ],
            ..base()
        },
        &[],
    );
}

#[test]
fn late_and_repeated_spans_are_normal() {
    let (store, _dir) = store();
    store.write(&[of_service("a", vec![span(1, 1, "root", 10)])]);
    store.write(&[of_service("a", vec![span(2, 1, "root", 20)])]);
    store.write(&[of_service("b", vec![span(1, 2, "late", 11)])]);
    store.write(&[of_service("b", vec![span(1, 2, "late", 11)])]);
    assert_eq!(spans_of(&store, 1).len(), 2);
    assert_eq!(found(&store, &Query::default()), [2, 1]);
}

#[test]
fn spans_without_ids_are_rejected_and_counted() {
    let (store, _dir) = store();
    let short = Span {
        trace_id: vec![1; 15],
        ..span(1, 1, "short", 1)
    };
    let zero_trace = span(0, 1, "zero trace", 1);
    let zero_span = span(1, 0, "zero span", 1);
    let outcome = store.write(&[of_service(
        "a",
        vec![short, zero_trace, zero_span, span(1, 1, "good", 1)],
    )]);
    assert_eq!(
        outcome,
        Outcome {
            written: 1,
            rejected: 3,
            failed: 0
        }
    );
    let health = store.health();
    assert_eq!((health.written, health.dropped), (1, 3));
}

#[test]
fn broken_records_are_skipped_and_counted() {
    let (store, _dir) = store();
    let both = [span(1, 1, "good", 1), span(1, 2, "broken", 2)];
    store.write(&[of_service("a", both.to_vec())]);
    store.move_tail();
    let engine = &store.shared.engine;
    let row = engine.chunks.first_key_value().unwrap();
    let (key, chunk) = row.into_inner().unwrap();
    let second = super::record::frames(&chunk).nth(1).unwrap().range;
    let mut flipped = chunk.to_vec();
    flipped[second.end - 1] ^= 1;
    let cut = &chunk[..second.end - 1];
    let nonsense = [&chunk[..second.start], b"abc"].concat();
    for bytes in [&flipped, cut, &chunk[..=second.start], &nonsense] {
        engine.chunks.insert(key.clone(), bytes).unwrap();
        let before = store.health().broken;
        let names: Vec<_> = spans_of(&store, 1)
            .into_iter()
            .map(|span| span.name)
            .collect();
        assert_eq!(names, ["good"], "{bytes:?}");
        assert_eq!(store.health().broken, before + 1, "{bytes:?}");
    }
    let before = store.health().broken;
    let mut key = super::key::bound(super::key::Kind::All, 0, u64::MAX).to_vec();
    key.push(1);
    engine.index.insert(key, "nonsense").unwrap();
    assert_eq!(found(&store, &Query::default()), [1]);
    assert_eq!(store.health().broken, before + 1);
}

#[test]
fn writers_and_readers_at_once() {
    let (store, _dir) = store();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let writers: Vec<_> = (0..4u64)
            .map(|writer| {
                let store = store.clone();
                scope.spawn(move || {
                    for number in 1..=500 {
                        let name = format!("operation {}", number % 7);
                        let one = span(u128::from(number), writer + 1, &name, number);
                        store.write(&[of_service(&format!("service {}", writer % 2), vec![one])]);
                    }
                })
            })
            .collect();
        let reader = scope.spawn(|| {
            while !done.load(Relaxed) {
                for trace in found(&store, &Query::default()) {
                    assert!(!spans_of(&store, trace).is_empty());
                }
            }
        });
        for writer in writers {
            writer.join().unwrap();
        }
        done.store(true, Relaxed);
        reader.join().unwrap();
    });
    assert_eq!(store.health().written, 2_000);
    let limit = 1_000;
    assert_eq!(
        found(
            &store,
            &Query {
                limit,
                ..Query::default()
            }
        ),
        (1..=500).rev().collect::<Vec<_>>()
    );
    assert_eq!(spans_of(&store, 500).len(), 4);
}

#[test]
fn old_spans_are_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let store = Store::open_with(dir.path(), FOR_EVER).unwrap();
    let mut old: Vec<_> = (1..=1_200).map(|id| span(1, id, "old", id)).collect();
    old[0].status = Some(Status {
        code: StatusCode::Error as i32,
        ..Status::default()
    });
    store.write(&[of_service("gone", old)]);
    store.write(&[of_service("here", vec![span(2, 1, "new", now)])]);
    store.move_tail();
    let (_keep, stopped) = std::sync::mpsc::channel();
    let retention = Retention::default();
    super::retention::sweep(&store.shared.engine, retention, &stopped).unwrap();
    assert_eq!(found(&store, &Query::default()), [2]);
    let errors_only = true;
    assert!(
        found(
            &store,
            &Query {
                errors_only,
                ..Query::default()
            }
        )
        .is_empty()
    );
    assert!(spans_of(&store, 1).is_empty());
    assert_eq!(store.services().unwrap(), ["here"]);
}

#[test]
fn the_oldest_make_room() {
    let (store, _dir) = store();
    for trace in 1..=2_000 {
        let mut large = span(trace, 1, "large", u64::try_from(trace).unwrap());
        large.attributes = vec![text("body", &"x".repeat(500))];
        store.write(&[of_service("a", vec![large])]);
    }
    store.move_tail();
    let engine = &store.shared.engine;
    engine.chunks.rotate_memtable_and_wait().unwrap();
    engine.index.rotate_memtable_and_wait().unwrap();
    let before = engine.size_bytes();
    let (_keep, stopped) = std::sync::mpsc::channel();
    let size_bytes = before / 2;
    super::retention::sweep(
        engine,
        Retention {
            size_bytes,
            ..FOR_EVER
        },
        &stopped,
    )
    .unwrap();
    assert!(
        engine.size_bytes() <= size_bytes,
        "{} of {before}",
        engine.size_bytes()
    );
    let limit = 5_000;
    let left = found(
        &store,
        &Query {
            limit,
            ..Query::default()
        },
    );
    assert!(left.len() > 500, "{}", left.len());
    let newest: Vec<_> = (1..=2_000).rev().take(left.len()).collect();
    assert_eq!(left, newest);
}

#[test]
fn a_trace_is_whole_whenever_its_spans_began() {
    const MINUTE: u64 = 60;
    let (store, _dir) = store();
    let at = |id, seconds| span(7, id, "work", seconds);
    store.write(&[of_service("a", vec![at(1, 1), at(2, 59)])]);
    store.write(&[of_service("a", vec![at(3, MINUTE), at(4, 600 * MINUTE)])]);
    store.write(&[of_service("b", vec![at(5, 2)])]);
    assert_eq!(spans_of(&store, 7).len(), 5);
    assert!(spans_of(&store, 8).is_empty());
}

/// Minutes are removed whole, and what is left of a trace is found.
#[test]
fn what_is_left_of_a_trace_is_found() {
    let (store, _dir) = store();
    let engine = &store.shared.engine;
    store.write(&[of_service(
        "a",
        vec![span(7, 1, "old", 61), span(7, 2, "new", 121)],
    )]);
    store.move_tail();
    let (_keep, stopped) = std::sync::mpsc::channel();
    let remove_before = |seconds: u64| {
        let cutoff_ns = seconds * 1_000_000_000;
        super::retention::remove_before(engine, cutoff_ns, usize::MAX, &stopped).unwrap()
    };
    assert_eq!(remove_before(119), 0);
    assert_eq!(remove_before(120), 1);
    assert_eq!(spans_of(&store, 7).len(), 1);
    assert_eq!(found(&store, &Query::default()), [7]);
    assert_eq!(remove_before(180), 1);
    assert!(spans_of(&store, 7).is_empty());
    assert!(found(&store, &Query::default()).is_empty());
    assert!(engine.places.is_empty().unwrap());
    store.write(&[of_service("a", vec![span(7, 3, "late", 63)])]);
    assert_eq!(spans_of(&store, 7).len(), 1);
}

/// So that a minute that is larger than all that may be kept is not lost whole.
#[test]
fn of_one_minute_what_came_first_makes_room() {
    let (store, _dir) = store();
    for trace in 1..=10 {
        store.write(&[of_service("a", vec![span(trace, 1, "work", 1)])]);
        store.move_tail();
    }
    let engine = &store.shared.engine;
    let (_keep, stopped) = std::sync::mpsc::channel();
    let removed = super::retention::remove_before(engine, u64::MAX, 4, &stopped).unwrap();
    assert_eq!(removed, 4);
    assert_eq!(found(&store, &Query::default()), [10, 9, 8, 7, 6, 5]);
    assert!((1..=4).all(|trace| spans_of(&store, trace).is_empty()));
    assert!((5..=10).all(|trace| spans_of(&store, trace).len() == 1));
}

#[test]
fn what_was_kept_in_former_layouts_makes_room() {
    let dir = tempfile::tempdir().unwrap();
    let former = ["spans", "entries"];
    {
        let database = fjall::Database::builder(dir.path()).open().unwrap();
        for name in former {
            let keyspace = database
                .keyspace(name, fjall::KeyspaceCreateOptions::default)
                .unwrap();
            keyspace.insert("key", "value").unwrap();
        }
    }
    let store = Store::open_with(dir.path(), FOR_EVER).unwrap();
    let database = &store.shared.engine.database;
    assert!(former.iter().all(|name| !database.keyspace_exists(name)));
    store.write(&[of_service("a", vec![span(7, 1, "work", 1)])]);
    assert_eq!(found(&store, &Query::default()), [7]);
}
