//! Spans on their way from the tail into the engine: each is found, once.

use std::{collections::HashSet, fs};

use super::*;

/// Each with one of two services, and one in ten an error.
fn numbered(number: u64) -> ResourceSpans {
    let mut one = span(u128::from(number / 4 + 1), number + 1, "work", number);
    if number.is_multiple_of(10) {
        one.status = Some(Status {
            code: StatusCode::Error as i32,
            ..Status::default()
        });
    }
    of_service(["a", "b"][number as usize % 2], vec![one])
}

fn ids(store: &Store, trace: u128) -> Vec<Vec<u8>> {
    let spans = spans_of(store, trace);
    spans.into_iter().map(|span| span.span_id).collect()
}

#[test]
fn what_is_found_does_not_depend_on_what_was_moved() {
    let (store, _dir) = store();
    let (moved, _other) = self::store();
    for number in 0..200 {
        store.write(&[numbered(number)]);
        moved.write(&[numbered(number)]);
        if number % 7 == 0 {
            moved.move_tail();
        }
    }
    let queries = [
        Query::default(),
        Query {
            limit: 1_000,
            ..Query::default()
        },
        Query {
            service: Some("b".into()),
            errors_only: true,
            ..Query::default()
        },
        Query {
            start_min_ns: 50_000_000_000,
            start_max_ns: 130_000_000_000,
            limit: 1_000,
            ..Query::default()
        },
    ];
    for query in queries {
        assert_eq!(found(&store, &query), found(&moved, &query), "{query:?}");
    }
    assert_eq!(store.services().unwrap(), moved.services().unwrap());
    for trace in 1..=50 {
        let trace_id = TraceId::from(trace);
        assert_eq!(
            store.trace(trace_id).unwrap(),
            moved.trace(trace_id).unwrap()
        );
    }
}

#[test]
fn a_span_that_came_again_is_the_newer_one_wherever_both_are() {
    let (store, _dir) = store();
    let check = |expected: &str| {
        let names: Vec<_> = spans_of(&store, 1)
            .into_iter()
            .map(|span| span.name)
            .collect();
        assert_eq!(names, [expected]);
        for name in ["first", "second", "third"] {
            let operation = Some(name.to_owned());
            let query = Query {
                operation,
                ..Query::default()
            };
            let traces = found(&store, &query);
            assert_eq!(traces.is_empty(), name != expected, "{name} {expected}");
        }
    };
    store.write(&[of_service("a", vec![span(1, 1, "first", 1)])]);
    check("first");
    store.write(&[of_service("a", vec![span(1, 1, "second", 1)])]);
    check("second");
    store.move_tail();
    check("second");
    store.write(&[of_service("a", vec![span(1, 1, "third", 1)])]);
    check("third");
    store.move_tail();
    check("third");
}

#[test]
fn a_trace_larger_than_a_chunk_is_whole() {
    let (store, _dir) = store();
    let large = |id| {
        let mut large = span(1, id, "large", id);
        large.attributes = vec![
            text("body", &"x".repeat(9_000)),
            text("id", &id.to_string()),
        ];
        large
    };
    store.write(&[of_service("a", (1..=40).map(large).collect())]);
    store.move_tail();
    assert!(store.shared.engine.chunks.len().unwrap() > 4);
    assert_eq!(spans_of(&store, 1), (1..=40).map(large).collect::<Vec<_>>());
    for id in [1, 20, 40] {
        let attributes = vec![("id".to_owned(), id.to_string())];
        let query = Query {
            attributes,
            ..Query::default()
        };
        assert_eq!(found(&store, &query), [1]);
    }
}

#[test]
fn readers_see_each_span_once_while_they_are_moved() {
    let (store, _dir) = store();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let mover = scope.spawn(|| {
            while !done.load(Relaxed) {
                store.move_tail();
            }
        });
        let mut known = 0;
        for id in 1..=400 {
            store.write(&[of_service("a", vec![span(1, id, "work", 1)])]);
            let ids = ids(&store, 1);
            let different: HashSet<_> = ids.iter().collect();
            assert_eq!((ids.len(), different.len()), (known + 1, known + 1));
            known = ids.len();
            assert_eq!(found(&store, &Query::default()), [1]);
        }
        done.store(true, Relaxed);
        mover.join().unwrap();
    });
}

#[test]
fn what_cannot_be_moved_stays_and_is_moved_later() {
    let (store, dir) = store();
    let engine = &store.shared.engine;
    store.write(&[of_service("a", vec![span(1, 1, "work", 1)])]);
    let (tail, away) = (dir.path().join("tail"), dir.path().join("away"));
    fs::rename(&tail, &away).unwrap();
    for _ in 0..2 {
        let error = engine.move_tail().unwrap_err();
        engine.monitor.moved(Some(&error));
    }
    let health = store.health();
    assert_eq!((health.failing, health.dropped), (true, 0));
    assert!(health.last_error.is_some());
    store.write(&[of_service("a", vec![span(1, 2, "work", 1)])]);
    assert!(store.health().failing, "what is written is not moved");
    assert_eq!(spans_of(&store, 1).len(), 2);

    fs::rename(&away, &tail).unwrap();
    engine.move_tail().unwrap();
    engine.monitor.moved(None);
    assert!(!store.health().failing);
    assert_eq!(spans_of(&store, 1).len(), 2);
    assert_eq!(engine.places.len().unwrap(), 1);
}

#[test]
fn a_full_disk_costs_spans_and_is_told_until_it_has_room() {
    let (store, _dir) = store();
    store.write(&[of_service("a", vec![span(1, 1, "before", 1)])]);
    let usual = store.shared.engine.tail.write_to_a_full_disk();
    let outcome = store.write(&[of_service(
        "a",
        vec![span(1, 2, "during", 2), span(1, 3, "during", 3)],
    )]);
    assert_eq!((outcome.written, outcome.failed), (0, 2));
    let health = store.health();
    assert_eq!(
        (health.written, health.dropped, health.failing),
        (1, 2, true)
    );
    let error = health.last_error.unwrap();
    assert!(error.contains("No space left"), "{error}");
    store.shared.engine.tail.write_to(usual);
    store.write(&[of_service("a", vec![span(1, 4, "after", 4)])]);
    assert!(!store.health().failing);
    let names: Vec<_> = spans_of(&store, 1)
        .into_iter()
        .map(|span| span.name)
        .collect();
    assert_eq!(names, ["before", "after"]);
}
