//! Servers that are not there yet.

use std::path::Path;

use crate::program::{NO_DIRECTORY, Running, Servers, program};

/// A server that nobody has started.
const NOBODY: &str = "127.0.0.1:1";

#[test]
fn who_waits_says_so_once_and_ends_when_asked() {
    let mut servers = Servers::fresh();
    servers.bus = format!("amqp://chimera:hush@{NOBODY}");
    let check = |name: &str, arguments: &[&str]| {
        let mut command = program(name, Path::new(NO_DIRECTORY), &servers.settings());
        command.args(arguments);
        let mut waiting = Running::start(command);
        let line = waiting.says("waiting for the bus");
        assert!(line.contains(&format!("amqp://{NOBODY}")), "{line}");
        assert!(line.contains("is it running"), "{line}");
        let ended = waiting.terminate();
        assert_eq!(ended.code, Some(0), "{}", ended.said);
        let times = ended.said.matches("waiting for").count();
        assert_eq!(times, 1, "{}", ended.said);
        assert!(!ended.said.contains("hush"), "{}", ended.said);
    };
    check("query_agent", &[]);
    check("chimera", &["up"]);
}

#[test]
fn commands_do_not_wait() {
    let settings = [
        format!("bus.url=amqp://chimera:hush@{NOBODY}"),
        "telemetry.exporters=none".to_owned(),
    ];
    let mut command = program("chimera", Path::new(NO_DIRECTORY), &settings);
    command.args(["publish", "query.cancelled", "{}"]);
    let ended = Running::start(command).end();
    assert_eq!(ended.code, Some(4), "{}", ended.said);
    assert_eq!(ended.said.lines().count(), 1, "{}", ended.said);
    assert!(ended.said.contains("is it running"), "{}", ended.said);
    assert!(!ended.said.contains("hush"), "{}", ended.said);
}
