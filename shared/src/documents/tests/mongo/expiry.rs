//! Who removes documents whose time is up.

use super::*;

#[tokio::test]
async fn expired_documents_are_removed_by_the_server_or_by_us() {
    let fixture = Fixture::mongodb().await;
    let Engine::MongoDb(engine) = &fixture.store.0.engine else {
        unreachable!("it is a server")
    };
    let handled = fixture
        .collection("handled")
        .expiring_after(Duration::from_secs(60));
    let inserts = (0..8).map(async |n: u32| handled.insert(&n.to_string(), &query("x")).await);
    futures_util::future::try_join_all(inserts).await.unwrap();
    let spans = fixture.spans.get_finished_spans().unwrap();
    assert!(
        spans
            .iter()
            .any(|span| span.name == "createIndexes handled")
    );
    assert!(
        spans.iter().all(|span| span.status == Status::Unset),
        "{spans:?}"
    );

    let is_ours = engine.is_swept_by_us("handled");
    let has_index = engine
        .indexes("handled")
        .await
        .contains(&"_expires_at_1".to_owned());
    assert_ne!(is_ours, has_index, "one of them does it");
    assert_eq!(is_ours, blocking(|| Server::shared().is_ferret()).await);
    // Another program does the same again.
    let database = match &fixture.place {
        Place::Server(database) => database,
        Place::Directory(_) => unreachable!("it is a server"),
    };
    let second = database.open(Arc::default()).await;
    let again = second
        .scoped(&fixture.telemetry.root())
        .collection("handled");
    let again = again.expiring_after(Duration::from_secs(5));
    again.insert("again", &query("x")).await.unwrap();
}

#[tokio::test]
async fn a_prefix_and_the_databases_name_are_those_of_the_configuration() {
    let mut database = Database::shared().await;
    database.config.collection_prefix = "ours.".to_owned();
    let name = database.config.database.clone();
    let fixture = Fixture::at(Place::Server(Box::new(database))).await;
    fixture
        .collection("queries")
        .insert("q", &query("x"))
        .await
        .unwrap();
    let span = fixture.only_span();
    assert_eq!(span.name, "insert ours.queries");
    let namespace = span
        .attributes
        .iter()
        .find(|a| a.key.as_str() == "db.namespace");
    assert_eq!(namespace.unwrap().value.to_string(), name);
    let Engine::MongoDb(engine) = &fixture.store.0.engine else {
        unreachable!("it is a server")
    };
    assert_eq!(engine.collections().await, ["ours.queries"]);
}

/// A server that falls silent holds up neither the next look nor the end.
#[tokio::test]
async fn removing_what_is_expired_has_its_time() {
    const NO_SUCH_OPTION: i32 = 72;
    let server = fake::answering(|command| match command {
        "createIndexes" => fake::error(NO_SUCH_OPTION, "InvalidOptions"),
        "delete" => loop {
            std::thread::park();
        },
        _ => {
            mongodb::bson::doc! { "ok": 1.0, "cursor": { "id": 0_i64, "ns": "a.b", "firstBatch": [] } }
        }
    });
    let mut database = Database::at(&format!("mongodb://{server}"));
    database.config.timeout = Duration::from_millis(300);
    let store = database.open(Arc::default()).await;
    let Engine::MongoDb(engine) = &store.0.engine else {
        unreachable!("it is a server")
    };
    engine.expire("handled").await.unwrap();
    assert!(engine.is_swept_by_us("handled"));
    assert!(!engine.sweep("handled").await);
    store.close().await;
}
