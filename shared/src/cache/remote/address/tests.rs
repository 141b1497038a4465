use std::time::Duration;

use super::*;
use crate::config::RedactedUrl;

fn settings(url: &str) -> RedisSettings {
    RedisSettings {
        url: RedactedUrl::parse(url, &["redis", "rediss"]).unwrap(),
        ca_file: None,
        connect_timeout: Duration::from_secs(1),
        timeout: Duration::from_secs(1),
        max_value_bytes: 1_000,
    }
}

#[test]
fn a_url_says_where_redis_is_and_who_asks() {
    let check = |url: &str, server: &str, database: i64, login: Option<(Option<&str>, &str)>| {
        let address = Address::new(&settings(url)).unwrap();
        assert_eq!((&*address.server, address.database), (server, database));
        let found = address.login.as_ref();
        let found = found.map(|login| (login.user.as_deref(), login.password.expose()));
        assert_eq!(found, login, "{url}");
        assert!(!format!("{address:?}").contains("p@ss"), "{address:?}");
    };
    check("redis://cache", "cache:6379", 0, None);
    check("redis://cache:7000/3", "cache:7000", 3, None);
    check("rediss://[::1]:7000/", "[::1]:7000", 0, None);
    check(
        "redis://:p%40ss@cache",
        "cache:6379",
        0,
        Some((None, "p@ss")),
    );
    check(
        "redis://ann:p%40ss@cache/1",
        "cache:6379",
        1,
        Some((Some("ann"), "p@ss")),
    );
}

#[test]
fn what_cannot_be_used_is_said_without_the_password() {
    let directory = tempfile::tempdir().unwrap();
    let no_certificates = directory.path().join("ca.pem");
    fs::write(&no_certificates, "nothing").unwrap();
    let no_certificates = Some(no_certificates);
    let check = |settings: RedisSettings, expected: &str| {
        let error = format!(
            "{:#}",
            anyhow::Error::new(Address::new(&settings).unwrap_err())
        );
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains("secret"), "{error}");
    };
    check(
        settings("redis://:secret@a,b"),
        "`cache.url` is redis://:***@a,b: it must name one host",
    );
    check(
        settings("redis://:secret@cache/many"),
        "the database a number",
    );
    check(
        settings("redis://:secret@cache?db=1"),
        "with nothing behind",
    );
    check(
        settings("rediss://:secret@cache#insecure"),
        "with nothing behind",
    );
    check(
        RedisSettings {
            ca_file: no_certificates.clone(),
            ..settings("redis://:secret@cache")
        },
        "must begin with `rediss://`",
    );
    check(
        RedisSettings {
            ca_file: no_certificates,
            ..settings("rediss://:secret@cache")
        },
        "must hold certificates",
    );
    check(
        RedisSettings {
            ca_file: Some("/nowhere/ca.pem".into()),
            ..settings("rediss://cache")
        },
        "reading /nowhere/ca.pem, which `cache.ca_file` names: No such file",
    );
}
