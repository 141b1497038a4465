//! Servers that stop, die and fall silent.

use chimera_servers::Store as _;

use super::*;

const MOMENT: Duration = Duration::from_millis(300);
const PATIENCE: Duration = Duration::from_secs(30);

/// A server of a test's own, and a store there that soon gives up.
async fn own() -> (Arc<Server>, Fixture) {
    let server = Arc::new(blocking(Server::start).await);
    let mut database = Database::at(&server.url());
    database.config.connect_timeout = MOMENT;
    database.config.timeout = 3 * MOMENT;
    let fixture = Fixture::at(Place::Server(Box::new(database))).await;
    (server, fixture)
}

async fn on(server: &Arc<Server>, act: fn(&Server)) {
    let server = Arc::clone(server);
    blocking(move || act(&server)).await;
}

/// Waits until the store takes operations again.
async fn until_it_is_back(store: &Documents) {
    let back = async {
        while store.check().await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, back).await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_down_is_said_and_found_again() {
    let (server, fixture) = own().await;
    let queries = fixture.collection("queries");
    queries.insert("q", &query("pending")).await.unwrap();
    on(&server, Server::stop).await;

    let address = server.url().replace("mongodb://", "");
    let expected =
        format!("MongoDB at {address} cannot be reached: start it, or correct `documents.url`");
    fixture.spans.reset();
    let error = queries.get::<Query>("q").await.unwrap_err();
    assert_eq!(error.to_string(), expected);
    assert!(error.is_transient());
    let span = fixture.only_span();
    let error_type = span
        .attributes
        .iter()
        .find(|a| a.key.as_str() == "error.type");
    assert_eq!(error_type.unwrap().value.to_string(), "unreachable");
    let error = fixture.store.check().await.unwrap_err();
    assert_eq!(error.to_string(), expected);
    let Place::Server(database) = &fixture.place else {
        unreachable!("it is a server")
    };
    let refused = Documents::connect(&database.url, &database.config).await;
    let refused = refused.unwrap_err();
    assert!(refused.is_transient());
    assert_eq!(refused.to_string(), expected);
    let chain = format!("{:#}", anyhow::Error::new(refused));
    assert!(chain.contains("refused"), "{chain}");

    on(&server, Server::start_again).await;
    until_it_is_back(&fixture.store).await;
    assert_eq!(queries.get("q").await.unwrap(), Some(query("pending")));
    fixture.store.close().await;
}

#[tokio::test]
async fn a_server_that_dies_loses_nothing_that_it_confirmed() {
    let (server, fixture) = own().await;
    let queries = fixture.collection("queries");
    let confirmed = AtomicU64::new(0);
    let store = async |task: u64| {
        let mut n = 0;
        loop {
            if let Err(error) = queries.insert(&format!("{task}-{n}"), &query("x")).await {
                assert!(error.is_transient(), "{error:?}");
                return (task, n);
            }
            confirmed.fetch_add(1, Ordering::Relaxed);
            n += 1;
        }
    };
    let killing = async {
        while confirmed.load(Ordering::Relaxed) < 50 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        on(&server, Server::kill).await;
    };
    let tasks = futures_util::future::join_all((0..8).map(store));
    let (stored, ()) = tokio::join!(tasks, killing);
    on(&server, Server::start_again).await;
    until_it_is_back(&fixture.store).await;
    for (task, n) in stored {
        for n in 0..n {
            let found: Option<Query> = queries.get(&format!("{task}-{n}")).await.unwrap();
            assert!(found.is_some(), "{task}-{n}");
        }
    }
}

#[tokio::test]
async fn a_server_that_is_silent_is_not_waited_for() {
    let (server, fixture) = own().await;
    let queries = fixture.collection("queries");
    queries.insert("q", &query("pending")).await.unwrap();
    on(&server, Server::pause).await;
    let error = queries.get::<Query>("q").await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    assert!(
        matches!(&error, DocumentError::Server(error)
            if matches!(error.problem(), ServerProblem::TimedOut { .. } | ServerProblem::Unreachable)),
        "{error:?}"
    );
    fixture.store.check().await.unwrap_err();
    on(&server, Server::resume).await;
    until_it_is_back(&fixture.store).await;
    assert_eq!(queries.get("q").await.unwrap(), Some(query("pending")));
}

#[tokio::test]
async fn closing_does_not_wait_for_a_server_that_is_gone() {
    let (server, fixture) = own().await;
    on(&server, Server::kill).await;
    tokio::time::timeout(PATIENCE, fixture.store.close())
        .await
        .unwrap();
}
