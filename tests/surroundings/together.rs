//! Everything in one process on servers, and several processes of an agent on one host.

use std::path::Path;

use crate::program::{NO_DIRECTORY, Running, Servers, program};

#[test]
fn all_agents_in_one_process_answer_on_servers() {
    let servers = Servers::fresh();
    let settings = servers.settings();
    // What `--with` is for; the rest is as the test needs it.
    let mut command = program("chimera", Path::new(NO_DIRECTORY), &settings[3..]);
    for url in [&servers.bus, &servers.documents, &servers.cache] {
        command.args(["--with", url]);
    }
    command.arg("up");
    let mut up = Running::start(command);
    up.says("curl");
    let screen = up.said();
    let (_, place) = servers.bus.rsplit_once('@').unwrap();
    for shown in [place, &servers.documents, &servers.cache, "***"] {
        assert!(screen.contains(shown), "`{shown}` is not in\n{screen}");
    }
    for hidden in ["Traces", "Data ", "chimera traces"] {
        assert!(!screen.contains(hidden), "`{hidden}` is in\n{screen}");
    }

    // As the screen says.
    let api = word_after(screen, "--api");
    let mut asking = program("chimera", Path::new(NO_DIRECTORY), &[]);
    asking.args(["ask", "--api", &api, "ZEC price"]);
    let asked = Running::start(asking).end();
    assert_eq!(asked.code, Some(0), "{}", asked.said);
    assert!(asked.said.contains("57.73 USD"), "{}", asked.said);

    let ended = up.terminate();
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    assert!(ended.said.contains("Stopping"), "{}", ended.said);
}

fn word_after(text: &str, word: &str) -> String {
    let mut words = text.split_whitespace();
    words.find(|other| *other == word).unwrap();
    words.next().unwrap().to_owned()
}

/// Nothing of them is in the data directory, which cannot even be made.
#[test]
fn two_of_an_agent_share_a_host() {
    let mut sources = program("chimera", Path::new(NO_DIRECTORY), &[]);
    sources.arg("sources");
    let mut sources = Running::start(sources);
    // As it says that agents are to be told.
    let line = sources.says("sources.recorded_url");
    let recorded = line.split_whitespace().last().unwrap().to_owned();
    let settings = [Servers::fresh().settings(), vec![recorded]].concat();
    let start = |agent: &str| {
        let mut running = Running::start(program(agent, Path::new(NO_DIRECTORY), &settings));
        running.says("\"ready\"");
        running
    };
    let agents = ["query_agent", "data_retrieval_agent"].map(|agent| [start(agent), start(agent)]);
    let mut request = program("chimera", Path::new(NO_DIRECTORY), &settings);
    request.args(["request", "data_retrieval.catalog", "{}"]);
    let catalog = Running::start(request).end();
    assert_eq!(catalog.code, Some(0), "{}", catalog.said);
    assert!(catalog.said.contains("2019-03-28"), "{}", catalog.said);
    for agent in agents.into_iter().flatten() {
        let ended = agent.terminate();
        assert_eq!(ended.code, Some(0), "{}", ended.said);
        for level in ["WARN", "ERROR"] {
            assert!(!ended.said.contains(level), "{}", ended.said);
        }
    }
}
