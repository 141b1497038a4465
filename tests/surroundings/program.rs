//! A program of ours, started as people start it.

use std::{
    env,
    io::{BufRead as _, BufReader, Read},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver, Sender},
    thread,
    time::{Duration, Instant},
};

use chimera_servers::{MongoDb, RabbitMq, Redis};
use chimera_tests::stack::PATIENCE;
use uuid::Uuid;

/// Where no directory can be made: a process that needs one fails there.
pub(crate) const NO_DIRECTORY: &str = "/proc/chimera";

/// Servers for one test: a virtual host, a database and a prefix of keys of its own.
#[derive(Clone)]
pub(crate) struct Servers {
    pub(crate) bus: String,
    pub(crate) documents: String,
    pub(crate) cache: String,
    pub(crate) name: String,
}

impl Servers {
    pub(crate) fn fresh() -> Self {
        let name = format!("surroundings_{}", Uuid::now_v7().simple());
        Self {
            bus: RabbitMq::shared().new_vhost(),
            documents: format!("{}/{name}", MongoDb::shared().url()),
            cache: Redis::shared().url(),
            name,
        }
    }

    /// As settings. Nothing is kept on this machine with them.
    pub(crate) fn settings(&self) -> Vec<String> {
        vec![
            format!("bus.url={}", self.bus),
            format!("documents.url={}", self.documents),
            format!("cache.url={}", self.cache),
            format!("cache.key_prefix={}:", self.name),
            "telemetry.exporters=none".to_owned(),
        ]
    }
}

/// The program `name` with `settings`, on `data_dir`, and with nothing from the environment of the test.
pub(crate) fn program(name: &str, data_dir: &Path, settings: &[String]) -> Command {
    let test = env::current_exe().unwrap();
    let path = test.ancestors().nth(2).unwrap().join(name);
    assert!(
        path.is_file(),
        "{} is missing: run `cargo build --workspace --bins` first",
        path.display()
    );
    let mut command = Command::new(path);
    command.arg("--data-dir").arg(data_dir);
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if ["CHIMERA_", "OTEL_", "TRACING_"]
            .iter()
            .any(|start| text.starts_with(start))
        {
            command.env_remove(name);
        }
    }
    let listens = ["api", "viewer", "sources"].map(|part| format!("{part}.listen=127.0.0.1:0"));
    for setting in listens.iter().chain(settings) {
        command.args(["--set", setting]);
    }
    command.current_dir(env::temp_dir());
    command.env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

/// How a program ended, and every line that it said.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) said: String,
}

/// A running program; killed when it is dropped.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
    said: String,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (sender, lines) = mpsc::channel();
        listen(child.stdout.take().unwrap(), sender.clone());
        listen(child.stderr.take().unwrap(), sender);
        Self {
            child,
            lines,
            said: String::new(),
        }
    }

    /// Waits until it says `text`, and returns that line.
    pub(crate) fn says(&mut self, text: &str) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("it does not say `{text}`:\n{}", self.said);
            };
            self.said += &format!("{line}\n");
            if line.contains(text) {
                return line;
            }
        }
    }

    /// What it has said until the last [`Running::says`].
    pub(crate) fn said(&self) -> &str {
        &self.said
    }

    /// Asks it to end, as `docker stop` does.
    pub(crate) fn terminate(self) -> Ended {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", "TERM", &pid]).status();
        assert!(sent.unwrap().success());
        self.end()
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Ended {
        let until = Instant::now() + PATIENCE + Duration::from_secs(10);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => self.said += &format!("{line}\n"),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => panic!("it does not end:\n{}", self.said),
            }
        }
        Ended {
            code: self.child.wait().unwrap().code(),
            said: std::mem::take(&mut self.said),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn listen(from: impl Read + Send + 'static, lines: Sender<String>) {
    // It ends with the process: then nobody has the other end of the pipe.
    drop(thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            // Whoever listened may have gone.
            let _ = lines.send(line);
        }
    }));
}
