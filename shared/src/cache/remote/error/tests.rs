use redis::parse_redis_value;

use super::*;

/// What becomes of the answer `line` to `command`.
fn answered(command: &'static str, line: &str) -> RedisError {
    let answer = parse_redis_value(format!("-{line}\r\n").as_bytes()).unwrap();
    let server = Arc::from("cache:6379");
    let asked = Asked {
        server: &server,
        command,
        database: 99,
        within: Duration::from_secs(1),
    };
    RedisError::of_command(asked, answer.extract_error().unwrap_err())
}

#[test]
fn every_answer_has_its_meaning() {
    let check = |command, line: &str, code: &str, is_transient, expected: &str| {
        let error = answered(command, line);
        assert_eq!(error.to_string(), expected);
        assert_eq!(
            (error.code(), error.is_transient()),
            (Some(code), is_transient),
            "{line}"
        );
    };
    check(
        "GET",
        "NOAUTH Authentication required.",
        "NOAUTH",
        false,
        "Redis at cache:6379 wants a password: put it into `cache.url` or into a file that `cache.password_file` names",
    );
    check(
        "AUTH",
        "WRONGPASS invalid username-password pair or user is disabled.",
        "WRONGPASS",
        false,
        "Redis at cache:6379 refuses the user name and password of `cache.url` and `cache.password_file`",
    );
    check(
        "SELECT",
        "ERR DB index is out of range",
        "ERR",
        false,
        "Redis at cache:6379 has no database 99: name another at the end of `cache.url`, as in `/0`",
    );
    check(
        "SET",
        "NOPERM this user has no permissions to run the 'set' command",
        "NOPERM",
        false,
        "Redis at cache:6379 does not let this user SET the key: its ACL needs `~<cache.key_prefix>* +get +set +del +select`",
    );
    check(
        "GET",
        "LOADING Redis is loading the dataset in memory",
        "LOADING",
        true,
        "Redis at cache:6379 refuses GET: LOADING Redis is loading the dataset in memory",
    );
    check(
        "CLIENT",
        "ERR max number of clients reached",
        "ERR",
        true,
        "Redis at cache:6379 refuses CLIENT: ERR max number of clients reached",
    );
    check(
        "GET",
        "WRONGTYPE Operation against a key holding the wrong kind of value",
        "WRONGTYPE",
        false,
        "Redis at cache:6379 refuses GET: WRONGTYPE Operation against a key holding the wrong kind of value",
    );
}

#[test]
fn what_was_sent_is_not_repeated() {
    let line = "ERR unknown command 'SET', with args beginning with: 'a secret' 'another'";
    let error = answered("SET", line).to_string();
    assert_eq!(
        error,
        "Redis at cache:6379 refuses SET: ERR unknown command 'SET'"
    );
    let error = answered("AUTH", "ERR unknown command `AUTH` secret").to_string();
    assert_eq!(error, "Redis at cache:6379 refuses AUTH: ERR");
}

#[test]
fn kinds_are_few() {
    let check = |line: &str, expected: &str| {
        assert_eq!(answered("GET", line).error_type(), expected);
    };
    check("OOM command not allowed", "OOM");
    check("WRONGTYPE", "WRONGTYPE");
    check("MADEUP of a proxy", "_OTHER");
}
