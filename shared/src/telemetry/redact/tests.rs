use proptest::prelude::*;

use super::*;

#[test]
fn keys_that_look_like_a_secret() {
    for key in [
        "password",
        "db_password",
        "API-Key",
        "x.api.key",
        concat!("http", ".request.header.authorization"),
        concat!("db", ".query.parameter.password"),
        "Set-Cookie",
        "aws_secret",
        "accessToken",
        "private_key",
        "server.password",
    ] {
        assert!(is_secret_key(key), "{key}");
    }
    for key in [
        "messaging.message.id",
        "gen_ai.token.type",
        "session.id",
        "symbol",
        "author",
        "key",
        "cache.key",
    ] {
        assert!(!is_secret_key(key), "{key}");
    }
}

fn check(input: &str, expected: &str) {
    let once = text(input);
    assert_eq!(once, expected);
    assert_eq!(text(&once), expected, "twice");
}

#[test]
fn credentials_in_urls() {
    check(
        "amqp://user:pass@host:5672/vhost",
        "amqp://REDACTED:REDACTED@host:5672/vhost",
    );
    check(
        "connecting to redis://:p@ss@host",
        "connecting to redis://REDACTED:REDACTED@host",
    );
    check(
        "a https://h/?token=1&q=2 b",
        "a https://h/?token=REDACTED&q=2 b",
    );
    check("https://h/p?sig=abc", "https://h/p?sig=REDACTED");
    check(
        "https://h/cb#access_token=abc&state=1",
        "https://h/cb#access_token=REDACTED&state=1",
    );
    check("https://token@h/", "https://REDACTED@h/");
    check(
        "mongodb://u:p@h1,h2/db and https://x",
        "mongodb://REDACTED:REDACTED@h1,h2/db and https://x",
    );
    // Somebody did not encode the slash.
    check("amqp://u:pa/ss@host", "amqp://REDACTED:REDACTED@host");
    check("redis://:pa#ss@host", "redis://REDACTED:REDACTED@host");
    check(
        "dial alice:hush@tcp(db:3306)/x",
        "dial REDACTED:REDACTED@tcp(db:3306)/x",
    );
}

#[test]
fn what_is_no_credential_stays() {
    for text in [
        "https://h/a@b",
        "https://h:8080/a@b",
        "https://[::1]:80/a@b",
        "mongodb://h1:1,h2:2/db",
        "chimera.events:query.request",
        "chimera.events:auth.token:token_agent",
        "mail to alice@example.org, or mailto:alice@example.org",
        "ghcr.io/some/image:1.0@sha256:0123",
        "0198c0de-7a11-7000-8000-0123456789ab",
        "basic usage is described below",
        "a bearer token is needed",
        "the sk-learn package",
        "AKIA",
        "2026-11-21T10:00:00Z",
        "-----BEGIN CERTIFICATE-----abc-----END CERTIFICATE-----",
        "password: ",
        "pa=1",
        "api_key: unknown field `api_key`",
        "api_key: unknown field `api_key`, expected one of `a`, `b`",
        "token: must not be empty",
        "\"password\": invalid type",
        "the flag --api-key is missing",
        "a value is required for '--api-key <KEY>'",
        "docker login --password-stdin --username u",
        "cargo test -p chimera-shared",
        "mkdir -p /a/b",
        "ssh -p 22 host",
        "MSG.a.b, SG.short",
    ] {
        check(text, text);
    }
}

#[test]
fn values_behind_the_name_of_a_secret() {
    check(
        "Server=db;User=a;Password=two words;Port=1",
        "Server=db;User=a;Password=REDACTED;Port=1",
    );
    check("password=hush, user=a", "password=REDACTED, user=a");
    check("token: hush.", "token: REDACTED.");
    check("api_key = 'a b'", "api_key = 'REDACTED'");
    check(
        r#"{"password":"a\"b","n":1}"#,
        r#"{"password":"REDACTED","n":1}"#,
    );
    check(
        r#"body "{\"secret\": \"hush\", \"n\": 1}""#,
        r#"body "{\"secret\": \"REDACTED\", \"n\": 1}""#,
    );
    check(
        r#"Login { user: "a", password: Some("hush") }"#,
        r#"Login { user: "a", password: Some("REDACTED") }"#,
    );
    check(":token => \"hush\"", ":token => \"REDACTED\"");
    check(
        "AccountName=a;AccountKey=ab==;End=x",
        "AccountName=a;AccountKey=REDACTED;End=x",
    );
}

