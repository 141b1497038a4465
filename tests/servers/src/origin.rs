//! Where a server comes from.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
};

/// Where programs are that are for administrators, and not on everybody's `PATH`.
const ADMINISTRATORS: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/opt/homebrew/sbin"];

/// What kind of server, and how it is named in the environment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    /// For people: `RabbitMQ`.
    pub(crate) name: &'static str,
    /// What stands behind `CHIMERA_TEST_`: `RABBITMQ`.
    pub(crate) variable: &'static str,
    /// The variable with the URL of a server that is there already.
    pub(crate) url: &'static str,
    /// The program: `rabbitmq-server`.
    pub(crate) program: &'static str,
}

/// What to start.
#[derive(Debug, Clone)]
pub(crate) enum Origin {
    /// A program of this machine.
    Program(PathBuf),
    /// An image for Docker.
    Image(String),
}

impl Kind {
    /// The URL of somebody's server that the environment names.
    pub(crate) fn given_url(&self) -> Option<String> {
        variable(self.url).map(|url| url.into_string().expect("a URL is ASCII"))
    }

    /// What to start.
    ///
    /// # Panics
    /// When there is nothing, with what to do about it.
    pub(crate) fn origin(&self) -> Origin {
        let program = format!("CHIMERA_TEST_{}", self.variable);
        let image = format!("{program}_IMAGE");
        if let Some(path) = variable(&program) {
            return Origin::Program(path.into());
        }
        if let Some(image) = variable(&image) {
            return Origin::Image(image.into_string().expect("the name of an image is ASCII"));
        }
        let Some(path) = on_the_path(self.program) else {
            panic!(
                "this test needs {}: run scripts/test, install `{}`, or set {program} to the program or {image} to an image",
                self.name, self.program
            );
        };
        Origin::Program(path)
    }
}

/// The value of a variable of the environment that is set to something.
#[expect(
    clippy::disallowed_methods,
    reason = "these name programs of the tests, and are no settings of ours"
)]
pub(crate) fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

/// The program of this name.
pub(crate) fn on_the_path(program: &str) -> Option<PathBuf> {
    let path = variable("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(ADMINISTRATORS.map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|file| is_executable(file))
}

fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    file.metadata()
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}
