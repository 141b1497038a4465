//! What every engine does alike.

use serde_json::{Value, json};

use opentelemetry::trace::SpanKind;

use super::*;

pub(super) async fn what_is_written_is_read_also_after_reopening(mut fixture: Fixture) {
    let queries = fixture.collection("queries");
    queries.insert("q1", &query("pending")).await.unwrap();
    queries.replace("q2", &query("pending")).await.unwrap();
    queries.replace("q1", &query("failed")).await.unwrap();
    assert!(queries.delete("q2").await.unwrap());
    assert!(!queries.delete("q2").await.unwrap());
    fixture.reopen().await;
    let queries = fixture.collection("queries");
    assert_eq!(queries.get("q1").await.unwrap(), Some(query("failed")));
    assert_eq!(queries.get::<Query>("q2").await.unwrap(), None);
    assert_eq!(
        fixture
            .collection("answers")
            .get::<Query>("q1")
            .await
            .unwrap(),
        None
    );
}

pub(super) async fn an_id_is_inserted_once(fixture: Fixture) {
    let queries = fixture.collection("queries");
    let inserts = (0..20).map(|_| async { queries.insert("q", &query("pending")).await });
    let results = futures_util::future::join_all(inserts).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert!(results.iter().filter_map(|result| result.as_ref().err()).all(
        |error| matches!(error, DocumentError::Duplicate { collection } if collection == "queries")
    ));
}

pub(super) async fn of_concurrent_conditional_updates_one_wins(fixture: Fixture) {
    let queries = fixture.collection("queries");
    queries.insert("q", &query("processing")).await.unwrap();
    let updates = (0..50).map(|n| {
        let condition = Filter::all().and_any_of("status", ["pending", "processing"]);
        let changes = Changes::set("status", "completed").and_set("winner", n);
        queries.update::<Query>("q", condition, changes)
    });
    let results: Vec<_> = futures_util::future::try_join_all(updates).await.unwrap();
    let winners: Vec<_> = results.into_iter().flatten().collect();
    assert_eq!(winners.len(), 1);
    assert_eq!(queries.get("q").await.unwrap(), winners.first().cloned());
    assert_eq!(winners[0].status, "completed");
}

pub(super) async fn an_update_without_a_document_changes_nothing(fixture: Fixture) {
    let queries = fixture.collection("queries");
    let updated = queries
        .update::<Query>("q", Filter::all(), Changes::set("status", "cancelled"))
        .await;
    assert_eq!(updated.unwrap(), None);
    assert_eq!(queries.count(Filter::all()).await.unwrap(), 0);
}

pub(super) async fn pages_go_from_the_newest_to_the_oldest(fixture: Fixture) {
    let queries = fixture.collection("queries");
    for n in 0..25_u32 {
        let status = if n % 2 == 0 { "completed" } else { "failed" };
        let document = Query {
            winner: Some(n),
            ..query(status)
        };
        queries
            .insert(&format!("q{n:03}"), &document)
            .await
            .unwrap();
    }
    // Neighbours in the key space that must not be found.
    fixture
        .collection("queries-archive")
        .insert("q900", &query("completed"))
        .await
        .unwrap();
    fixture
        .collection("querie")
        .insert("q900", &query("completed"))
        .await
        .unwrap();

    let completed = || Filter::field("status", "completed");
    let mut page = Page::first(5);
    let mut seen = Vec::new();
    loop {
        let found: Vec<Query> = queries.find(completed(), page).await.unwrap();
        let Some(last) = found.last() else { break };
        page = Page::after(format!("q{:03}", last.winner.unwrap()), 5);
        seen.extend(found.into_iter().filter_map(|query| query.winner));
    }
    assert_eq!(
        seen,
        (0..25).rev().filter(|n| n % 2 == 0).collect::<Vec<_>>()
    );
    assert_eq!(queries.count(completed()).await.unwrap(), 13);
    assert_eq!(queries.count(Filter::all()).await.unwrap(), 25);
    assert!(
        queries
            .find::<Query>(Filter::all(), Page::first(0))
            .await
            .unwrap()
            .is_empty()
    );
    let before_all = queries
        .find::<Query>(Filter::all(), Page::after("a", 5))
        .await
        .unwrap();
    assert!(before_all.is_empty());
    let after_all = queries
        .find::<Query>(Filter::all(), Page::after("z", 50))
        .await
        .unwrap();
    assert_eq!(after_all.len(), 25);
}

