//! The program in a directory of its own.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

/// `chimera` with free ports, on `data_dir`.
pub(crate) fn chimera(data_dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chimera"));
    command.arg("--data-dir").arg(data_dir);
    for listen in ["api", "viewer", "sources"] {
        command
            .arg("--set")
            .arg(format!("{listen}.listen=127.0.0.1:0"));
    }
    for (name, _) in std::env::vars_os() {
        let ours = name.to_str().is_some_and(|name| {
            ["OTEL_", "CHIMERA_", "TRACING_", "DAENA_"]
                .iter()
                .any(|ours| name.starts_with(ours))
        });
        if ours {
            command.env_remove(name);
        }
    }
    command.env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

/// A directory for one test.
pub(crate) fn directory() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// Runs a command to its end.
pub(crate) fn run(data_dir: &Path, arguments: &[&str]) -> Output {
    chimera(data_dir).args(arguments).output().unwrap()
}

/// Standard output as text.
pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Standard error as text.
pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Sends a process what Ctrl-C sends.
pub(crate) fn interrupt(child: &Child) {
    let pid = child.id().to_string();
    let kill = Command::new("kill").args(["-INT", &pid]).status().unwrap();
    assert!(kill.success());
}

/// A running `chimera up`; killed when it is dropped.
pub(crate) struct Up {
    child: Child,
    listens: Value,
}

impl Up {
    /// Starts it, and returns when it says that it is up.
    pub(crate) fn start(data_dir: &Path, arguments: &[&str]) -> Self {
        Self::start_heard(data_dir, arguments, Stdio::inherit())
    }

    /// The same, with what it says on standard error going to `stderr`.
    pub(crate) fn start_heard(data_dir: &Path, arguments: &[&str], stderr: Stdio) -> Self {
        let mut command = chimera(data_dir);
        let mut child = command
            .args(arguments)
            .arg("up")
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .unwrap();
        let first = BufReader::new(child.stdout.as_mut().unwrap())
            .lines()
            .next();
        let line = first
            .unwrap_or_else(|| panic!("chimera up ended: {:?}", child.wait()))
            .unwrap();
        assert!(line.starts_with("Chimera is up"), "{line}");
        let listens =
            serde_json::from_slice(&std::fs::read(data_dir.join("up.json")).unwrap()).unwrap();
        Self { child, listens }
    }

    /// A URL of what `service` serves as `purpose`.
    pub(crate) fn url(&self, service: &str, purpose: &str, path: &str) -> String {
        format!("http://{}{path}", self.address(service, purpose))
    }

    /// Where `service` serves `purpose`.
    pub(crate) fn address(&self, service: &str, purpose: &str) -> &str {
        let entries = self.listens["listens"].as_array().unwrap();
        let entry = entries
            .iter()
            .find(|entry| entry["service"] == service && entry["purpose"] == purpose)
            .unwrap();
        entry["address"].as_str().unwrap()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as `kill -9` does.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends it as Ctrl-C does, and returns its exit code.
    pub(crate) fn interrupt(mut self) -> Option<i32> {
        interrupt(&self.child);
        self.child.wait().unwrap().code()
    }
}

impl Up {
    /// Ends it as the second Ctrl-C does, once it has said that it heard the first. Its standard error is a pipe.
    pub(crate) fn interrupt_twice(&mut self) -> Option<i32> {
        let mut said = BufReader::new(self.child.stderr.take().unwrap()).lines();
        interrupt(&self.child);
        assert!(said.any(|line| line.unwrap().starts_with("Stopping")));
        interrupt(&self.child);
        self.child.wait().unwrap().code()
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // It may have ended by itself already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
