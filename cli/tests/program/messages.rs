//! `chimera publish` and `chimera request`.

use serde_json::Value;

use crate::process::{Up, directory, run, stderr, stdout};

#[test]
fn messages_are_published_followed_and_answered() {
    let directory = directory();
    let _up = Up::start(directory.path(), &[]);

    let catalog = run(
        directory.path(),
        &["request", "data_retrieval.catalog", "{}"],
    );
    assert_eq!(catalog.status.code(), Some(0), "{}", stderr(&catalog));
    let catalog: Value = serde_json::from_slice(&catalog.stdout).unwrap();
    assert_eq!(catalog["today"], "2019-03-28");

    let wrong = r#"{"query_id":"x"}"#;
    let followed = run(
        directory.path(),
        &[
            "publish",
            "query.request",
            wrong,
            "--count",
            "3",
            "--follow",
        ],
    );
    let text = stdout(&followed);
    assert_eq!(
        followed.status.code(),
        Some(4),
        "they were dead-lettered: {text}"
    );
    assert_eq!(
        text.lines()
            .filter(|line| line.contains("query_agent") && line.contains("dead-lettered"))
            .count(),
        3,
        "{text}"
    );

    let nowhere = run(directory.path(), &["publish", "no.such.key", "{}"]);
    assert!(
        stderr(&nowhere).contains("no agent takes `no.such.key`, so that 1 of 1 went nowhere"),
        "{}",
        stderr(&nowhere)
    );
    assert_eq!(nowhere.status.code(), Some(4));

    let nobody = run(directory.path(), &["request", "no.such.key", "{}"]);
    assert!(
        stderr(&nobody).contains("nobody takes requests for `no.such.key`"),
        "{}",
        stderr(&nobody)
    );

    let not_json = run(directory.path(), &["publish", "query.request", "{"]);
    assert_eq!(not_json.status.code(), Some(2), "{}", stderr(&not_json));
}
