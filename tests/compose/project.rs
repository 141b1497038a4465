//! A Compose project of its own, on ports of its own.

use std::{
    env,
    path::Path,
    process::{Command, Output},
    thread,
};

use anyhow::{Context as _, Result, ensure};

/// How Compose is called, with the name of a project; `scripts/compose-test` says it, and ends what is left of it.
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
        let program = env::var(PROGRAM)
            .with_context(|| format!("run scripts/compose-test, which sets {PROGRAM}"))?;
        let program = program.split_whitespace().map(str::to_owned).collect();
        Ok(Self { program })
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
    ///
    /// # Errors
    /// When one does not.
    pub(crate) fn check_shutdown(&self) -> Result<()> {
        self.compose(&["stop"])?;
        let containers = self.compose(&["ps", "--all", "--quiet"])?;
        let mut inspect = Command::new("docker");
        inspect.args([
            "inspect",
            "--format",
            "{{.Config.Image}} {{.Name}} {{.State.ExitCode}}",
        ]);
        let states = succeeded(inspect.args(containers.split_whitespace()))?;
        let ours = states.lines().filter(|state| state.starts_with("chimera:"));
        let (well, ill): (Vec<&str>, Vec<&str>) = ours.partition(|state| state.ends_with(" 0"));
        ensure!(ill.is_empty(), "programs that did not end well: {ill:?}");
        // Five services, and two more of the query agent.
        ensure!(well.len() == 7, "{states}");
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
            eprintln!("containers are left behind: {error:#}");
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