pub(super) async fn documents_expire(mut fixture: Fixture) {
    let minute = Duration::from_secs(60);
    let handled = fixture.collection("handled").expiring_after(minute);
    handled.insert("m1", &query("handled")).await.unwrap();
    handled.insert("m2", &query("handled")).await.unwrap();
    fixture.pass(minute / 2);
    // A new lease for one of them; an update keeps the old one.
    handled.replace("m2", &query("again")).await.unwrap();
    handled
        .update::<Query>("m1", Filter::all(), Changes::set("status", "kept"))
        .await
        .unwrap();
    fixture.pass(minute / 2);
    assert_eq!(handled.get::<Query>("m1").await.unwrap(), None);
    assert_eq!(handled.count(Filter::all()).await.unwrap(), 1);
    assert!(!handled.delete("m1").await.unwrap());
    handled.insert("m1", &query("new")).await.unwrap();

    fixture.reopen().await;
    let handled = fixture.collection("handled");
    assert_eq!(handled.get("m2").await.unwrap(), Some(query("again")));
    // Without a lifetime it stays.
    handled.replace("m2", &query("for good")).await.unwrap();
    fixture.pass(minute * 10);
    assert_eq!(handled.count(Filter::all()).await.unwrap(), 1);

    assert_eq!(fixture.kept("handled").await, 2, "before the sweep");
    match &fixture.store.0.engine {
        Engine::Embedded(engine) => {
            engine.sweep().await.unwrap();
            assert_eq!(engine.kept().1, 0, "expiries after it");
        }
        Engine::MongoDb(engine) => assert!(engine.sweep("handled").await),
    }
    assert_eq!(fixture.kept("handled").await, 1, "and after it");
    assert_eq!(handled.get("m2").await.unwrap(), Some(query("for good")));
}

pub(super) async fn what_cannot_be_stored_is_refused(fixture: Fixture) {
    let queries = fixture.collection("queries");
    let large = serde_json::json!({ "text": "x".repeat(MAX_DOCUMENT_BYTES) });
    assert!(matches!(
        queries.insert("q", &large).await,
        Err(DocumentError::TooLarge { bytes, .. }) if bytes == MAX_DOCUMENT_BYTES + 11
    ));
    assert!(matches!(
        queries.insert("q", &[1, 2]).await,
        Err(DocumentError::NotAnObject { .. })
    ));
    let fits = serde_json::json!({ "text": "x".repeat(MAX_DOCUMENT_BYTES - 11) });
    queries.insert("q", &fits).await.unwrap();
    for reserved in ["_id", "_expires_at", "a.b", "$set", ""] {
        let refused = queries.insert("r", &json!({ reserved: 1 })).await;
        assert!(
            matches!(refused, Err(DocumentError::Name { what: "field", .. })),
            "{reserved}: {refused:?}"
        );
    }
    let wrong = queries.get::<Query>("q").await;
    assert!(matches!(wrong, Err(DocumentError::Decode { id, .. }) if id == "q"));
}

pub(super) async fn each_operation_has_its_span(fixture: Fixture) {
    let queries = fixture.collection("queries");
    let engine = &fixture.store.0.engine;
    let check = |operation: &str, failure: Option<(&str, Option<&str>)>| {
        let span = fixture.only_span();
        assert_eq!(span.name, format!("{operation} queries"));
        assert_eq!(span.span_kind, SpanKind::Client);
        let mut attributes: Vec<_> = span
            .attributes
            .iter()
            .map(|attribute| (attribute.key.as_str(), attribute.value.to_string()))
            .collect();
        attributes.sort();
        let mut expected = vec![
            ("db.collection.name", "queries".to_owned()),
            ("db.namespace", engine.namespace().to_owned()),
            ("db.operation.name", operation.to_owned()),
            ("db.system.name", engine.system().to_owned()),
        ];
        if let Some((error, code)) = failure {
            // What a server answered is the type as well.
            let code = code.filter(|_| engine.address().is_some());
            expected.push(("error.type", code.unwrap_or(error).to_owned()));
            expected.extend(code.map(|code| ("db.response.status_code", code.to_owned())));
        }
        if let Some(address) = engine.address() {
            expected.push(("server.address", address.host.to_string()));
            expected.push(("server.port", address.port.to_string()));
        }
        expected.sort();
        assert_eq!(attributes, expected);
        assert_eq!(span.status == Status::Unset, failure.is_none());
    };
    queries.insert("q", &query("pending")).await.unwrap();
    check("insert", None);
    queries.insert("q", &query("pending")).await.unwrap_err();
    check("insert", Some(("duplicate", Some("11000"))));
    queries.replace("q", &query("pending")).await.unwrap();
    check("update", None);
    let changes = Changes::set("status", "completed");
    queries
        .update::<Query>("q", Filter::all(), changes)
        .await
        .unwrap();
    check("findAndModify", None);
    queries.get::<Query>("q").await.unwrap();
    check("find", None);
    queries.get::<u8>("q").await.unwrap_err();
    check("find", Some(("decode", None)));
    queries
        .find::<Query>(Filter::all(), Page::first(1))
        .await
        .unwrap();
    check("find", None);
    queries.count(Filter::all()).await.unwrap();
    check(engine.count_command(), None);
    queries.delete("q").await.unwrap();
    check("delete", None);
    let metrics = fixture.telemetry.metrics().prometheus();
    let inserted = metrics.lines().filter(|line| {
        line.starts_with("db_client_operation_duration_seconds_count")
            && line.contains("db_operation_name=\"insert\"")
            && line.contains("db_collection_name=\"queries\"")
            && line.contains(&format!("db_namespace=\"{}\"", engine.namespace()))
    });
    assert_eq!(inserted.count(), 2, "with and without an error: {metrics}");
}

