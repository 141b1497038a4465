//! The application's agents as processes of their own.

mod surroundings;

use std::{
    fmt,
    io::{BufRead as _, BufReader, Write as _},
    net::SocketAddr,
    process::{Child, ChildStderr, ChildStdin, Command, ExitStatus, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};

pub use surroundings::{Otherwise, Surroundings};

use crate::stack::PATIENCE;

/// The agents of the application, in the way of the work: who asks others stands before them.
pub const AGENTS: [&str; 4] = [
    "chimera-api",
    "query_agent",
    "data_retrieval_agent",
    "analysis_agent",
];

const LOOK_EVERY: Duration = Duration::from_millis(5);

/// The program of an agent in a process of its own. It is killed when this is dropped.
pub struct Process {
    agent: &'static str,
    child: Child,
    keeper: ChildStdin,
    said: watch::Receiver<Vec<String>>,
    ended: Option<ExitStatus>,
}

impl Process {
    /// Starts `agent` and returns when it works. Several instances of an agent have different numbers.
    ///
    /// # Errors
    /// When the program is not there, ends, or is not ready within [`PATIENCE`].
    pub async fn start(
        agent: &'static str,
        instance: usize,
        surroundings: &Surroundings,
    ) -> Result<Self> {
        let mut process = Self::spawn(agent, surroundings.command(agent, instance)?)?;
        process.says_that_it_is_ready().await?;
        Ok(process)
    }

    fn spawn(agent: &'static str, mut command: Command) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {agent}"))?;
        let stderr = child.stderr.take().expect("it is a pipe");
        let keeper = child.stdin.take().expect("it is a pipe");
        Ok(Self {
            agent,
            child,
            keeper,
            said: heard(stderr),
            ended: None,
        })
    }

    async fn says_that_it_is_ready(&mut self) -> Result<()> {
        let mut said = self.said.clone();
        let ready = said.wait_for(|lines| messages(lines).any(|message| message == "ready"));
        let why = match timeout(PATIENCE, ready).await {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(_)) => "it ended",
            Err(_) => "it does not become ready",
        };
        bail!("starting {}: {why}\n{}", self.agent, self.said().join("\n"))
    }

    /// Its agent.
    pub fn agent(&self) -> &'static str {
        self.agent
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where it serves `purpose`.
    pub fn address(&self, purpose: &str) -> Option<SocketAddr> {
        address(&self.said.borrow(), purpose)
    }

    /// What it has said on standard error so far, line by line.
    pub fn said(&self) -> Vec<String> {
        self.said.borrow().clone()
    }

    /// Ends it as `kill -9` does.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.ended = Some(self.child.wait()?);
        Ok(())
    }

    /// Asks it to end, if it has not ended.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn terminate(&self) -> Result<()> {
        if self.ended.is_none() {
            let pid = self.child.id().to_string();
            let sent = Command::new("kill").args(["-s", "TERM", &pid]).status()?;
            ensure!(sent.success(), "asking {} to end: {sent}", self.agent);
        }
        Ok(())
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// When it has not within [`PATIENCE`], and when it did not end as a program does that was asked to.
    pub async fn ended(&mut self) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait()? {
                break status;
            }
            ensure!(
                Instant::now() < until,
                "{} does not end\n{}",
                self.agent,
                self.said().join("\n")
            );
            sleep(LOOK_EVERY).await;
        };
        self.ended = Some(status);
        let said = self.said().join("\n");
        ensure!(status.success(), "{} ended: {status}\n{said}", self.agent);
        ensure!(
            !said.contains("panicked at"),
            "{} panicked\n{said}",
            self.agent
        );
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.ended.is_none() {
            // It may have ended by itself already.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        // Its process id may be another's by now. Nobody reads it when the keeper was killed too.
        let _ = self.keeper.write_all(b"ended\n");
        if thread::panicking() {
            self.tell();
        }
    }
}

impl Process {
    #[expect(
        clippy::print_stderr,
        reason = "what an agent said belongs to the failure of its test"
    )]
    fn tell(&self) {
        eprintln!("--- {} ({}) said:", self.agent, self.child.id());
        for line in self.said() {
            eprintln!("{line}");
        }
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("agent", &self.agent)
            .field("pid", &self.child.id())
            .finish_non_exhaustive()
    }
}

/// The lines that come on `stderr`, as long as it is open.
fn heard(stderr: ChildStderr) -> watch::Receiver<Vec<String>> {
    let (lines, heard) = watch::channel(Vec::new());
    // It ends with the process: then nobody has the other end of the pipe.
    drop(thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            lines.send_modify(|lines| lines.push(line));
        }
    }));
    heard
}

/// The address in the message `<purpose> on http://<address>`.
fn address(lines: &[String], purpose: &str) -> Option<SocketAddr> {
    let start = format!("{purpose} on http://");
    messages(lines).find_map(|message| message.strip_prefix(&start)?.parse().ok())
}

/// The messages of log lines, which are JSON where nobody looks on.
fn messages(lines: &[String]) -> impl Iterator<Item = String> {
    lines.iter().filter_map(|line| {
        let mut line: Value = serde_json::from_str(line).ok()?;
        match line["message"].take() {
            Value::String(message) => Some(message),
            _ => None,
        }
    })
}
