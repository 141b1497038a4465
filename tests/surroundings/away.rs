//! What an agent says by itself: of a store that goes away and comes back, and of its own end.

use chimera_servers::{Redis, Store as _};

use crate::program::{Running, program};

/// Nobody asks for its health meanwhile, and it has no work.
#[test]
fn a_store_that_goes_away_and_comes_back_is_told() {
    let redis = Redis::start();
    let place = redis.url();
    let settings = [
        format!("cache.url={place}"),
        "telemetry.exporters=none".to_owned(),
    ];
    let directory = tempfile::tempdir().unwrap();
    let mut agent = Running::start(program("query_agent", directory.path(), &settings));
    agent.says("\"ready\"");
    redis.stop();
    let line = agent.says("cannot be used");
    let says = ["WARN", &place, "it counts as empty", "tried again every"];
    for says in says {
        assert!(line.contains(says), "`{says}` is not in: {line}");
    }
    redis.start_again();
    let line = agent.says("can be used again");
    assert!(line.contains(&place), "{line}");
    let ended = agent.terminate();
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    for says in [
        "cannot be used",
        "can be used again",
        "stopping: messages in flight: 0",
        "stopped: all messages in flight were finished",
    ] {
        let times = ended.said.matches(says).count();
        assert_eq!(times, 1, "`{says}` {times} times:\n{}", ended.said);
    }
}

/// Who starts without one of them says so once, in the same words.
#[test]
fn a_store_that_is_not_there_at_the_start_is_told_once() {
    let settings = [
        "cache.url=redis://127.0.0.1:1".to_owned(),
        "timeseries.url=influxdb://127.0.0.1:1/chimera".to_owned(),
        "telemetry.exporters=none".to_owned(),
    ];
    let directory = tempfile::tempdir().unwrap();
    let mut agent = Running::start(program("query_agent", directory.path(), &settings));
    agent.says("\"ready\"");
    let said = agent.terminate().said;
    for part in ["cache at redis://", "timeseries at influxdb://"] {
        assert_eq!(said.matches(part).count(), 1, "{said}");
    }
    assert_eq!(said.matches("cannot be used").count(), 2, "{said}");
}
