//! A Compose project of its own, on ports of its own.

use std::{
    env,
    path::Path,
    process::{self, Command, Output},
    thread,
};

use anyhow::{Context as _, Result, ensure};

/// How Compose is called, as `docker compose` or `docker-compose`; `scripts/compose-test` says it.
const PROGRAM: &str = "CHIMERA_TEST_COMPOSE";

/// The ports that are published, so that the stack of a user is not in the way.
const PORTS: [&str; 4] = [
    "API_PORT",
    "JAEGER_PORT",
    "RABBITMQ_PORT",
    "RABBITMQ_MANAGEMENT_PORT",
];

/// The stack as it stands in the repository. Its containers and volumes go when this is dropped.
pub(crate) struct Project {
    program: Vec<String>,
    name: String,
}

impl Project {
    /// A project of which nothing is there yet.
    ///
    /// # Errors
    /// When nobody says how Compose is called.
    #[expect(
        clippy::disallowed_methods,
        reason = "it names a program of the test's, and is no setting of ours"
    )]
    pub(crate) fn new() -> Result<Self> {
        let program = env::var(PROGRAM).with_context(|| {
            format!("set {PROGRAM} to `docker compose`, or run scripts/compose-test")
        })?;
        Ok(Self {
            program: program.split_whitespace().map(str::to_owned).collect(),
            name: format!("chimera-test-{}", process::id()),
        })
    }

    /// Builds the image, starts everything, and returns when it is healthy.
    ///
    /// # Errors
    /// When a container is not healthy in time.
    pub(crate) fn up(&self) -> Result<()> {
        let mut arguments = vec!["up", "--detach", "--build"];
        // Compose 1 knows no `--wait`; what is started last there is the API, after all others are healthy.
        if !self.compose(&["version", "--short"])?.starts_with("1.") {
            arguments.push("--wait");
        }
        self.compose(&arguments).map(drop)
    }

    /// Starts what does not run, with three query agents.
    ///
    /// # Errors
    /// When Compose fails.
    pub(crate) fn scale(&self) -> Result<()> {
        let scaled = [
            "up",
            "--detach",
            "--no-recreate",
            "--scale",
            "query_agent=3",
        ];
        self.compose(&scaled).map(drop)
    }

    /// Runs a command of Compose on this project, and returns what it printed.
    ///
    /// # Errors
    /// When it fails, with what it said.
    pub(crate) fn compose(&self, arguments: &[&str]) -> Result<String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
        let mut command = Command::new(&self.program[0]);
        command
            .args(&self.program[1..])
            // Not the `.env` of who runs the test. In this file, everything is commented out.
            .args(["--env-file", ".env.example", "--project-name", &self.name])
            .args(arguments)
            .current_dir(root.expect("the crate is in a folder of the root"))
            .envs(PORTS.map(|port| (port, "0")));
        succeeded(&mut command)
    }

    /// Runs a program in the container of `service`, and returns what it printed.
    pub(crate) fn in_container(&self, service: &str, program: &[&str]) -> Result<String> {
        self.compose(&[&["exec", "-T", service], program].concat())
    }

    /// The address on this machine at which `port` of `service` is published.
    pub(crate) fn published(&self, service: &str, port: u16) -> Result<String> {
        let address = self.compose(&["port", service, &port.to_string()])?;
        let address = address.trim();
        ensure!(
            address.starts_with("127.0.0.1:"),
            "{service} is published at {address}, beyond this machine's loopback"
        );
        Ok(address.to_owned())
    }

    /// Stops the stack; each program of ours ends by itself and well.
    pub(crate) fn check_shutdown(&self) -> Result<()> {
        self.compose(&["stop"])?;
        let mut inspect = Command::new("docker");
        inspect.args([
            "ps",
            "--all",
            "--format",
            "{{.Names}}\t{{.Image}}\t{{.Status}}",
        ]);
        inspect.args([
            "--filter",
            &format!("label=com.docker.compose.project={}", self.name),
        ]);
        let containers = succeeded(&mut inspect)?;
        let ours: Vec<&str> = containers
            .lines()
            .filter(|line| line.contains("\tchimera:"))
            .collect();
        // Five services, and two more of the query agent.
        ensure!(ours.len() == 7, "{containers}");
        let failed = ours.iter().find(|line| !line.contains("Exited (0)"));
        ensure!(
            failed.is_none(),
            "a program did not end well:\n{containers}"
        );
        Ok(())
    }
}

impl Drop for Project {
    #[expect(
        clippy::print_stderr,
        reason = "a failed test shows what the stack said"
    )]
    fn drop(&mut self) {
        if thread::panicking() {
            let said = self.compose(&["logs", "--no-color", "--tail", "200"]);
            eprintln!("{}", said.unwrap_or_else(|error| format!("{error:#}")));
        }
        if let Err(error) = self.compose(&["down", "--volumes", "--timeout", "5"]) {
            eprintln!("the containers of {} are left behind: {error:#}", self.name);
        }
    }
}

fn succeeded(command: &mut Command) -> Result<String> {
    let Output {
        status,
        stdout,
        stderr,
    } = command
        .output()
        .with_context(|| format!("running {command:?}"))?;
    ensure!(
        status.success(),
        "{command:?}: {status}\n{}",
        String::from_utf8_lossy(&stderr)
    );
    Ok(String::from_utf8_lossy(&stdout).into_owned())
}
