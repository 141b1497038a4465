use std::sync::atomic::{AtomicU64, Ordering};

use opentelemetry::trace::Status;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SpanData};
use serde::Deserialize;
use tempfile::TempDir;

use super::*;
use crate::telemetry::Telemetry;

mod cases;
mod durability;
mod embedded;
#[cfg(feature = "servers")]
mod mongo;

/// Declares a test of each case for each engine.
macro_rules! on_each_engine {
    ($($case:ident,)+) => {
        mod on_the_embedded_engine {
            use super::*;
            $(
                #[tokio::test]
                async fn $case() {
                    cases::$case(Fixture::embedded().await).await;
                }
            )+
        }

        #[cfg(feature = "servers")]
        mod on_mongodb {
            use super::*;
            $(
                #[tokio::test]
                async fn $case() {
                    cases::$case(Fixture::mongodb().await).await;
                }
            )+
        }
    };
}

on_each_engine! {
    what_is_written_is_read_also_after_reopening,
    an_id_is_inserted_once,
    of_concurrent_conditional_updates_one_wins,
    of_concurrent_replacements_all_go_well,
    an_update_without_a_document_changes_nothing,
    conditions_are_met_alike,
    numbers_and_structures_stay_as_they_are,
    changes_set_and_remove_any_value,
    pages_go_from_the_newest_to_the_oldest,
    ids_are_ordered_by_their_bytes,
    documents_expire,
    what_cannot_be_stored_is_refused,
    a_closed_store_says_so,
    each_operation_has_its_span,
    a_refused_collection_name_is_not_recorded,
}

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

/// A store of its own, and what it tells.
struct Fixture {
    place: Place,
    store: Documents,
    /// How much later it is for the store than it was when the test began.
    passed_ms: Arc<AtomicU64>,
    telemetry: Telemetry,
    spans: InMemorySpanExporter,
}

/// Where the documents are kept.
enum Place {
    Directory(TempDir),
    #[cfg(feature = "servers")]
    Server(Box<mongo::Database>),
}

impl Place {
    async fn open(&self, passed_ms: &Arc<AtomicU64>) -> Documents {
        let passed_ms = Arc::clone(passed_ms);
        match self {
            Self::Directory(directory) => {
                let clock = Arc::new(move || 1_000_000 + passed_ms.load(Ordering::Relaxed));
                let opening = Embedded::open_with_clock(directory.path(), clock);
                Documents::of(Engine::Embedded(opening.await.unwrap()))
            }
            #[cfg(feature = "servers")]
            Self::Server(database) => database.open(passed_ms).await,
        }
    }
}

impl Fixture {
    async fn embedded() -> Self {
        Self::at(Place::Directory(tempfile::tempdir().unwrap())).await
    }

    async fn at(place: Place) -> Self {
        let passed_ms = Arc::default();
        let (telemetry, spans) = Telemetry::for_test("query_agent");
        Self {
            store: place.open(&passed_ms).await,
            place,
            passed_ms,
            telemetry,
            spans,
        }
    }

    async fn reopen(&mut self) {
        self.store.close().await;
        self.store = self.place.open(&self.passed_ms).await;
    }

    fn collection(&self, name: &str) -> Collection {
        self.store.scoped(&self.telemetry.root()).collection(name)
    }

    fn pass(&self, duration: Duration) {
        let ms = u64::try_from(duration.as_millis()).unwrap();
        self.passed_ms.fetch_add(ms, Ordering::Relaxed);
    }

    /// How many documents of `collection` there are, also those whose time is up.
    async fn kept(&self, collection: &str) -> u64 {
        match &self.store.0.engine {
            Engine::Embedded(engine) => engine.kept().0 as u64,
            Engine::MongoDb(engine) => engine.kept(collection).await,
        }
    }

    fn only_span(&self) -> SpanData {
        let mut spans = self.spans.get_finished_spans().unwrap();
        assert_eq!(spans.len(), 1, "{spans:?}");
        self.spans.reset();
        spans.remove(0)
    }
}
