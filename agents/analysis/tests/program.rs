//! `analysis_agent` in a process of its own: what it says, and that commands reach its bus.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
};

use chimera_shared::door::{Doorplate, PURPOSE, SERVICE};
use serde_json::{Value, json};

/// The program; killed when it is dropped.
struct Agent(Child);

impl Agent {
    /// Starts it on `data_dir`, and returns when it says where commands reach it.
    fn start(data_dir: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_analysis_agent"))
            .arg("--data-dir")
            .arg(data_dir)
            .current_dir(data_dir)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = said.map(Result::unwrap);
        assert!(said.any(|line| line.contains(PURPOSE)), "it says where");
        // What it says from now on is read, so that it can go on saying it.
        std::thread::spawn(move || said.for_each(drop));
        Self(child)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Posts `body`, and returns what is answered.
fn post(address: SocketAddr, path: &str, body: &Value) -> String {
    let body = body.to_string();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn commands_reach_an_agent_in_a_process_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let _agent = Agent::start(directory.path());
    let own = directory.path().join("agents/analysis_agent");
    let plate = Doorplate::read(&own).unwrap().unwrap();
    let door = plate.address(SERVICE, PURPOSE).unwrap();
    // Not what it takes: it says so, which nobody else could.
    let request = json!({ "routing_key": "analysis.request", "body": {} });
    let answer = post(door, "/api/bus/requests", &request);
    assert!(answer.starts_with("HTTP/1.1 502"), "{answer}");
    assert!(
        answer.contains("analysis_agent") && answer.contains("query_id"),
        "{answer}"
    );
}
