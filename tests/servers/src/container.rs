//! Servers in containers of Docker.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{ports, process::AtTheEnd};

/// What marks every container of these tests: `docker ps --all --filter label=chimera.test`.
const LABEL: &str = "chimera.test";

/// What a container is made of.
#[derive(Debug, Default)]
pub(crate) struct Recipe {
    pub(crate) image: String,
    /// Ports of this machine, each with the one in the container.
    pub(crate) ports: Vec<(u16, u16)>,
    pub(crate) environment: Vec<(&'static str, String)>,
    /// What is handed to the program in the container.
    pub(crate) arguments: Vec<String>,
    /// Files of this machine, each with where it is in the container.
    pub(crate) files: Vec<(PathBuf, String)>,
}

/// A container, which need not run. It is gone when this is dropped or the process has ended, however it ended.
#[derive(Debug)]
pub(crate) struct Container {
    name: String,
    _removal: AtTheEnd,
}

impl Container {
    /// Makes a container. It keeps its ports and its data over any number of starts.
    pub(crate) fn create(recipe: &Recipe) -> Self {
        let name = format!("chimera-test-{:016x}", ports::random());
        let mut create = docker();
        create.args(["create", "--name", &name, "--label", LABEL]);
        for (here, inside) in &recipe.ports {
            create.args(["--publish", &format!("127.0.0.1:{here}:{inside}")]);
        }
        for (variable, value) in &recipe.environment {
            create.args(["--env", &format!("{variable}={value}")]);
        }
        create.arg(&recipe.image).args(&recipe.arguments);
        output_of(&mut create);
        let remove = r#"docker rm --force --volumes "$1""#;
        let container = Self {
            _removal: AtTheEnd::run(remove, OsStr::new(&name)),
            name,
        };
        for (file, inside) in &recipe.files {
            copy_into(&container.name, file, inside);
        }
        container
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Starts it, and prints what its program prints, for as long as that runs.
    pub(crate) fn start(&self) -> Command {
        let mut start = docker();
        start.args(["start", "--attach", &self.name]);
        start
    }
}

/// Copies a file of this machine into a container.
pub(crate) fn copy_into(container: &str, file: &Path, inside: &str) {
    let inside = format!("{container}:{inside}");
    output_of(docker().arg("cp").arg(file).arg(inside));
}

/// Runs a program in a container.
pub(crate) fn run_in(container: &str) -> Command {
    let mut exec = docker();
    exec.args(["exec", container]);
    exec
}

fn docker() -> Command {
    Command::new("docker")
}

/// Runs a command to its end and returns what it printed.
///
/// # Panics
/// When it fails, with what it said.
pub(crate) fn output_of(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", command.get_program().display()));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{said}{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    said
}