pub(super) async fn a_refused_collection_name_is_not_recorded(fixture: Fixture) {
    let result = fixture.collection("pass word").get::<Query>("q").await;
    assert!(!result.unwrap_err().to_string().contains("pass"));
    let span = fixture.only_span();
    assert_eq!(span.name, "find");
    assert!(!format!("{:?}", span.attributes).contains("pass"));
}

pub(super) async fn a_closed_store_says_so(fixture: Fixture) {
    let queries = fixture.collection("queries");
    fixture.store.check().await.unwrap();
    fixture.store.close().await;
    let closed = |error: DocumentError| {
        assert!(matches!(error, DocumentError::Closed), "{error:?}");
        assert!(error.is_transient());
    };
    closed(fixture.store.check().await.unwrap_err());
    closed(queries.get::<Query>("q").await.unwrap_err());
    closed(queries.insert("q", &query("late")).await.unwrap_err());
    closed(queries.delete("q").await.unwrap_err());
    let found = queries.find::<Query>(Filter::all(), Page::first(0)).await;
    closed(found.unwrap_err());
}

pub(super) async fn of_concurrent_replacements_all_go_well(fixture: Fixture) {
    let queries = fixture.collection("queries");
    let documents: Vec<_> = (0..20)
        .map(|n| Query {
            winner: Some(n),
            ..query("completed")
        })
        .collect();
    let replacements = documents
        .iter()
        .map(|document| queries.replace("q", document));
    futures_util::future::try_join_all(replacements)
        .await
        .unwrap();
    let last: Query = queries.get("q").await.unwrap().unwrap();
    assert!(documents.contains(&last));
    assert_eq!(queries.count(Filter::all()).await.unwrap(), 1);
}

/// What JSON has, and servers do not all have.
fn values() -> Vec<Value> {
    let mut deep = json!("bottom");
    for level in 0..110 {
        deep = if level % 2 == 0 {
            json!({ "below": deep })
        } else {
            json!([deep])
        };
    }
    vec![
        json!(null),
        json!([null, { "a": null }]),
        json!(u64::MAX),
        json!(i64::MAX as u64 + 1),
        json!(i64::MAX),
        json!(i64::MIN),
        json!(9_007_199_254_740_993_i64),
        json!(0),
        json!(-0.0),
        json!(2.0),
        json!(0.1 + 0.2),
        json!(5e-324),
        json!(f64::MAX),
        json!(1.152_921_504_606_847e18),
        json!(""),
        json!("a\0b \u{1F600} ü"),
        json!([[1, [2.0, []]], [], {}]),
        json!({ "": 1, "a.b": { "$set": 1 }, "c\0": [u64::MAX], "_id": 1 }),
        json!({ "0": 1, "1": 2 }),
        json!(["2026-11-21T13:55:00Z", { "$date": "2026-11-21" }]),
        deep,
    ]
}

pub(super) async fn numbers_and_structures_stay_as_they_are(fixture: Fixture) {
    let queries = fixture.collection("queries");
    for value in values() {
        let document = json!({ "value": value, "list": [value] });
        let text = document.to_string();
        queries.replace("q", &document).await.unwrap();
        let stored: Value = queries.get("q").await.unwrap().unwrap();
        assert_eq!(stored.to_string(), text);
        let found: Vec<Value> = queries.find(Filter::all(), Page::first(1)).await.unwrap();
        assert_eq!(found[0].to_string(), text);
    }
}

