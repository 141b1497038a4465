//! What somebody has to correct: one line each, which says what, where and what to do.

use std::{io::Write as _, net::TcpListener, path::PathBuf};

use chimera_servers::Certificates;

use super::*;

/// Why the cache at `url` cannot be used: what went wrong, and the whole line.
async fn refused(settings: &RedisSettings) -> (&'static str, String) {
    let cache = Cache::redis(settings, keys()).unwrap();
    let error = cache.check().await.unwrap_err();
    assert!(!error.is_transient(), "{error}");
    let used = scoped(&cache).set("key", 1, MINUTE).await.unwrap_err();
    assert_eq!(error.to_string(), used.to_string());
    let kind = error.error_type();
    let line = format!("{:#}", anyhow::Error::new(error));
    assert!(!line.contains("hunter2"), "{line}");
    (kind, line)
}

/// `redis://user:password@host:port` of a URL without a user.
fn with_user(url: &str, user: &str) -> String {
    url.replace("://", &format!("://{user}@"))
}

#[tokio::test]
async fn a_password_is_wanted_and_taken() {
    let redis = blocking(|| Redis::start_with(&["--requirepass", "hunter2"])).await;
    let url = redis.url();
    let server = url.strip_prefix("redis://").unwrap();
    let (kind, line) = refused(&settings(&url)).await;
    assert_eq!(kind, "NOAUTH");
    assert_eq!(
        line,
        format!(
            "Redis at {server} wants a password: put it into `cache.url` or into a file that `cache.password_file` names"
        )
    );
    let (kind, line) = refused(&settings(&with_user(&url, ":hunter23"))).await;
    assert_eq!(kind, "WRONGPASS");
    assert_eq!(
        line,
        format!(
            "Redis at {server} refuses the user name and password of `cache.url` and `cache.password_file`"
        )
    );
    let right = cache_at(&with_user(&url, ":hunter2"));
    right.check().await.unwrap();
    let named = cache_at(&with_user(&url, "default:hunter2"));
    named.check().await.unwrap();
}

#[tokio::test]
async fn a_database_that_is_not_there_is_named() {
    let (kind, line) = refused(&settings(&format!("{}/99999", shared_url().await))).await;
    assert_eq!(kind, "ERR");
    assert!(
        line.contains("has no database 99999: name another"),
        "{line}"
    );
}

#[tokio::test]
async fn a_user_without_the_permission_is_told_which() {
    let user = ["--user", "reader", "on", ">hunter2", "~others:*", "+get"];
    let redis = blocking(move || Redis::start_with(&user)).await;
    let cache = cache_at(&with_user(&redis.url(), "reader:hunter2"));
    let error = cache.check().await.unwrap_err();
    assert_eq!(
        (error.error_type(), error.is_transient()),
        ("NOPERM", false)
    );
    let line = error.to_string();
    assert!(
        line.contains("does not let this user GET the key: its ACL needs"),
        "{line}"
    );
}

#[tokio::test]
async fn a_certificate_has_to_fit() {
    let certificates = Certificates::new();
    let of_redis = certificates.clone();
    let redis = blocking(move || Redis::start_with_tls(&of_redis)).await;
    let url = redis.tls_url().unwrap();
    let trusting = |url: &str, ca: PathBuf| RedisSettings {
        ca_file: Some(ca),
        ..settings(url)
    };
    let cache = Cache::redis(&trusting(&url, certificates.ca().to_owned()), keys()).unwrap();
    scoped(&cache).set("key", 1, MINUTE).await.unwrap();
    let (kind, line) = refused(&trusting(&url, Certificates::new().ca().to_owned())).await;
    assert_eq!(kind, "certificate");
    assert!(
        line.contains("not trusted here") && line.contains("`cache.ca_file`"),
        "{line}"
    );
    let (kind, _) = refused(&settings(&url)).await;
    assert_eq!(kind, "certificate");
    // A certificate of the right authority for another host.
    let other = Certificates::for_names(&["redis.example"]);
    let of_redis = other.clone();
    let redis = blocking(move || Redis::start_with_tls(&of_redis)).await;
    let (kind, line) = refused(&trusting(&redis.tls_url().unwrap(), other.ca().to_owned())).await;
    assert_eq!(kind, "certificate");
    assert!(line.contains("is for another name"), "{line}");
    assert!(line.contains("redis.example"), "{line}");
}

#[tokio::test]
async fn a_certificate_has_its_time() {
    let certificates = Certificates::expired();
    let of_redis = certificates.clone();
    let redis = blocking(move || Redis::start_with_tls(&of_redis)).await;
    let url = redis.tls_url().unwrap();
    let trusting = RedisSettings {
        ca_file: Some(certificates.ca().to_owned()),
        ..settings(&url)
    };
    let (kind, line) = refused(&trusting).await;
    assert_eq!(kind, "certificate");
    assert!(line.contains("has expired: renew it"), "{line}");
}

#[tokio::test]
async fn the_other_scheme_is_recommended() {
    let certificates = Certificates::new();
    let of_redis = certificates.clone();
    let redis = blocking(move || Redis::start_with_tls(&of_redis)).await;
    let plain_to_tls = redis.tls_url().unwrap().replace("rediss:", "redis:");
    let error = cache_at(&plain_to_tls)
        .check()
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("must begin with `rediss://`"), "{error}");
}

#[tokio::test]
async fn what_is_not_redis_is_said_to_be_something_else() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // Answers like a web server, until its listener is closed with the test.
    std::thread::spawn(move || {
        for stream in listener.incoming().take(4).flatten() {
            let mut stream = stream;
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let (kind, line) = refused(&settings(&format!("redis://{address}"))).await;
    assert_eq!(kind, "not_redis");
    assert_eq!(
        line,
        format!("what answers at {address} is not Redis: correct `cache.url`")
    );
}
