//! Where and how the program is started and stopped.

use std::{
    io::{BufRead as _, BufReader},
    net::TcpListener,
    process::{Child, Stdio},
};

use crate::process::{Up, chimera, directory, interrupt, run, stderr, stdout};

#[test]
fn it_works_from_any_directory_and_without_a_home() {
    let (data, elsewhere) = (directory(), directory());
    let output = chimera(data.path())
        .env_clear()
        .current_dir(elsewhere.path())
        .args(["ask", "ZEC price"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("57.73 USD"));
    let left = std::fs::read_dir(elsewhere.path()).unwrap().count();
    assert_eq!(left, 0, "nothing is left where it was started");
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    let directory = directory();
    for command in [
        &["ask", "ZEC price"][..],
        &["config"],
        &["completions", "bash"],
        &["--help"],
    ] {
        let mut child = chimera(directory.path())
            .args(command)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(0), "{command:?}: {said}");
        assert_eq!(said, "", "{command:?}");
    }
}

#[test]
fn what_a_killed_up_left_behind_is_in_nobodys_way() {
    let directory = directory();
    Up::start(directory.path(), &[]).kill();
    assert!(directory.path().join("up.json").exists());
    let traces = run(directory.path(), &["traces"]);
    assert_eq!(traces.status.code(), Some(4));
    let said = stderr(&traces);
    assert!(said.contains("no `chimera up` is running"), "{said}");
    let asked = run(directory.path(), &["ask", "ZEC price"]);
    assert_eq!(asked.status.code(), Some(0), "{}", stderr(&asked));
    let up = Up::start(directory.path(), &[]);
    assert_eq!(run(directory.path(), &["traces"]).status.code(), Some(0));
    assert_eq!(up.interrupt(), Some(0));
    assert!(!directory.path().join("up.json").exists());
}

#[test]
fn two_that_ask_at_once_both_get_their_answer() {
    let directory = directory();
    let children: Vec<Child> = (0..3)
        .map(|_| {
            chimera(directory.path())
                .args(["ask", "ZEC price"])
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    }
}

/// A source that takes a connection and never answers.
fn silent_source() -> (TcpListener, String) {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    (
        silent,
        format!("sources.coinmetrics.url=http://{address}/v4"),
    )
}

#[test]
fn ctrl_c_ends_a_question_in_its_middle() {
    let directory = directory();
    let (silent, source) = silent_source();
    let mut child = chimera(directory.path())
        .args(["--set", &source, "ask", "ZEC price"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _connection = silent.accept().unwrap();
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let up = Up::start(directory.path(), &[]);
    assert_eq!(
        up.interrupt(),
        Some(0),
        "the directory is free, and fit for use"
    );
}

#[test]
fn the_second_ctrl_c_does_not_wait_for_what_is_in_flight() {
    let directory = directory();
    let (silent, source) = silent_source();
    let mut up = Up::start_heard(directory.path(), &["--set", &source], Stdio::piped());
    let mut asking = chimera(directory.path())
        .args(["ask", "ZEC price"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _connection = silent.accept().unwrap();
    assert_eq!(up.interrupt_twice(), Some(130));
    assert_eq!(
        asking.wait().unwrap().code(),
        Some(4),
        "its answer cannot come any more"
    );
}

#[test]
fn sources_are_served_until_ctrl_c() {
    let directory = directory();
    let mut child = chimera(directory.path())
        .arg("sources")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let url = lines
        .find_map(|line| {
            let line = line.unwrap();
            line.split_once("sources.recorded_url=")
                .map(|(_, url)| url.to_owned())
        })
        .unwrap();
    let address = url
        .trim_start_matches("http://")
        .split('/')
        .next()
        .unwrap()
        .to_owned();

    let setting = format!("sources.recorded_url={url}");
    let asked = run(directory.path(), &["--set", &setting, "ask", "ZEC price"]);
    assert_eq!(asked.status.code(), Some(0), "{}", stderr(&asked));

    let taken = run(
        directory.path(),
        &["--set", &format!("sources.listen={address}"), "sources"],
    );
    let said = stderr(&taken);
    assert_eq!(taken.status.code(), Some(4), "{said}");
    assert!(
        said.contains(&address) && said.contains("sources.listen"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");

    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