#[test]
fn values_of_flags() {
    check(
        "run --password hush --host h",
        "run --password REDACTED --host h",
    );
    check(
        "--password hush -p hush2",
        "--password REDACTED -p REDACTED",
    );
    check("--api-key=hush", "--api-key=REDACTED");
    check("login -u ann -p 'a b' h", "login -u ann -p 'REDACTED' h");
    check("[--token  hush]", "[--token  REDACTED]");
    check("--password unknown", "--password REDACTED");
}

#[test]
fn a_word_alone_may_be_a_secret() {
    check("password: unknown", "password: REDACTED");
    check("password: correct horse", "password: REDACTED horse");
    check("password=unknown field", "password=REDACTED field");
    check("api_key: 'unknown field'", "api_key: 'REDACTED'");
}

#[test]
fn headers() {
    check("Authorization: Basic dTpw", "Authorization: REDACTED");
    check(
        "authorization: Bearer abc.def\nhost: x",
        "authorization: REDACTED\nhost: x",
    );
    check(
        "Authorization: Digest username=\"a\", response=\"b\"",
        "Authorization: REDACTED\"a\", response=\"b\"",
    );
    check("Cookie: a=1; b=2", "Cookie: REDACTED");
    check("X-Api-Key: hush", "X-Api-Key: REDACTED");
    check("sent Bearer hushhush to", "sent Bearer REDACTED to");
    check("sent BASIC dTpw to", "sent BASIC REDACTED to");
}

#[test]
fn tokens_by_their_shape() {
    for token in [
        "ghp_0123456789abcdef",
        "github_pat_0123456789_abcdef",
        "glpat-0123456789",
        "xoxb-0123456789-abc",
        "sk-proj-0123456789",
        "sk_live_0123456789",
        "AKIAIOSFODNN7EXAMPLE",
        "dop_v1_0123456789abcdef",
        concat!("SG", ".0123456789abcdefABCDEF.0123456789-abcdefghij_klmno"),
        "AIzaSyA0123456789abcdefghijklmnop",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
        "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nabc",
    ] {
        check(token, REDACTED);
        if !token.starts_with("-----") {
            check(&format!("got {token}."), "got REDACTED.");
            check(&format!("üb({token})"), "üb(REDACTED)");
        }
    }
}

/// Were any of them gone through again and again, this test would not end within minutes.
#[test]
fn texts_made_to_be_slow_are_gone_through() {
    for piece in [
        "@",
        "a:@",
        "://",
        "://a:b",
        "password=a ",
        "authorization: a b ",
        "xsk-",
        "xAKIA",
        "-----BEGIN ",
        "bearer ",
        " --",
        "--a ",
        "-u -p - ",
        " --password -",
        "SG.",
        "SG.-",
        "cookie=REDACTED ",
        "cookie=\"REDACTED ",
        "cookie=REDACTED\" ",
        "password=REDACTED",
        "authorization=REDACTED",
        "authorization: REDACTED b=, ",
        " --password REDACTED ",
    ] {
        let slow = piece.repeat((1 << 17) / piece.len());
        let end = "token=hush";
        let clean = text(&format!("{slow} {end}")).into_owned();
        assert!(clean.ends_with("token=REDACTED"), "{piece}");
    }
}

#[test]
fn long_credentials_are_whole() {
    let long = "x".repeat(5_000);
    check(
        &format!("http://user:{long}@host/"),
        "http://REDACTED:REDACTED@host/",
    );
    check(
        &format!("Authorization: Bearer {long}"),
        "Authorization: REDACTED",
    );
    check(&format!("Cookie: a={long}; b={long}"), "Cookie: REDACTED");
    check(
        &format!("Authorization: Digest a={long}, b={long}"),
        "Authorization: REDACTED",
    );
    check(&format!("password={long} a"), "password=REDACTED a");
    check(&format!("user:{long}@host"), "REDACTED:REDACTED@host");
}

const NOISE: &str =
    "([ -~]|password=|://|@|Bearer |eyJ|-----BEGIN |-----END |PRIVATE KEY-----|ü|\"|'|\\\\){0,40}";

proptest! {
    #[test]
    fn a_token_is_found_in_any_text(before in NOISE, after in NOISE) {
        let token = "ghp_0123456789abcdef";
        let input = format!("{before} {token} {after}");
        prop_assert!(!text(&input).contains(token));
    }
}