pub(super) async fn changes_set_and_remove_any_value(fixture: Fixture) {
    let queries = fixture.collection("queries");
    queries.insert("q", &json!({ "gone": 1 })).await.unwrap();
    for value in values() {
        let changes = Changes::set("value", &value)
            .and_set("more", "x")
            .and_remove("gone");
        let updated: Option<Value> = queries.update("q", Filter::all(), changes).await.unwrap();
        let expected = json!({ "value": value, "more": "x" }).to_string();
        assert_eq!(updated.unwrap().to_string(), expected);
    }
}

pub(super) async fn conditions_are_met_alike(fixture: Fixture) {
    const BEYOND: u64 = 1 << 63;
    let queries = fixture.collection("queries");
    let document = json!({
        "status": "processing", "attempt": 2, "ratio": 2.0, "stage": null, "tags": ["a", "b"], "none": [null],
        "nested": { "status": "x" }, "large": 9_007_199_254_740_993_i64, "beyond": BEYOND, "beyond_float": BEYOND as f64,
        "zero": 0, "minus_zero": -0.0, "lists": [["a"], [1]], "most": u64::MAX,
    });
    queries.insert("q", &document).await.unwrap();
    for (filter, expected) in [
        (Filter::all(), true),
        (Filter::field("status", "processing"), true),
        (Filter::field("status", "pending"), false),
        (
            Filter::field("status", "processing").and("attempt", 3),
            false,
        ),
        (Filter::field("attempt", 2).and("attempt", 3), false),
        (
            Filter::all().and_any_of("status", ["pending", "processing"]),
            true,
        ),
        (Filter::all().and_any_of("status", [""; 0]), false),
        (Filter::field("attempt", 2.0), true),
        (Filter::field("ratio", 2), true),
        (Filter::field("attempt", "2"), false),
        (Filter::field("large", 9_007_199_254_740_993_i64), true),
        (Filter::field("large", 9_007_199_254_740_992.0), false),
        (Filter::field("beyond", BEYOND), true),
        (Filter::field("beyond", BEYOND as f64), true),
        (Filter::field("beyond", BEYOND + 1), false),
        (Filter::field("beyond", i64::MAX), false),
        (Filter::field("beyond_float", BEYOND), true),
        (Filter::field("beyond_float", i64::MAX), false),
        (Filter::field("most", u64::MAX), true),
        (Filter::field("most", u64::MAX as f64), false),
        (Filter::field("zero", -0.0), true),
        (Filter::field("minus_zero", 0), true),
        (Filter::field("minus_zero", -0.0), true),
        (Filter::field("minus_zero", 1), false),
        (Filter::field("stage", None::<u8>), true),
        (Filter::field("missing", None::<u8>), true),
        (Filter::field("none", None::<u8>), true),
        (Filter::field("status", None::<u8>), false),
        (Filter::field("missing", false), false),
        (Filter::field("tags", "b"), true),
        (Filter::field("tags", "c"), false),
        (Filter::field("lists", "a"), false),
        (Filter::field("nested", "x"), false),
    ] {
        let label = format!("{filter:?}");
        assert_eq!(
            queries.count(filter).await.unwrap(),
            u64::from(expected),
            "{label}"
        );
    }
}

pub(super) async fn ids_are_ordered_by_their_bytes(fixture: Fixture) {
    let queries = fixture.collection("queries");
    let mut ids = [
        "b",
        "B",
        "a",
        "_",
        "10",
        "9",
        "ä",
        "z",
        "a b",
        "\u{1F600}",
        "ﬀ",
        "é",
        "aa",
    ];
    for id in ids {
        queries.insert(id, &json!({ "id": id })).await.unwrap();
    }
    ids.sort_by(|one, other| other.as_bytes().cmp(one.as_bytes()));
    let found = |page| queries.find::<Value>(Filter::all(), page);
    let in_order = |found: Vec<Value>| -> Vec<String> {
        let id = |found: &Value| found["id"].as_str().unwrap().to_owned();
        found.iter().map(id).collect()
    };
    assert_eq!(in_order(found(Page::first(100)).await.unwrap()), ids);
    let after = found(Page::after(ids[3], 4)).await.unwrap();
    assert_eq!(in_order(after), ids[4..8]);
}
