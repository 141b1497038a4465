//! `chimera up` as a program: how long until it is ready, and what memory it takes.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{
    measure::{Latencies, millis},
    memory::Memory,
};

const STARTS: usize = 10;

/// How long it has nothing to do before its memory is read.
const IDLE: Duration = Duration::from_secs(2);

/// What `chimera up` prints when all of it is ready.
const READY: &str = "Chimera is up";

struct Figures {
    ready: Latencies,
    stopped: Latencies,
    idle: Memory,
}

/// Starts it on new directories, and again on used ones.
pub(crate) fn start_and_memory() {
    let program = build();
    let mut figures = ["new", "used"].map(|label| {
        let figures = Figures {
            ready: Latencies::new(),
            stopped: Latencies::new(),
            idle: Memory::default(),
        };
        (label, figures)
    });
    for _ in 0..STARTS {
        let directory = tempfile::tempdir().expect("the temporary directory can be written");
        for (_, figures) in &mut figures {
            start_and_stop(&program, directory.path(), figures);
        }
    }
    println!("\n### `chimera up` with all four agents (goals: ready in 100 ms, 30 MiB)\n");
    println!(
        "| data directory | ready p50 ms | slowest | stopped p50 ms | slowest | idle RSS, MiB | its data |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|");
    for (label, figures) in figures {
        let [ready, stopped] = [&figures.ready, &figures.stopped].map(|latencies| {
            let (p50, most) = (latencies.quantile(0.5), latencies.quantile(1.0));
            format!("{} | {}", millis(p50), millis(most))
        });
        println!("| {label} | {ready} | {stopped} | {} |", figures.idle);
    }
}

fn start_and_stop(program: &Path, directory: &Path, figures: &mut Figures) {
    let started = Instant::now();
    let up = Up::start(program, directory);
    figures.ready.record(started);
    thread::sleep(IDLE);
    figures.idle = figures.idle.max(Memory::of(up.0.id()));
    let stopping = Instant::now();
    up.stop();
    figures.stopped.record(stopping);
}

/// The program as it is delivered. A bench is not told where the program of another package is.
fn build() -> PathBuf {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--release", "--quiet", "-p", "chimera-cli"])
        .status();
    assert!(built.expect("cargo runs").success(), "chimera builds");
    let bench = std::env::current_exe().expect("the bench is a file");
    let deps = bench.parent().expect("it is in a directory");
    deps.with_file_name("chimera")
}

/// A running `chimera up`, killed when it was not stopped.
struct Up(Child);

impl Up {
    /// Returns when it says that it is ready.
    fn start(program: &Path, directory: &Path) -> Self {
        let child = Command::new(program)
            .arg("up")
            .arg("--data-dir")
            .arg(directory)
            .env("CHIMERA__API__LISTEN", "127.0.0.1:0")
            .env("CHIMERA__VIEWER__LISTEN", "127.0.0.1:0")
            .current_dir(directory)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut up = Self(child.expect("chimera starts"));
        let output = up.0.stdout.take().expect("it is piped");
        let mut lines = BufReader::new(output).lines();
        let is_ready = lines.any(|line| line.is_ok_and(|line| line.starts_with(READY)));
        assert!(is_ready, "chimera did not get ready");
        // What else it prints has to go somewhere.
        thread::spawn(move || lines.for_each(drop));
        up
    }

    fn stop(mut self) {
        let asked = Command::new("kill").arg(self.0.id().to_string()).status();
        assert!(asked.expect("kill is a program").success());
        let status = self.0.wait().expect("it is our child");
        assert!(status.success(), "{status}");
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // When it was stopped there is nothing left to kill.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
