use std::sync::atomic::{AtomicU64, Ordering};

use opentelemetry::trace::Status;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SpanData};
use serde::Deserialize;
use tempfile::TempDir;

use super::*;
use crate::telemetry::Telemetry;

mod durability;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Query {
    text: String,
    status: String,
    winner: Option<u32>,
}

fn query(status: &str) -> Query {
    Query {
        text: "How did the ZEC price trend?".to_owned(),
        status: status.to_owned(),
        winner: None,
    }
}

struct Fixture {
    directory: TempDir,
    store: Documents,
    now_ms: Arc<AtomicU64>,
    telemetry: Telemetry,
    spans: InMemorySpanExporter,
}

impl Fixture {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let now_ms = Arc::new(AtomicU64::new(1_000_000));
        let store = Self::open(directory.path(), &now_ms).await;
        let (telemetry, spans) = Telemetry::for_test("query_agent");
        Self {
            directory,
            store,
            now_ms,
            telemetry,
            spans,
        }
    }

    async fn open(directory: &Path, now_ms: &Arc<AtomicU64>) -> Documents {
        let now_ms = Arc::clone(now_ms);
        let clock = Arc::new(move || now_ms.load(Ordering::Relaxed));
        let engine = Embedded::open_with_clock(directory, clock).await.unwrap();
        Documents::of(Engine::Embedded(engine))
    }

    async fn reopen(&mut self) {
        self.store.close().await;
        self.store = Self::open(self.directory.path(), &self.now_ms).await;
    }

    fn collection(&self, name: &str) -> Collection {
        self.store.scoped(&self.telemetry.root()).collection(name)
    }

    fn pass(&self, duration: Duration) {
        let ms = u64::try_from(duration.as_millis()).unwrap();
        self.now_ms.fetch_add(ms, Ordering::Relaxed);
    }

    fn only_span(&self) -> SpanData {
        let mut spans = self.spans.get_finished_spans().unwrap();
        assert_eq!(spans.len(), 1, "{spans:?}");
        self.spans.reset();
        spans.remove(0)
    }
}

#[tokio::test]
async fn what_is_written_is_read_also_after_reopening() {
    let mut fixture = Fixture::new().await;
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

#[tokio::test]
async fn an_id_is_inserted_once() {
    let fixture = Fixture::new().await;
    let queries = fixture.collection("queries");
    let inserts = (0..20).map(|_| async { queries.insert("q", &query("pending")).await });
    let results = futures_util::future::join_all(inserts).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert!(results.iter().filter_map(|result| result.as_ref().err()).all(
        |error| matches!(error, DocumentError::Duplicate { collection } if collection == "queries")
    ));
}

#[tokio::test]
async fn of_concurrent_conditional_updates_one_wins() {
    let fixture = Fixture::new().await;
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

#[tokio::test(start_paused = true)]
async fn a_paused_clock_stands_still_while_a_write_is_under_way() {
    let fixture = Fixture::new().await;
    let queries = fixture.collection("queries");
    for n in 0..20 {
        let (id, document) = (n.to_string(), query("pending"));
        let insert = queries.insert(&id, &document);
        let in_time = tokio::time::timeout(Duration::from_millis(1), insert).await;
        in_time.expect("no time passes").unwrap();
    }
}

#[tokio::test]
async fn an_update_without_a_document_changes_nothing() {
    let fixture = Fixture::new().await;
    let queries = fixture.collection("queries");
    let updated = queries
        .update::<Query>("q", Filter::all(), Changes::set("status", "cancelled"))
        .await;
    assert_eq!(updated.unwrap(), None);
    assert_eq!(queries.count(Filter::all()).await.unwrap(), 0);
}

#[tokio::test]
async fn pages_go_from_the_newest_to_the_oldest() {
    let fixture = Fixture::new().await;
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

#[tokio::test]
async fn documents_expire() {
    let mut fixture = Fixture::new().await;
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

    let Engine::Embedded(engine) = &fixture.store.0.engine;
    assert_eq!(
        engine.kept(),
        (2, 1),
        "documents and expiries before the sweep"
    );
    engine.sweep().await.unwrap();
    assert_eq!(engine.kept(), (1, 0), "and after it");
    assert_eq!(handled.get("m2").await.unwrap(), Some(query("for good")));
}

#[tokio::test]
async fn what_cannot_be_stored_is_refused() {
    let fixture = Fixture::new().await;
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
    let grown = queries
        .update::<serde_json::Value>("q", Filter::all(), Changes::set("more", 1))
        .await;
    assert!(matches!(grown, Err(DocumentError::TooLarge { .. })));
    let wrong = queries.get::<Query>("q").await;
    assert!(matches!(wrong, Err(DocumentError::Decode { id, .. }) if id == "q"));
}

#[tokio::test]
async fn a_directory_is_opened_once_and_a_closed_store_says_so() {
    let fixture = Fixture::new().await;
    let second = Documents::open_embedded(fixture.directory.path()).await;
    assert!(
        matches!(second, Err(OpenError::Locked { .. })),
        "{second:?}"
    );
    fixture.store.check().await.unwrap();
    fixture.store.close().await;
    assert!(matches!(
        fixture.store.check().await,
        Err(DocumentError::Closed)
    ));
    let queries = fixture.collection("queries");
    assert!(matches!(
        queries.get::<Query>("q").await,
        Err(DocumentError::Closed)
    ));
    assert!(matches!(
        queries.delete("q").await,
        Err(DocumentError::Closed)
    ));
}

#[tokio::test]
async fn each_operation_has_its_span() {
    let fixture = Fixture::new().await;
    let queries = fixture.collection("queries");
    let check = |operation: &str, error: Option<&str>| {
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
            ("db.namespace", "chimera".to_owned()),
            ("db.operation.name", operation.to_owned()),
            ("db.system.name", "fjall".to_owned()),
        ];
        expected.extend(error.map(|error| ("error.type", error.to_owned())));
        assert_eq!(attributes, expected);
        assert_eq!(span.status == Status::Unset, error.is_none());
    };
    queries.insert("q", &query("pending")).await.unwrap();
    check("insert", None);
    queries.insert("q", &query("pending")).await.unwrap_err();
    check("insert", Some("duplicate"));
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
    check("find", Some("decode"));
    queries
        .find::<Query>(Filter::all(), Page::first(1))
        .await
        .unwrap();
    check("find", None);
    queries.count(Filter::all()).await.unwrap();
    check("count", None);
    queries.delete("q").await.unwrap();
    check("delete", None);
    let metrics = fixture.telemetry.metrics().prometheus();
    let inserted = metrics.lines().filter(|line| {
        line.starts_with("db_client_operation_duration_seconds_count")
            && line.contains("db_operation_name=\"insert\"")
            && line.contains("db_collection_name=\"queries\"")
    });
    assert_eq!(inserted.count(), 2, "with and without an error: {metrics}");
}

#[tokio::test]
async fn a_refused_collection_name_is_not_recorded() {
    let fixture = Fixture::new().await;
    let result = fixture.collection("pass word").get::<Query>("q").await;
    assert!(!result.unwrap_err().to_string().contains("pass"));
    let span = fixture.only_span();
    assert_eq!(span.name, "find");
    assert!(!format!("{:?}", span.attributes).contains("pass"));
}
