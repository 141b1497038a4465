//! What is wrong with passwords, rights, certificates and settings, in one line each.

use std::net::SocketAddr;

use chimera_bus::tls::CertificateFault;
use chimera_servers::Certificates;

use super::*;

/// What connecting fails with.
async fn refusal(url: &str, change: impl FnOnce(&mut DocumentsConfig)) -> OpenError {
    let mut database = Database::at(url);
    database.config.connect_timeout = Duration::from_secs(2);
    change(&mut database.config);
    let connected = Documents::connect(&database.url, &database.config).await;
    let error = connected.expect_err("it must be refused");
    let mut whole = format!("{error:?} {error}");
    let mut source = std::error::Error::source(&error);
    while let Some(error) = source {
        whole = format!("{whole} {error}");
        source = error.source();
    }
    assert!(!whole.contains("hunter2"), "{whole}");
    error
}

#[tokio::test]
async fn each_refusal_is_one_clear_line() {
    let fails = |code, name: &'static str| fake::answering(move |_| fake::error(code, name));
    let check = async |server: SocketAddr, user: &str, expected: &str, transient: bool| {
        let url = format!("mongodb://{user}{server}/notes");
        let error = refusal(&url, |config| config.database = String::new()).await;
        assert_eq!(error.to_string(), format!("MongoDB at {server} {expected}"));
        assert_eq!(error.is_transient(), transient, "{error}");
    };
    let ann = "ann:hunter2@";
    check(
        fails(18, "AuthenticationFailed"),
        ann,
        "refuses the user or the password: correct them, or `authSource`, in `documents.url`",
        false,
    )
    .await;
    check(
        fails(13, "Unauthorized"),
        "",
        "wants a user and a password: give them in `documents.url`",
        false,
    )
    .await;
    check(
        fails(10107, "NotWritablePrimary"),
        "",
        "is starting, stopping or electing a primary: wait until it is done",
        true,
    )
    .await;
    check(
        fails(2, "BadValue"),
        "",
        "refuses the operation with code 2 (BadValue): its log says why",
        false,
    )
    .await;
    check(
        fails(2, "hunter2 is no name"),
        "",
        "refuses the operation with code 2 (unnamed): its log says why",
        false,
    )
    .await;
}

#[tokio::test]
async fn a_user_without_rights_is_told_the_database() {
    // A certificate is what this user has: nothing is asked for a password.
    let server = fake::answering(|command| match command {
        "authenticate" => mongodb::bson::doc! { "ok": 1.0, "dbname": "$external" },
        _ => fake::error(13, "Unauthorized"),
    });
    let url = format!("mongodb://ann@{server}/?authMechanism=MONGODB-X509");
    let error = refusal(&url, |config| config.database = "notes".to_owned()).await;
    let expected = format!(
        "MongoDB at {server} does not let this user work in database `notes`: grant the role `readWrite` on it"
    );
    assert_eq!(error.to_string(), expected);
    assert!(!error.is_transient());
}

#[tokio::test]
async fn certificates_are_checked() {
    let upstream = blocking(|| Server::shared().url()).await;
    let Some(upstream) = upstream
        .strip_prefix("mongodb://")
        .and_then(|rest| rest.trim_end_matches('/').parse().ok())
    else {
        panic!("a server with one address and no password is needed, not somebody's URL")
    };
    let (right, other) = (Certificates::new(), Certificates::for_names(&["elsewhere"]));
    let server = fake::with_tls(upstream, right.certificate(), right.key());
    let url = format!("mongodb://{server}/?tls=true");
    let says = |server, fault: CertificateFault| {
        let explained = fault.explained("documents");
        format!("the certificate of MongoDB at {server} {explained}")
    };
    let ca = |certificates: &Certificates| Some(certificates.ca().to_owned());

    let mut database = Database::at(&url);
    database.config.ca_file = ca(&right);
    let fixture = Fixture::at(Place::Server(Box::new(database))).await;
    let queries = fixture.collection("queries");
    queries.insert("q", &query("pending")).await.unwrap();
    assert_eq!(queries.get("q").await.unwrap(), Some(query("pending")));
    fixture.store.close().await;

    for wrong in [None, ca(&other)] {
        let error = refusal(&url, |config| config.ca_file = wrong).await;
        let expected = says(server, CertificateFault::UnknownIssuer);
        assert_eq!(error.to_string(), expected);
        assert!(!error.is_transient());
    }
    let elsewhere = fake::with_tls(upstream, other.certificate(), other.key());
    let url = format!("mongodb://{elsewhere}");
    let error = refusal(&url, |config| config.ca_file = ca(&other)).await;
    let expected = says(elsewhere, CertificateFault::OtherName);
    assert_eq!(error.to_string(), expected);

    let plain = format!("mongodb://{upstream}");
    let error = refusal(&plain, |config| config.ca_file = ca(&right)).await;
    assert!(
        !error.is_transient() || error.to_string().contains("cannot be reached"),
        "{error}"
    );
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_named() {
    let check = async |url: &str, change: fn(&mut DocumentsConfig), expected: &str| {
        let error = refusal(url, change).await;
        assert_eq!(error.to_string(), expected);
        assert!(!error.is_transient());
    };
    let url = "mongodb://ann:hunter2@localhost:1";
    check(
        url,
        |config| config.database = "a.b".to_owned(),
        "`documents.database` names a database that MongoDB does not allow: 63 bytes at most, and no spaces, quotes or \
         punctuation but `_` and `-`",
    )
    .await;
    check(
        url,
        |config| config.collection_prefix = "a b".to_owned(),
        "`documents.collection_prefix` must be 60 ASCII letters, digits, `_`, `-` and dots at most, the first a letter",
    )
    .await;
    check(
        url,
        |config| config.ca_file = Some("/does/not/exist".into()),
        "`documents.ca_file` `/does/not/exist`: I/O error: No such file or directory (os error 2)",
    )
    .await;
    check(
        "mongodb://ann@localhost:1",
        |_| {},
        "`documents.url` names a user without a password: give it there or in `documents.password_file`",
    )
    .await;
    check(
        "mongodb://ann:hunter2@localhost:1/?maxPoolSize=many",
        |_| {},
        "`documents.url` mongodb://ann:***@localhost:1/?maxPoolSize=many: connection string `maxpoolsize` argument must be \
         a positive integer",
    )
    .await;
}
